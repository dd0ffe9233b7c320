"""How a session stands, in the words and figures its page shows: cost so far, share of the target, when it will be done."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property

from django.conf import settings
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import override

from billing import ledger, pricing
from billing.pricing import Prices
from stations import intents, limits, sessions
from stations.models import ChargingSession, Command

CABLE_IN = frozenset({"Preparing", "Charging", "SuspendedEV", "SuspendedEVSE", "Finishing"})
LONGEST_FORECAST = timedelta(hours=24)
READINGS_COME_WITHIN = timedelta(minutes=3)


class Target(StrEnum):
    """What the ring is a share of."""

    ENERGY = "energy"
    AMOUNT = "amount"
    BATTERY = "battery"
    CREDIT = "credit"
    POWER = "power"


class Obstacle(StrEnum):
    """Why a session did not start."""

    OFFLINE = "offline"
    REFUSED = "refused"
    NO_CABLE = "no_cable"
    CARD = "card"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Cap:
    """One thing that ends a session by itself."""

    used: int
    limit: int

    @property
    def share(self) -> float:
        """Between 0 and 1."""
        return min(1.0, self.used / self.limit) if self.limit > 0 else 1.0


class Progress:
    """One session as somebody looks at it. Read once for a page; every figure is computed when it is asked for.

    `shows_credit` is for the driver alone: how much money she has left is not her host's to know.
    """

    def __init__(self, session: ChargingSession, *, shows_credit: bool = True) -> None:
        self.session = session
        self.shows_credit = shows_credit
        self.now = timezone.now()

    @cached_property
    def prices(self) -> Prices | None:
        """The prices agreed at the start."""
        version = self.session.tariff_version
        return Prices.of(version) if version is not None else None

    @property
    def currency(self) -> str:
        """What it is paid in."""
        return self.prices.currency if self.prices else settings.CURRENCY

    @cached_property
    def cost_minor(self) -> int:
        """What it costs if it ended now, or what it did cost."""
        return sessions.cost_so_far_minor(self.session)

    @property
    def seconds(self) -> int:
        """How long it has run."""
        began = self.session.started_at
        return max(0, int(((self.session.stopped_at or self.now) - began).total_seconds())) if began else 0

    @cached_property
    def amount_cap(self) -> Cap | None:
        """The driver's own limit, else what the wallet can bear; nothing where it is free, and nobody else's business."""
        session = self.session
        if not self.shows_credit:
            return None
        if session.is_free or session.driver is None or self.prices is None or self.prices.is_free:
            return None
        if session.max_amount_minor is not None:
            return Cap(self.cost_minor, session.max_amount_minor)
        held_minor = session.hold.amount_minor if session.hold and session.hold.closed_at is None else 0
        return Cap(self.cost_minor, held_minor + max(0, ledger.wallet(session.driver).available_minor))

    @property
    def energy_cap(self) -> Cap | None:
        """The driver's own limit of energy."""
        limit = self.session.max_energy_wh
        return Cap(self.session.energy_wh, limit) if limit else None

    @property
    def target(self) -> Target:
        """What the ring measures: the driver's own wish first."""
        if self.energy_cap:
            return Target.ENERGY
        if self.session.max_amount_minor is not None and self.amount_cap:
            return Target.AMOUNT
        if self.session.soc_percent is not None:
            return Target.BATTERY
        return Target.CREDIT if self.amount_cap else Target.POWER

    @property
    def share(self) -> float:
        """How full the ring is, 0 to 1."""
        session = self.session
        if self.target == Target.ENERGY and self.energy_cap:
            return self.energy_cap.share
        if self.target in (Target.AMOUNT, Target.CREDIT) and self.amount_cap:
            return self.amount_cap.share
        if self.target == Target.BATTERY:
            return min(100, session.soc_percent or 0) / 100
        most_w = session.connector.max_power_w
        return min(1.0, (session.power_w or 0) / most_w) if most_w else 0.0

    @property
    def percent(self) -> int:
        """The same in whole percent."""
        return int(self.share * 100 + 1e-9)

    @cached_property
    def done_at(self) -> datetime | None:
        """When the target will be reached at the present power; None where nobody can say."""
        session = self.session
        if session.status != ChargingSession.Status.ACTIVE or not session.power_w:
            return session.until
        limit_wh = session.max_energy_wh
        if limit_wh is None and session.max_amount_minor is not None and self.prices is not None:
            limit_wh = pricing.affordable_wh(self.prices, session.max_amount_minor, limits.usage(session, self.now))
        if limit_wh is None:
            return session.until
        left = timedelta(hours=max(0, limit_wh - session.energy_wh) / session.power_w)
        if left > LONGEST_FORECAST:
            return session.until
        reached = self.now + left
        return min(reached, session.until) if session.until else reached

    @cached_property
    def command(self) -> Command | None:
        """The start we asked of the charger, if we did."""
        return self.session.commands.filter(action="RemoteStartTransaction").order_by("-id").first()

    @property
    def is_agreed(self) -> bool:
        """Whether the charger said yes."""
        command = self.command
        return command is not None and command.status == Command.Status.ACCEPTED and (command.response or {}).get("status") == "Accepted"

    @property
    def agreed_after_s(self) -> float | None:
        """How long it took to say so."""
        command = self.command
        if command is None or command.answered_at is None:
            return None
        return max(0.1, (command.answered_at - (command.sent_at or command.created_at)).total_seconds())

    @property
    def is_plugged_in(self) -> bool:
        """Whether a cable is in, by the charger's last word.

        A Preparing that came after the start was asked for proves nothing: so says a charger too that waits for its cable.
        """
        connector = self.session.connector
        if connector.status == "Preparing" and connector.status_at is not None and connector.status_at > self.session.created_at:
            return False
        return connector.status in CABLE_IN

    @property
    def has_no_data(self) -> bool:
        """Whether the charger says nothing of its meter while it charges, as some do: the end will tell."""
        session = self.session
        began = session.start_received_at
        return session.last_received_at is None and began is not None and self.now - began > READINGS_COME_WITHIN

    @property
    def seconds_left(self) -> int:
        """Until a start that nobody plugged into is given up."""
        return max(0, int((self.session.expires_at - self.now).total_seconds())) if self.session.expires_at else 0

    @property
    def seconds_allowed(self) -> int:
        """How long it waits in all."""
        return int(settings.REMOTE_START_TIMEOUT_S)

    @property
    def obstacle(self) -> Obstacle | None:
        """Why it did not start."""
        if self.session.status != ChargingSession.Status.INVALID:
            return None
        if self._was_given_up_for(intents.CANCELLED):
            return Obstacle.CANCELLED
        command = self.command
        if command is None:
            return Obstacle.CARD
        if self.is_agreed:
            return Obstacle.NO_CABLE
        if command.status in (Command.Status.ACCEPTED, Command.Status.REJECTED):
            return Obstacle.REFUSED
        return Obstacle.OFFLINE

    def _was_given_up_for(self, reason: Promise) -> bool:
        """Whether the note, written in the driver's language of that day, says so."""
        for language, _name in settings.LANGUAGES:
            with override(language):
                if self.session.note == str(reason):
                    return True
        return False

    @property
    def review_until(self) -> datetime:
        """By when a session under review is decided."""
        return (self.session.stop_received_at or self.session.stopped_at or self.session.created_at) + timedelta(hours=72)
