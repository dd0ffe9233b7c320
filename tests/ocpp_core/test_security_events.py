"""What chargers report of their security: kept, counted, told to the owner."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts.models import Notification
from chargeshare import housekeeping
from ocpp_core import dialects, meanings, security_events
from ocpp_core.models import SecurityEvent

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def keep(charge_point, kind, tech_info="", minute=0.0):
    at = NOON + timedelta(minutes=minute)
    return security_events.keep(charge_point, kind, tech_info, at=at - timedelta(seconds=1), received_at=at)


def alerts(owner):
    return Notification.objects.filter(user=owner, kind=Notification.Kind.CHARGER_ALERT)


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (
            {"type": "TamperDetectionActivated", "timestamp": "2026-05-01T11:00:00Z"},
            ("TamperDetectionActivated", "", NOON - timedelta(hours=1)),
        ),
        ({"type": " ResetOrReboot\0", "techInfo": 5}, ("ResetOrReboot", "5", NOON)),
        ({"type": "x" * 90, "timestamp": "2031-01-01T00:00:00Z", "techInfo": "y" * 400}, ("x" * 50, "y" * 255, NOON)),
        ({"type": 7, "timestamp": [], "techInfo": None}, ("7", "", NOON)),
    ],
)
def test_an_event_is_read_for_what_it_means(payload, expected):
    said = dialects.security_event_notification(payload, NOON)
    assert (said.type, said.tech_info, said.at) == expected
    assert all(meanings.of(word) for word in said.deviations)


@pytest.mark.parametrize("payload", [{}, {"type": ""}, {"type": "\0"}, {"type": {}}, {"type": None}])
def test_an_event_that_says_nothing_is_refused(payload):
    with pytest.raises(dialects.Unreadable):
        dialects.security_event_notification(payload, NOON)


def test_an_event_is_kept_and_the_same_again_is_counted(charge_point):
    keep(charge_point, "InvalidMessages", "from 10.0.0.7")
    keep(charge_point, "InvalidMessages", "from 10.0.0.7", minute=5)
    keep(charge_point, "InvalidMessages", "from 10.0.0.8", minute=6)
    keep(charge_point, "InvalidMessages", "from 10.0.0.7", minute=90)

    found = SecurityEvent.objects.order_by("pk").values_list("tech_info", "times", "first_at", "received_at")
    assert list(found) == [
        ("from 10.0.0.7", 2, NOON, NOON + timedelta(minutes=5)),
        ("from 10.0.0.8", 1, NOON + timedelta(minutes=6), NOON + timedelta(minutes=6)),
        ("from 10.0.0.7", 1, NOON + timedelta(minutes=90), NOON + timedelta(minutes=90)),
    ]
    assert not SecurityEvent.objects.filter(is_critical=True).exists()


def test_a_critical_one_is_told_to_the_owner_once_an_hour(charge_point, owner):
    for minute in (0, 10, 20):
        keep(charge_point, "TamperDetectionActivated", f"cover {minute}", minute=minute)
    assert alerts(owner).count() == 1
    told = alerts(owner).get()
    assert told.context["place"] == charge_point.name
    assert told.url.endswith("/security/")

    keep(charge_point, "securitylogwascleared", minute=25)
    assert alerts(owner).count() == 2, "another kind is another matter"
    assert SecurityEvent.objects.filter(type="SecurityLogWasCleared", is_critical=True).exists(), "however it is spelt"
    keep(charge_point, "TamperDetectionActivated", minute=61)
    assert alerts(owner).count() == 3
    keep(charge_point, "InvalidTLSVersion", minute=62)
    assert alerts(owner).count() == 3, "not critical by the standard's list"


def test_a_flood_fills_nothing_and_hides_nothing(charge_point, owner):
    for number in range(300):
        keep(charge_point, "InvalidMessages", f"message {number}", minute=number / 10)
        keep(charge_point, f"VendorEvent{number}", minute=number / 10)
    keep(charge_point, "TamperDetectionActivated", minute=31)

    assert SecurityEvent.objects.count() == 2 * security_events.MOST_ROWS + 1
    assert sum(SecurityEvent.objects.values_list("times", flat=True)) == 601
    assert alerts(owner).count() == 1


def test_events_are_forgotten_after_a_year(charge_point):
    for days in (0, 300, 400):
        keep(charge_point, "InvalidMessages", str(days), minute=-days * 1440)
    housekeeping.forget_old(now=NOON)
    assert SecurityEvent.objects.count() == 2


def test_every_critical_kind_has_words():
    assert set(security_events.MEANINGS) >= security_events.CRITICAL
    assert str(security_events.meaning("VendorEvent"))
