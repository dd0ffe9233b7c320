"""A session as billing wants it: what was used, who pays, who earns, and copies of every text."""

from collections.abc import Iterable
from datetime import datetime
from itertools import pairwise
from typing import TypeAlias

from django.conf import settings
from django.utils import timezone

from billing import pricing, settlement
from billing.pricing import Usage
from billing.settlement import Bill
from chargeshare.sentences import Question
from stations import curves, limits, metering
from stations.metering import Meter, Sample
from stations.models import ChargePoint, ChargingSession, MeterValue

Said: TypeAlias = tuple[datetime, datetime, list[Sample]]  # when a reading was taken, when it came, what it says
AC_TYPES = frozenset({"TYPE_1", "TYPE_2", "SCHUKO"})
MOST_READINGS = 120  # that a receipt keeps: it must prove itself when the readings themselves are gone


def usage(session: ChargingSession, said: Iterable[Said] | None = None) -> Usage:
    """What an ended session used. Time costs what passed by our clock, and never more than the charger itself claims.

    By the readings that are given, else by all that are stored.
    """
    began = session.start_received_at or session.created_at
    ended = session.stop_received_at or timezone.now()
    started_at, stopped_at = session.started_at or began, session.stopped_at or ended
    seconds = max(0, int((ended - began).total_seconds()))
    claimed = int((stopped_at - started_at).total_seconds())
    return Usage(
        energy_wh=session.energy_wh,
        started_at=started_at,
        stopped_at=max(started_at, stopped_at),
        seconds=min(seconds, claimed) if claimed > 0 else seconds,
        idle=limits.idle(session, until=ended),
        time_zone=session.charge_point.time_zone,
        intervals=_intervals(session, started_at, stopped_at, said),
    )


def bill(session: ChargingSession, *, settled_at: datetime | None = None, with_readings: bool = True) -> Bill:
    """All that settling needs. The price is that of the start, whatever the owner has changed since.

    Readings are for the receipt alone: who only wants to know the price leaves them where they are.
    """
    connector, charge_point = session.connector, session.charge_point
    label = f"{connector.number} · {connector.get_type_display()}" if connector.type else str(connector.number)
    return Bill(
        session_code=session.code,
        driver=session.driver,
        owner=session.owner,
        usage=usage(session),
        prices=limits.prices_of(session),
        is_free=session.is_free,
        fee_share=session.fee_share,
        hold=session.hold,
        place_name=charge_point.name,
        place_address=charge_point.address,
        charge_point_code=charge_point.code,
        connector_label=label,
        id_token_label=str(session.id_token) if session.id_token is not None else "",
        meter_start_wh=session.meter_start_wh,
        meter_stop_wh=session.meter_stop_wh,
        is_estimated=session.is_estimated,
        is_unproven=charge_point.security_profile == ChargePoint.SecurityProfile.NONE,
        settled_at=settled_at,
        readings=_readings(session) if with_readings else (),
    )


_first_readings = Question(
    lambda session_id: (
        MeterValue.objects.filter(session_id=session_id).order_by("at", "pk").values_list("at", "samples")[: MOST_READINGS + 1]
    )
)


def _readings(session: ChargingSession) -> tuple[tuple[datetime, int | None, int | None], ...]:
    """What the meter said on the way, as it said it: register and power, evenly thinned, the first and the last among them."""
    rows = _first_readings.all(session.pk)
    if len(rows) > MOST_READINGS:
        in_order = session.meter_values.order_by("at", "pk")
        chosen = curves.evenly(list(in_order.values_list("pk", flat=True)), MOST_READINGS)
        rows = list(in_order.filter(pk__in=chosen).values_list("at", "samples"))
    said = ((at, metering.measured(samples)) for at, samples in rows)
    return tuple((at, one.energy_wh, one.power_w) for at, one in said if one.energy_wh is not None or one.power_w is not None)


def cost_so_far_minor(session: ChargingSession) -> int:
    """What a session would cost if it ended now; once settled, what it did cost, corrections included."""
    if session.cdr_id is not None:
        return settlement.spent_minor(session.code)
    prices = limits.prices_of(session)
    if prices is None or session.driver_id is None or session.status != ChargingSession.Status.ACTIVE:
        return 0
    return pricing.total(pricing.price(prices, limits.usage(session, timezone.now())))


def _intervals(
    session: ChargingSession, started_at: datetime, stopped_at: datetime, said: Iterable[Said] | None
) -> tuple[tuple[datetime, datetime, int], ...]:
    """When the energy flowed; only prices that change by the hour want to know."""
    if session.tariff_version is None or not session.tariff_version.bands:
        return ()
    meter = Meter.begun(session.meter_start_wh, started_at, session.start_received_at or started_at)
    points: list[tuple[datetime, int]] = [(started_at, 0)]
    if said is None:
        said = session.meter_values.order_by("at", "pk").values_list("at", "received_at", "samples")
    for at, received_at, samples in said:
        register = metering.measured(samples).energy_wh
        if register is not None and points[-1][0] < at <= stopped_at:
            power_w = session.connector.max_power_w
            meter.advance(register, at.timestamp(), received_at.timestamp(), power_w, settings.METER_SLACK_WH)
            points.append((at, meter.energy))
    if stopped_at > points[-1][0]:
        points.append((stopped_at, max(session.energy_wh, points[-1][1])))
    return tuple((begin, end, after - before) for (begin, before), (end, after) in pairwise(points) if after > before)
