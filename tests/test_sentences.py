"""What is asked again and again, spelt once: it answers as Django itself would, and refuses what it cannot."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.exceptions import ObjectDoesNotExist
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import IdToken, Notification, User
from billing.models import LedgerAccount
from chargeshare import sentences
from chargeshare.sentences import Among, Question
from stations.models import ChargePoint, ChargingSession, Connector
from tests import factories
from tests.stations.acting import HOUR, NOON, begin


def state_of(row):
    return {name: value for name, value in vars(row).items() if name != "_state"}


def started(charge_point, tag, at):
    return ChargingSession.objects.get(transaction_id=begin(charge_point, tag, at=at).transaction_id)


def test_rows_are_those_of_the_queryset_with_what_was_selected_beside_them(charge_point, connector):
    question = Question(lambda pk: Connector.objects.select_related("charge_point__owner", "tariff__current").filter(charge_point_id=pk))
    for asked in (charge_point, factories.make_charge_point(factories.make_user())):
        expected = list(Connector.objects.select_related("charge_point__owner", "tariff__current").filter(charge_point=asked))
        with CaptureQueriesContext(connection) as queries:
            found = question.all(asked.pk)
            assert [(one.tariff and one.tariff.current, one.charge_point.owner) for one in found] == [
                (one.tariff and one.tariff.current, one.charge_point.owner) for one in expected
            ]
        assert found == expected
        assert len(queries) == 1
        assert [state_of(one) for one in found] == [state_of(one) for one in expected]
        assert [state_of(one.charge_point) for one in found] == [state_of(one.charge_point) for one in expected]


def test_every_kind_of_value_stands_in_its_place(charge_point, connector):
    now = NOON + 4 * HOUR
    sessions = [started(charge_point, f"TAG{hour}", NOON + (4 - hour) * HOUR) for hour in range(1, 4)]
    question = Question(
        lambda since, until, tag, pk: ChargingSession.objects.filter(
            started_at__gt=since, started_at__lt=until, charge_point_id=pk
        ).exclude(id_tag=tag).order_by("-started_at").values_list("pk", "started_at")
    )  # fmt: skip
    by_code = Question(lambda code: ChargingSession.objects.filter(code=code).values_list("pk", flat=True))
    early, late = now - timedelta(minutes=150), now

    assert question.all(early, late, "TAG1", charge_point.pk) == [(sessions[1].pk, sessions[1].started_at)]
    assert question.all(early, late, "TAG2", charge_point.pk) == [(sessions[0].pk, sessions[0].started_at)]
    assert question.all(early - timedelta(days=1), late, "", charge_point.pk)[2] == (sessions[2].pk, sessions[2].started_at)
    assert question.first(early, late, "TAG2", charge_point.pk + 1) is None
    assert [by_code.first(one.code) for one in sessions] == [one.pk for one in sessions]
    assert by_code.first(uuid4()) is None


def test_what_cannot_be_kept_is_refused():
    now = timezone.now()
    with pytest.raises(TypeError):
        Question(lambda pk: User.objects.filter(pk=pk)).all(None)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="not written as it is"):
        Question(lambda word: User.objects.filter(name__contains=word)).all("a")
    with pytest.raises(TypeError, match="not written as it is"):
        Question(lambda at: ChargingSession.objects.filter(started_at__lt=at - HOUR)).all(NOON)
    with pytest.raises(TypeError, match="by itself"):
        Question(lambda pk: ChargePoint.objects.filter(pk=pk).prefetch_related("connectors")).all(1)
    with pytest.raises(TypeError, match="by Django itself"):
        sentences.insert(IdToken(uid="04AB", uid_key="04AB", confirmed_at=now))  # staff's log wants to hear of cards


@pytest.mark.django_db(transaction=True)
def test_nothing_is_locked_outside_of_a_transaction(driver):
    question = Question(lambda pk: LedgerAccount.objects.select_for_update().filter(user_id=pk))
    with transaction.atomic():
        question.all(driver.pk)
    with pytest.raises(transaction.TransactionManagementError):
        question.all(driver.pk)


def test_a_row_is_stored_and_changed_as_by_save(charge_point, connector, driver):
    told = sentences.insert(Notification(user=driver, kind="earned", url="/", context={"place": "Žižkov", "energy_wh": 1}))
    assert state_of(Notification.objects.get(pk=told.pk)) == state_of(told)
    assert not told._state.adding
    with pytest.raises(TypeError):
        sentences.insert(told)

    session = started(charge_point, "TAG", NOON)
    session.energy_wh, session.meter, session.power_w = 5, {"register": 7}, None
    with CaptureQueriesContext(connection) as queries:
        sentences.update(session, ("energy_wh", "meter", "power_w"))
    assert len(queries) == 1
    assert state_of(ChargingSession.objects.get(pk=session.pk)) == state_of(session)
    session.note, session.energy_wh = "not asked for", 6
    sentences.update(session, ("energy_wh",))
    stored = ChargingSession.objects.get(pk=session.pk)
    assert (stored.note, stored.energy_wh) == ("", 6)
    session.pk += 1
    with pytest.raises(ObjectDoesNotExist):
        sentences.update(session, ("energy_wh",))


def test_a_list_of_numbers_is_asked_for_by_one_statement_however_long_it_is(charge_point, connector):
    sessions = [started(charge_point, f"TAG{hour}", NOON + hour * HOUR) for hour in range(3)]
    among = Among(lambda numbers: ChargingSession.objects.filter(pk__in=numbers, charge_point=charge_point).order_by("pk"))
    as_tuples = Among(lambda numbers: ChargingSession.objects.filter(pk__in=numbers).order_by("pk").values_list("code", "meter"))

    with CaptureQueriesContext(connection) as queries:
        assert among.of([]) == []
    assert not len(queries)
    assert among.of([sessions[1].pk]) == [sessions[1]]
    assert among.of({one.pk for one in sessions}) == sessions
    assert as_tuples.of([one.pk for one in sessions]) == [(one.code, one.meter) for one in sessions]
    assert among.of([max(one.pk for one in sessions) + 1]) == []


@pytest.mark.skipif(connection.vendor != "postgresql", reason="elsewhere Django spells it each time")
def test_a_question_of_two_lists_is_no_question_among_numbers():
    two_lists = Among(lambda numbers: ChargingSession.objects.filter(pk__in=numbers, connector_id__in=[1]))
    with pytest.raises(TypeError):
        two_lists.of([1])


def test_several_new_rows_are_stored_by_one_statement(driver):
    rows = [Notification(user=driver, kind="earned", url=f"/{number}/", context={"energy_wh": number}) for number in range(3)]
    with CaptureQueriesContext(connection) as queries:
        sentences.insert_all(rows)
    assert len(queries) == 1
    assert sorted(Notification.objects.values_list("url", "context__energy_wh")) == [("/0/", 0), ("/1/", 1), ("/2/", 2)]
    kept = Notification.objects.earliest("pk")
    with pytest.raises(TypeError):
        sentences.insert_all([kept])
