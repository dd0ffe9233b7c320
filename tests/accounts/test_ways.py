"""By which ways, and when."""

from datetime import UTC, datetime, time, timedelta

import pytest
from django.core import mail
from django.utils import timezone

from accounts import notifications, ways
from accounts.models import Notification, NotificationPreferences, User
from accounts.ways import Group, Kind, Wishes
from chargeshare.errors import Invalid

NIGHT = Wishes(quiet_from=time(22), quiet_to=time(7))


def at(said: str) -> datetime:
    return datetime.fromisoformat(said).astimezone(UTC)


def test_every_kind_is_chosen_with_one_group() -> None:
    held = [kind for kinds in ways.GROUPS.values() for kind in kinds]

    assert sorted(held) == sorted(Kind)
    assert set(ways.GROUPS) == set(Group)
    assert {*ways.ALWAYS_BY_EMAIL, *ways.URGENT, *ways.LIFETIMES} <= set(Kind)


@pytest.mark.parametrize(
    ("now", "ends"),
    [
        ("2026-11-20T21:59:59+01:00", None),
        ("2026-11-20T22:00:00+01:00", "2026-11-21T07:00:00+01:00"),
        ("2026-11-21T00:00:00+01:00", "2026-11-21T07:00:00+01:00"),
        ("2026-11-21T06:59:59+01:00", "2026-11-21T07:00:00+01:00"),
        ("2026-11-21T07:00:00+01:00", None),
        # The clock is set forward on 28 March 2027 and back on 31 October 2027, both at night.
        ("2027-03-27T23:00:00+01:00", "2027-03-28T07:00:00+02:00"),
        ("2027-03-28T06:30:00+02:00", "2027-03-28T07:00:00+02:00"),
        ("2027-10-30T23:00:00+02:00", "2027-10-31T07:00:00+01:00"),
        ("2027-10-31T06:30:00+01:00", "2027-10-31T07:00:00+01:00"),
    ],
)
def test_quiet_over_midnight(now: str, ends: str | None) -> None:
    assert NIGHT.quiet_until(at(now)) == (at(ends) if ends else None)


@pytest.mark.parametrize(
    ("now", "ends"),
    [
        ("2027-03-28T01:30:00+01:00", "2027-03-28T03:30:00+02:00"),  # 2:30 does not come that night
        ("2027-03-28T03:29:00+02:00", "2027-03-28T03:30:00+02:00"),
        ("2027-03-28T03:30:00+02:00", None),
        ("2027-10-31T02:10:00+02:00", "2027-10-31T02:30:00+02:00"),
        ("2027-10-31T02:40:00+02:00", None),
        ("2027-10-31T02:10:00+01:00", None),  # 2:10 comes again, and the quiet was over
    ],
)
def test_quiet_that_ends_in_the_hour_of_the_change(now: str, ends: str | None) -> None:
    wishes = Wishes(quiet_from=time(1), quiet_to=time(2, 30))

    assert wishes.quiet_until(at(now)) == (at(ends) if ends else None)


def test_quiet_in_another_zone_and_by_day() -> None:
    tokyo = Wishes(quiet_from=time(13), quiet_to=time(14), time_zone="Asia/Tokyo")

    assert tokyo.quiet_until(at("2026-11-20T05:30:00+01:00")) == at("2026-11-20T06:00:00+01:00")
    assert tokyo.quiet_until(at("2026-11-20T13:30:00+01:00")) is None
    assert Wishes().quiet_until(timezone.now()) is None


def test_who_chose_nothing_is_told_of_all(driver: User) -> None:
    wishes = ways.of(driver)

    assert all(wishes.by_email(kind) and wishes.by_push(kind) for kind in Kind)
    assert not NotificationPreferences.objects.exists()


def test_what_is_chosen_stays_and_the_rest_is_as_it_was(driver: User) -> None:
    ways.change(driver, {"ways": {"charging": {"email": False}}})
    ways.change(driver, {"ways": {"charging": {"push": False}, "operation": {"push": False}}, "quiet_from": time(22), "quiet_to": time(6)})
    wishes = ways.change(driver, {"time_zone": "Asia/Tokyo"})

    assert wishes == ways.of(driver)
    assert (wishes.choice(Group.CHARGING).email, wishes.choice(Group.CHARGING).push) == (False, False)
    assert wishes.by_push(Kind.LEDGER_ALERT)  # which she cannot get, so she cannot choose
    assert (wishes.quiet_from, wishes.quiet_to, wishes.time_zone) == (time(22), time(6), "Asia/Tokyo")


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"quiet_from": time(22)}, "quiet_to"),
        ({"quiet_to": time(6)}, "quiet_from"),
        ({"quiet_from": time(22), "quiet_to": time(22)}, "quiet_to"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"time_zone": "../../etc/passwd"}, "time_zone"),
    ],
)
def test_what_makes_no_sense_is_refused(driver: User, changes: dict[str, object], wrong: str) -> None:
    with pytest.raises(Invalid) as refused:
        ways.change(driver, changes)

    assert list(refused.value.fields) == [wrong]
    assert not NotificationPreferences.objects.exists()


def test_an_e_mail_that_nobody_wants_is_not_written(driver: User) -> None:
    ways.change(driver, {"ways": {"money": {"email": False}, "account": {"email": False}}})
    for kind in (Kind.TOP_UP_PAID, Kind.SESSION_CORRECTED, Kind.BANK_ACCOUNT_CHANGED, Kind.SESSION_FINISHED):
        notifications.notify(driver, kind)

    assert notifications.send_unsent(now=timezone.now()) == 3  # the law and the safety of an account have their way

    assert Notification.objects.get(kind=Kind.TOP_UP_PAID).emailed_at is None
    assert len(mail.outbox) == 3


def test_what_can_wait_waits_for_the_end_of_the_quiet(driver: User) -> None:
    ways.change(driver, {"quiet_from": time(22), "quiet_to": time(7)})
    night = at("2026-11-20T23:00:00+01:00")
    for kind in (Kind.TOP_UP_PAID, Kind.SESSION_FAILED):
        notifications.notify(driver, kind)

    assert notifications.send_unsent(now=night) == 1
    assert notifications.send_unsent(now=night + timedelta(hours=7, minutes=59)) == 0
    assert Notification.objects.count() == 2  # the inbox has it at once
    assert notifications.send_unsent(now=night + timedelta(hours=8)) == 1
    assert notifications.send_unsent(now=night + timedelta(hours=9)) == 0
