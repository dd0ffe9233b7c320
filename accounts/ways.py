"""By which ways a person is told of what, and when she wants quiet.

The inbox has everything. E-mail and push are chosen for groups of kinds; what the law or the safety of an account needs goes by
e-mail whatever was chosen. Quiet hours put off pushes and e-mails that can wait.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.db import models, transaction
from django.utils.translation import gettext, pgettext_lazy

from accounts.models import Notification, NotificationPreferences, User
from chargeshare.errors import Invalid

Kind = Notification.Kind


class Group(models.TextChoices):
    """What is chosen together."""

    CHARGING = "charging", pgettext_lazy("notifications", "Charging")
    BOOKINGS = "bookings", pgettext_lazy("notifications", "Bookings")
    MONEY = "money", pgettext_lazy("notifications", "Money")
    MESSAGES = "messages", pgettext_lazy("notifications", "Messages and reviews")
    HOSTING = "hosting", pgettext_lazy("notifications", "My chargers")
    PLACES = "places", pgettext_lazy("notifications", "New chargers")
    ACCOUNT = "account", pgettext_lazy("notifications", "Account and payouts")
    OPERATION = "operation", pgettext_lazy("notifications", "Operation")


GROUPS: dict[Group, tuple[Kind, ...]] = {
    Group.CHARGING: (Kind.SESSION_STARTED, Kind.SESSION_FINISHED, Kind.SESSION_FAILED, Kind.SESSION_REVIEW),
    Group.BOOKINGS: (
        *(Kind.RESERVATION_BOOKED, Kind.RESERVATION_CANCELLED, Kind.RESERVATION_SOON, Kind.RESERVATION_EXPIRED),
        *(Kind.RESERVATION_REQUESTED, Kind.RESERVATION_REJECTED, Kind.RESERVATION_CHANGED, Kind.RESERVATION_TROUBLE),
        Kind.WAITLIST_OFFERED,
    ),
    Group.MONEY: (
        *(Kind.CREDIT_LOW, Kind.TOP_UP_PAID, Kind.AUTO_TOP_UP_ON, Kind.AUTO_TOP_UP_ENDED, Kind.SESSION_CORRECTED),
        *(Kind.DISPUTE_OPENED, Kind.DISPUTE_DECIDED, Kind.REFUND_DONE, Kind.REFUND_FAILED),
    ),
    Group.MESSAGES: (Kind.MESSAGE_RECEIVED, Kind.REVIEW_WRITTEN, Kind.REVIEW_ANSWERED, Kind.CIRCLE_INVITED),
    Group.HOSTING: (Kind.EARNED, Kind.UNPAID_ENERGY, Kind.CHARGER_ALERT),
    Group.PLACES: (Kind.AREA_CHARGER,),
    Group.ACCOUNT: (
        *(Kind.ACCOUNT_CHANGED, Kind.CARD_PAIRED, Kind.CARD_USED, Kind.BANK_ACCOUNT_CHANGED),
        *(Kind.PAYOUT_REQUESTED, Kind.PAYOUT_PAID, Kind.PAYOUT_FAILED, Kind.SELLER_DATA_WANTED),
    ),
    Group.OPERATION: (Kind.LEDGER_ALERT,),
}
"""Which kinds each group holds; every kind is in one of them."""

# Somebody else may have her account, her card or her money; or the law wants it told in writing.
ALWAYS_BY_EMAIL = frozenset(
    {
        *GROUPS[Group.ACCOUNT],
        *(Kind.AUTO_TOP_UP_ON, Kind.AUTO_TOP_UP_ENDED, Kind.SESSION_CORRECTED, Kind.DISPUTE_DECIDED, Kind.REFUND_FAILED),
        Kind.LEDGER_ALERT,
    }
)
# What makes no sense in the morning any more, or what a thief does at night.
URGENT = frozenset(
    {
        *(Kind.SESSION_FAILED, Kind.CREDIT_LOW, Kind.WAITLIST_OFFERED, Kind.RESERVATION_SOON, Kind.RESERVATION_TROUBLE),
        *(Kind.ACCOUNT_CHANGED, Kind.CARD_PAIRED, Kind.CARD_USED, Kind.BANK_ACCOUNT_CHANGED, Kind.LEDGER_ALERT),
    }
)
A_DAY = timedelta(days=1)
# After so long a push says what is no longer so.
LIFETIMES: dict[str, timedelta] = {
    Kind.WAITLIST_OFFERED: timedelta(minutes=15),
    Kind.SESSION_FAILED: timedelta(hours=1),
    Kind.RESERVATION_SOON: timedelta(hours=1),
    Kind.CREDIT_LOW: timedelta(hours=2),
}
_GROUP_OF = {kind.value: group for group, kinds in GROUPS.items() for kind in kinds}


def group_of(kind: str) -> Group:
    """The group this kind is chosen with."""
    return _GROUP_OF[kind]


def groups_for(user: User) -> list[Group]:
    """The groups this person can get anything of."""
    return [group for group, kinds in GROUPS.items() if kinds and (group != Group.OPERATION or user.is_staff)]


@dataclass(frozen=True)
class Choice:
    """Whether a group goes by e-mail and by push."""

    email: bool = True
    push: bool = True


@dataclass(frozen=True)
class Wishes:
    """How a person wants to be told: what she chose, and for the rest what everybody gets."""

    ways: Mapping[str, Choice] = field(default_factory=dict)
    quiet_from: time | None = None
    quiet_to: time | None = None
    time_zone: str = settings.TIME_ZONE

    @classmethod
    def of_row(cls, row: NotificationPreferences | None) -> "Wishes":
        """As they are kept."""
        if row is None:
            return cls()
        ways = {group: Choice(**chosen) for group, chosen in row.ways.items()}
        return cls(ways=ways, quiet_from=row.quiet_from, quiet_to=row.quiet_to, time_zone=row.time_zone)

    def choice(self, group: Group) -> Choice:
        """What holds for a group."""
        return self.ways.get(group.value, Choice())

    def by_email(self, kind: str) -> bool:
        """Whether this goes by e-mail."""
        return kind in ALWAYS_BY_EMAIL or self.choice(group_of(kind)).email

    def by_push(self, kind: str) -> bool:
        """Whether this goes to the devices that take pushes."""
        return self.choice(group_of(kind)).push

    def quiet_until(self, now: datetime) -> datetime | None:
        """When the quiet hours end that it is in now; None outside of them.

        Each night is a span between two moments, not a comparison of clocks: where the clock is set back, an hour that comes twice
        is not quiet again after it was over, and an hour that is left out ends the quiet all the same.
        """
        if self.quiet_from is None or self.quiet_to is None:
            return None
        zone = ZoneInfo(self.time_zone)
        today = now.astimezone(zone).date()
        over_midnight = self.quiet_to < self.quiet_from
        for day in (today - A_DAY, today):
            begins = datetime.combine(day, self.quiet_from, tzinfo=zone).astimezone(UTC)
            ends = datetime.combine(day + A_DAY if over_midnight else day, self.quiet_to, tzinfo=zone).astimezone(UTC)
            if begins <= now < ends:
                return ends
        return None


def of(user: User) -> Wishes:
    """How this person wants to be told."""
    return Wishes.of_row(NotificationPreferences.objects.filter(user=user).first())


def of_all(users: Iterable[int]) -> dict[int, Wishes]:
    """The same for many, without those who have chosen nothing."""
    return {row.user_id: Wishes.of_row(row) for row in NotificationPreferences.objects.filter(user__in=set(users))}


@transaction.atomic
def change(user: User, changes: Mapping[str, Any]) -> Wishes:
    """Keep what a person has chosen: `ways` as {group: {"email": bool, "push": bool}}, `quiet_from` and `quiet_to`, `time_zone`.

    What is not named stays. Two changes at once are both kept, for they are made one after the other.
    """
    User.objects.select_for_update().get(pk=user.pk)
    row = NotificationPreferences.objects.filter(user=user).first() or NotificationPreferences(user=user)
    for name in ("quiet_from", "quiet_to", "time_zone"):
        if name in changes:
            setattr(row, name, changes[name])
    kept = Wishes.of_row(row)
    for group in groups_for(user):
        if chosen := changes.get("ways", {}).get(group.value):
            row.ways[group.value] = {**vars(kept.choice(group)), **chosen}
    _check(row)
    row.save()
    return Wishes.of_row(row)


def _check(row: NotificationPreferences) -> None:
    if (row.quiet_from is None) != (row.quiet_to is None):
        missing = "quiet_from" if row.quiet_from is None else "quiet_to"
        raise Invalid(fields={missing: [gettext("Quiet hours need a beginning and an end; leave both empty for none.")]})
    if row.quiet_from is not None and row.quiet_from == row.quiet_to:
        raise Invalid(fields={"quiet_to": [gettext("Quiet hours that end when they begin would never be over.")]})
    if row.time_zone not in time_zones():
        raise Invalid(fields={"time_zone": [gettext("There is no such time zone.")]})


@cache
def time_zones() -> tuple[str, ...]:
    """The names of time zones one can choose, such as Europe/Prague: those that are named after a place."""
    named = (name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "SystemV/", "US/", "posix", "right")))
    return tuple(sorted({*named, settings.TIME_ZONE}))
