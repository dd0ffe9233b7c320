"""Tests of accounts/paging.py: deep pages hold what plain ones hold."""

import pytest
from django.core import paginator
from django.db import connection
from django.db.models import Value
from django.test.utils import CaptureQueriesContext

from accounts.models import Notification, User
from accounts.paging import Paginator, Sorted


@pytest.mark.parametrize("order", ["-id", "id", "-created_at"])
def test_deep_page_holds_what_a_plain_one_holds(driver: User, order: str) -> None:
    for number in range(23):
        Notification.objects.create(user=driver, kind="earned", context={"place": str(number)})
    mine = Notification.objects.filter(user=driver).select_related("user").annotate(one=Value(1)).order_by(order, "id")
    pages, plain = Paginator(mine, 5), paginator.Paginator(mine, 5)

    assert pages.count == plain.count == 23
    for number in pages.page_range:
        assert [(row.pk, row.__dict__["one"], row.user) for row in pages.page(number)] == [
            (row.pk, row.__dict__["one"], row.user) for row in plain.page(number)
        ]


def test_only_a_deep_page_is_looked_for_by_keys(driver: User) -> None:
    for _number in range(6):
        Notification.objects.create(user=driver, kind="earned", context={})
    mine = Notification.objects.filter(user=driver).select_related("user")

    with CaptureQueriesContext(connection) as first:
        list(Paginator(mine, 3).page(1))
    with CaptureQueriesContext(connection) as deep:
        list(Paginator(mine, 3).page(2))

    assert len(first) == 2, "a count and the rows"
    _count, keys, rows = (query["sql"] for query in deep.captured_queries)
    assert "JOIN" not in keys, "what is passed over is not read whole"
    assert "OFFSET 3" in keys
    assert "JOIN" in rows
    assert "OFFSET" not in rows


def test_a_list_and_an_empty_page_stay_what_they_are(driver: User) -> None:
    assert list(Paginator(["a", "b", "c"], 2).get_page(2)) == ["c"]
    assert list(Paginator(Notification.objects.filter(user=driver), 2).get_page(9)) == []


def test_what_no_index_orders_is_sorted_by_keys_alone(driver: User) -> None:
    for number in range(7):
        Notification.objects.create(user=driver, kind="earned", context={"place": str(number)})
    mine = Notification.objects.filter(user=driver).select_related("user").order_by("created_at", "-pk")
    with CaptureQueriesContext(connection) as first:
        shown = [list(Sorted(mine, 3).page(number)) for number in (1, 2, 3)]

    assert [row for page in shown for row in page] == list(mine)
    assert "JOIN" not in first.captured_queries[1]["sql"]


def test_told_how_many_there_are_it_does_not_count(driver: User) -> None:
    for _number in range(5):
        Notification.objects.create(user=driver, kind="earned", context={})
    with CaptureQueriesContext(connection) as context:
        page = Paginator(Notification.objects.filter(user=driver).order_by("pk"), 2).counted(5).get_page("99999999999999999999")
        assert (page.number, len(page)) == (3, 1)
    assert not any("COUNT" in query["sql"] for query in context.captured_queries)
