"""Each deed of a page done twice: by two clicks at the same moment, and once more when the answer was lost on its way.

A browser shows what the last click was answered. So all of them are answered alike, and one thing has happened.
"""

import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

import pytest
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from billing.models import ChargeDetailRecord, Hold, TopUp
from stations import booking_rules, reservations, sessions, threads
from stations.models import (
    ChargePoint,
    ChargingSession,
    Command,
    Favourite,
    Message,
    Problem,
    Reservation,
    ReservationSeries,
    Review,
    WaitlistPlace,
)
from tests import factories
from tests.stations.acting import HOUR, MINUTE, begin, go_online
from tests.stations.test_booking_rules import fees
from tests.stations.test_reservations import book, move
from tests.stations.test_reviews import visit
from tests.stations.test_sessions_at_once import at_once

pytestmark = pytest.mark.django_db(transaction=True)


class Deed(NamedTuple):
    """A form, and what there is one of afterwards however often it is sent."""

    path: str
    said: dict[str, str]
    one_of: tuple[type[Model], ...]


def slot_of(charge_point: ChargePoint, **more: str) -> dict[str, str]:
    begins_at = (timezone.now() + 5 * HOUR).replace(microsecond=0)
    return {"connector": "1", "from": begins_at.isoformat(), "to": (begins_at + HOUR).isoformat(), **more}


def to_book(driver: User, charge_point: ChargePoint) -> Deed:
    return Deed(reverse("stations:book", args=[charge_point.code]), slot_of(charge_point), (Reservation,))


def to_book_what_waits_for_approval(driver: User, charge_point: ChargePoint) -> Deed:
    booking_rules.edit(charge_point, approval="always")
    return to_book(driver, charge_point)


def to_book_every_week(driver: User, charge_point: ChargePoint) -> Deed:
    return Deed(reverse("stations:book", args=[charge_point.code]), slot_of(charge_point, weeks="4"), (ReservationSeries,))


def to_cancel(driver: User, charge_point: ChargePoint) -> Deed:
    """Late, so that it costs something, once."""
    fees(charge_point)
    booking = move(book(driver, charge_point.connectors.get(), begins=72 * HOUR), begins=HOUR, ends=3 * HOUR)
    Reservation.objects.filter(pk=booking.pk).update(free_until=timezone.now() - MINUTE)
    return Deed(reverse("stations:reservation_cancel", args=[booking.code]), {}, (ChargeDetailRecord,))


def to_wait(driver: User, charge_point: ChargePoint) -> Deed:
    slot = slot_of(charge_point)
    begins_at = datetime.fromisoformat(slot["from"])
    reservations.book(
        driver=factories.make_user("Somebody Else"),
        connector=charge_point.connectors.get(),
        begins_at=begins_at,
        ends_at=begins_at + HOUR,
    )
    return Deed(reverse("stations:waitlist_join", args=[charge_point.code, 1]), slot, (WaitlistPlace,))


def to_start(driver: User, charge_point: ChargePoint) -> Deed:
    return Deed(reverse("stations:session_start", args=[charge_point.code, 1]), {}, (ChargingSession, Hold, Command))


def to_stop(driver: User, charge_point: ChargePoint) -> Deed:
    begin(charge_point, factories.make_id_token(driver).uid, at=timezone.now())
    return Deed(reverse("stations:session_stop", args=[ChargingSession.objects.get().code]), {}, (Command,))


def to_call_off(driver: User, charge_point: ChargePoint) -> Deed:
    """A start that waits for its charger."""
    session = sessions.request_start(driver=driver, connector=charge_point.connectors.get())
    return Deed(reverse("stations:session_stop", args=[session.code]), {}, (ChargingSession,))


def to_review(driver: User, charge_point: ChargePoint) -> Deed:
    path = reverse("stations:review", args=[visit(driver, charge_point).code])
    return Deed(path, {"rating": "4", "text": "Fine."}, (Review,))


def to_write(driver: User, charge_point: ChargePoint) -> Deed:
    path = reverse("stations:session_messages", args=[visit(driver, charge_point).code])
    return Deed(path, {"text": "I left my cable."}, (Message,))


def to_report(driver: User, charge_point: ChargePoint) -> Deed:
    path = reverse("stations:session_problem", args=[visit(driver, charge_point).code])
    return Deed(path, {"kind": "broken"}, (Problem,))


def to_like(driver: User, charge_point: ChargePoint) -> Deed:
    return Deed(reverse("stations:favourite", args=[charge_point.code]), {"deed": "add"}, (Favourite,))


def to_top_up(driver: User, charge_point: ChargePoint) -> Deed:
    return Deed(reverse("billing:wallet"), {"amount": "200", "key": str(uuid.uuid4())}, (TopUp,))


DEEDS = (
    *(to_book, to_book_what_waits_for_approval, to_book_every_week, to_cancel, to_wait, to_start, to_stop, to_call_off),
    *(to_review, to_write, to_report, to_like, to_top_up),
)


@pytest.mark.parametrize("made", DEEDS, ids=lambda made: made.__name__.removeprefix("to_"))
def test_two_clicks_and_one_more_are_one_deed(
    driver: User, charge_point: ChargePoint, made: Callable[..., Deed], monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.OFFLINE_AFTER_S = 3600  # however slow the machine
    monkeypatch.setattr(threads, "SAME_CLICK", HOUR)
    deed = made(driver, go_online(charge_point))
    client = Client()
    client.force_login(driver)

    def click() -> Any:
        one = Client()
        one.cookies = client.cookies
        return one.post(deed.path, deed.said)

    answers = [*at_once(click, click), click()]

    assert [answer.status_code for answer in answers] == [302] * 3, [answer.content.decode()[-2000:] for answer in answers]
    assert len({answer["Location"] for answer in answers}) == 1
    assert [table._default_manager.count() for table in deed.one_of] == [1] * len(deed.one_of)
    shown = client.get(answers[-1]["Location"])
    assert not [str(said) for said in shown.context["messages"] if "error" in said.tags]
