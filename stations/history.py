"""What somebody has charged: chosen by charger, card and time, and as rows to take away."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Self
from uuid import UUID

from django.db.models import OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.db.models.lookups import GreaterThanOrEqual, LessThan
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from accounts.models import IdToken, User
from billing import money
from billing.models import ChargeDetailRecord
from billing.spreadsheets import Row
from chargeshare.errors import Invalid
from stations.models import ChargePoint, ChargingSession

MOST_ROWS = 10_000
MOST_CHOICES = 200
MOST_VISITS = 1_000
NOBODYS = UUID(int=0)
Status = ChargingSession.Status


@dataclass(frozen=True)
class Wanted:
    """Which sessions somebody asks for; what is left out does not matter."""

    charger: str = ""
    card: int | None = None
    vehicle: str = ""
    since: date | None = None
    until: date | None = None
    said: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, said: Mapping[str, str]) -> Self:
        """As an address or a form says it."""
        card = said.get("card", "")
        kept = {name: said.get(name, "") for name in ("charger", "card", "vehicle", "since", "until") if said.get(name)}
        return cls(
            charger=said.get("charger", "")[:20],
            card=int(card) if card.isascii() and card.isdigit() and len(card) < 19 else None,
            vehicle=_code(said.get("vehicle", "")),
            since=_day(said.get("since", "")),
            until=_day(said.get("until", "")),
            said=kept,
        )

    @property
    def query(self) -> str:
        """The same for the address of a file."""
        return urlencode(self.said)


def _code(said: str) -> str:
    """The code of a car; what is none is read as nobody's."""
    try:
        return str(UUID(said)) if said else ""
    except ValueError:
        return str(NOBODYS)


def _day(said: str) -> date | None:
    if not said:
        return None
    try:
        day = date.fromisoformat(said)
    except ValueError as error:
        raise Invalid(_("A day is written like 2026-11-20.")) from error
    if not date(2000, 1, 1) <= day <= date(2199, 12, 31):
        raise Invalid(_("A day is written like 2026-11-20."))
    return day


def of(user: User, wanted: Wanted | None = None) -> QuerySet[ChargingSession]:
    """The ended sessions of a driver that were asked for, the newest first, each with what it came to after all corrections."""
    found = ChargingSession.objects.filter(driver=user).exclude(status__in=[Status.PENDING, Status.ACTIVE])
    wanted = wanted or Wanted()
    if wanted.charger:
        found = found.filter(charge_point__code=wanted.charger)
    if wanted.card is not None:
        found = found.filter(id_token_id=wanted.card, id_token__user=user)
    if wanted.vehicle:
        found = found.filter(vehicle__code=wanted.vehicle, vehicle__user=user)
    began = Coalesce("started_at", "created_at")
    if wanted.since:
        found = found.filter(GreaterThanOrEqual(began, _midnight(wanted.since)))
    if wanted.until:
        found = found.filter(LessThan(began, _midnight(wanted.until + timedelta(days=1))))
    records = ChargeDetailRecord.objects.filter(session_code=OuterRef("code")).order_by().values("session_code")
    chosen: QuerySet[ChargingSession] = found.annotate(spent_minor=Subquery(records.annotate(sum=Sum("total_minor")).values("sum")))
    return chosen


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


def chargers(user: User) -> QuerySet[ChargePoint]:
    """Where a driver has charged of late, by name: whoever charged thousands of times need not wait for all of them to be read."""
    been = ChargingSession.objects.filter(driver=user).order_by("-id").values("charge_point_id")[:MOST_VISITS]
    return ChargePoint.objects.filter(pk__in=been).order_by("name", "pk")[:MOST_CHOICES]


def cards(user: User) -> QuerySet[IdToken]:
    """What a driver has charged with, as far as she still holds it."""
    return IdToken.objects.filter(user=user).order_by("label", "pk")[:MOST_CHOICES]


def to_take_away(user: User, wanted: Wanted) -> list[ChargingSession]:
    """The same for a file, the oldest first; more than a file should hold is refused."""
    found = of(user, wanted).select_related("charge_point", "connector", "id_token", "vehicle", "cdr").defer("cdr__readings", "cdr__tariff")
    sessions = list(found.order_by("pk")[: MOST_ROWS + 1])
    if len(sessions) > MOST_ROWS:
        raise Invalid(_("These are more than 10,000 sessions. Choose a shorter time."))
    return sessions


def rows(sessions: list[ChargingSession]) -> list[Row]:
    """Sessions as a table."""
    head: Row = [
        *(_("Begin"), _("End"), _("Charger"), _("Address"), _("Connector"), _("Card"), _("Car"), _("State")),
        *(_("Meter at the start (kWh)"), _("Meter at the end (kWh)"), _("Energy (kWh)"), _("Paid"), _("Currency"), _("Receipt")),
    ]
    return [head, *(_row(session) for session in sessions)]


def _row(session: ChargingSession) -> Row:
    cdr = session.cdr
    return [
        *(session.started_at or session.created_at, session.stopped_at),
        *(cdr.place_name if cdr else session.charge_point.name, cdr.place_address if cdr else ""),
        *(session.connector.number, str(session.id_token or ""), str(session.vehicle or ""), str(session.get_status_display())),
        *(_kwh(session.meter_start_wh), _kwh(session.meter_stop_wh), _kwh(session.energy_wh)),
        *(_spent(session), cdr.currency if cdr else "", cdr.number if cdr else ""),
    ]


def _kwh(energy_wh: int | None) -> Decimal | None:
    return None if energy_wh is None else Decimal(energy_wh).scaleb(-3)


def _spent(session: ChargingSession) -> Decimal | None:
    spent_minor = getattr(session, "spent_minor", None)
    return None if spent_minor is None else money.decimal(spent_minor)


def records(sessions: list[ChargingSession]) -> list[dict[str, Any]]:
    """Sessions as the interface for programs writes them."""
    return [
        {
            "code": str(session.code),
            "status": session.status.lower(),
            "charge_point": session.charge_point.code,
            "place": session.cdr.place_name if session.cdr else session.charge_point.name,
            "connector": session.connector.number,
            "card": str(session.id_token) if session.id_token else None,
            "vehicle": str(session.vehicle) if session.vehicle else None,
            "started_at": _written(session.started_at),
            "stopped_at": _written(session.stopped_at),
            "meter_start_wh": session.meter_start_wh,
            "meter_stop_wh": session.meter_stop_wh,
            "energy_wh": session.energy_wh,
            "cost": {"amount": str(_spent(session)), "currency": session.cdr.currency} if session.cdr else None,
            "receipt": session.cdr.number if session.cdr else None,
        }
        for session in sessions
    ]


def _written(at: datetime | None) -> str | None:
    return None if at is None else f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
