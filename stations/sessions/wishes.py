"""What a driver wishes: a start, a stop."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User, Vehicle
from billing import ledger, pricing
from billing.pricing import Prices
from chargeshare.errors import Invalid, NotFound
from stations import authorization, circles, commands, estimates, intents, limits, live, slots
from stations.authorization import ChargerOffline
from stations.estimates import Need
from stations.models import ChargingSession, Command, Connector
from stations.sessions import ending

Status = ChargingSession.Status


@dataclass(frozen=True)
class Car:
    """The driver's car, if she says which; with `percents`, from where to where its battery is to be charged.

    That becomes an energy beyond which it stops, by our estimate, for few chargers know a car's battery.
    """

    vehicle: Vehicle
    percents: tuple[int, int] | None = None

    @classmethod
    def of(cls, vehicle: Vehicle | None, percents: tuple[int, int] | None) -> "Car | None":
        """What a form or a program said; a percent is one of some car's battery."""
        if vehicle is None:
            if percents is not None:
                raise Invalid(_("Say which car it is, then we can stop at a percent of its battery."))
            return None
        return cls(vehicle, percents)

    def until_wh(self, connector: Connector) -> int | None:
        """The energy at this outlet that takes the battery there."""
        if self.percents is None:
            return None
        from_percent, to_percent = estimates.percents(*self.percents)
        return estimates.energy_until_wh(Need(vehicle=self.vehicle, from_percent=from_percent, to_percent=to_percent), connector)


class SessionTooSmall(Invalid):
    """A limit that lets nothing flow."""

    message = _("A limit must be greater than zero and lie in the future.")


@ledger.retried
@transaction.atomic
def request_start(
    *,
    driver: User,
    connector: Connector,
    origin: str = ChargingSession.Origin.APP,
    max_amount_minor: int | None = None,
    max_energy_wh: int | None = None,
    until: datetime | None = None,
    car: Car | None = None,
    charging_profile: Mapping[str, Any] | None = None,
) -> ChargingSession:
    """Ask a charger to begin a session for this driver. The money is set aside before it is asked.

    `charging_profile` is a limit of power for this session alone, in the standard's words, without the number of a transaction.
    The charger will name the session by its one-time tag; until then it waits, and is given up after a while.
    """
    now = timezone.now()
    check_limits(now, max_amount_minor, max_energy_wh, until)
    if car is not None:
        if car.vehicle.user_id != driver.pk:
            raise NotFound
        max_energy_wh = min(filter(None, (max_energy_wh, car.until_wh(connector))), default=None)
    slots.take_turn(connector.pk)
    ledger.lock_wallet(driver)
    connector = Connector.objects.select_related("charge_point__owner", "tariff__current").get(pk=connector.pk)
    circles.look_up([connector], driver)
    authorization.check_driver(driver, connector, now=now)
    charge_point = connector.charge_point
    is_free = charge_point.owner_id == driver.pk
    tariff = circles.tariff_for(connector, driver)
    session = ChargingSession(
        charge_point=charge_point,
        connector=connector,
        driver=driver,
        owner=charge_point.owner,
        id_tag=secrets.token_hex(authorization.ONE_TIME_TAG_LENGTH // 2).upper(),
        origin=origin,
        status=Status.PENDING,
        created_at=now,
        expires_at=now + timedelta(seconds=settings.REMOTE_START_TIMEOUT_S),
        is_free=is_free,
        fee_share=0 if is_free else settings.PLATFORM_FEE,
        tariff_version=None if is_free or tariff is None else tariff.current,
        max_amount_minor=max_amount_minor,
        max_energy_wh=max_energy_wh,
        until=until,
        vehicle=car.vehicle if car else None,
        until_percent=car.percents[1] if car and car.percents else None,
    )
    prices = limits.prices_of(session)
    if prices is not None and not prices.is_free:
        wanted_wh = max_energy_wh or _affordable_wh(prices, max_amount_minor)
        available_minor = ledger.wallet(driver).available_minor
        amount_minor = limits.first_hold_minor(prices, available_minor, wanted_wh=wanted_wh)
        session.hold = ledger.hold(driver, amount_minor, key=f"session:{session.code}")
    session.save(force_insert=True)
    id_tag = slots.tag_kept(connector, driver, now)
    if commands.start_session(session, id_tag=id_tag, charging_profile=charging_profile).status == Command.Status.OFFLINE:
        raise ChargerOffline
    live.session_changed(session)
    live.connector_changed(connector)
    return session


@ledger.retried
@transaction.atomic
def request_stop(*, user: User, session: ChargingSession) -> ChargingSession:
    """Ask the charger to end a session: its driver, its owner or staff may. Asking twice is no fault; what has not begun is called off."""
    if not (user.is_staff or user.pk in (session.driver_id, session.owner_id)):
        raise NotFound
    locked = ending.lock(session.pk)
    if locked.status == Status.PENDING:
        intents.give_up(locked, intents.CANCELLED, tell=False)
    elif locked.status == Status.ACTIVE:
        if not locked.charge_point.is_online:
            raise ChargerOffline
        under_way = Command.objects.filter(
            session=locked, action="RemoteStopTransaction", status__in=[Command.Status.PENDING, Command.Status.SENT]
        )
        if not under_way.exists():
            locked.stop_asked_at = timezone.now()
            locked.save(update_fields=["stop_asked_at"])
            commands.stop_session(locked, source=Command.Source.PERSON, asked_by=user)
            live.session_changed(locked)
    return locked


@transaction.atomic
def choose_vehicle(*, user: User, session: ChargingSession, vehicle: Vehicle | None) -> ChargingSession:
    """Say afterwards which car it was: a card at the charger does not."""
    locked = ending.lock(session.pk)
    if locked.driver_id != user.pk or (vehicle is not None and vehicle.user_id != user.pk):
        raise NotFound
    locked.vehicle = vehicle
    locked.save(update_fields=["vehicle"])
    return locked


def check_limits(now: datetime, max_amount_minor: int | None, max_energy_wh: int | None, until: datetime | None) -> None:
    """Refuse limits that let nothing flow."""
    fields: dict[str, list[str]] = {}
    if max_amount_minor is not None and max_amount_minor <= 0:
        fields["max_amount"] = [str(SessionTooSmall.message)]
    if max_energy_wh is not None and max_energy_wh <= 0:
        fields["max_energy_wh"] = [str(SessionTooSmall.message)]
    if until is not None and until <= now:
        fields["until"] = [str(SessionTooSmall.message)]
    if fields:
        raise SessionTooSmall(fields=fields)


def _affordable_wh(prices: Prices, max_amount_minor: int | None) -> int | None:
    if max_amount_minor is None:
        return None
    return pricing.affordable_wh(prices, max_amount_minor) or None
