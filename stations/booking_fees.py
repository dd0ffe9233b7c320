"""What it costs to cancel late or to stay away: small, known before, and booked like all money."""

from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings

from billing import settlement
from billing.models import CdrLine
from billing.pricing import PricedLine, Usage
from billing.settlement import Bill
from stations import authorization
from stations.holding import READY
from stations.models import ChargePoint, ChargingSession, Reservation
from stations.models.reservation import BEFORE

FIT = ("Available", "Reserved")  # with a cable plugged in either she has come or somebody else's car stands in her way


def late_minor(booking: Reservation, at: datetime) -> int:
    """What cancelling costs its driver at a moment; nothing once she was told that the charger cannot keep its outlet for her."""
    is_late = booking.status == Reservation.Status.BOOKED and booking.free_until is not None and at >= booking.free_until
    return booking.late_fee_minor if is_late and booking.trouble in ("", READY) else 0


def no_show_minor(booking: Reservation, heard_at: datetime | None, now: datetime) -> int:
    """What staying away costs: nothing where she could not have charged all the time it waited, nor where she did at another outlet.

    `heard_at` is when the charger itself spoke last: a socket that stands does not show that anything works behind it.
    """
    charge_point = booking.charge_point
    if heard_at is None or heard_at < min(booking.begins_at, now - 2 * timedelta(seconds=settings.OCPP_HEARTBEAT_S)):
        return 0
    if booking.told_times and not booking.answer:  # it was told of her, and has not said a word to that
        return 0
    could_charge = charge_point.is_online and not charge_point.is_paused and booking.connector.status in FIT and not booking.trouble
    was_away = charge_point.connected_at is None or charge_point.connected_at > booking.begins_at  # in part of the grace at least
    if was_away or _has_come(booking):
        return 0
    try:
        authorization.admit(booking.driver, charge_point)
    except authorization.NotAdmitted:  # since she booked
        could_charge = False
    return booking.no_show_fee_minor if could_charge and booking.status == Reservation.Status.BOOKED else 0


def _has_come(booking: Reservation) -> bool:
    """Whether she charged in her slot at another outlet of the same box."""
    visits = ChargingSession.objects.filter(charge_point=booking.charge_point_id, driver=booking.driver_id)
    begun = visits.filter(start_received_at__gte=booking.begins_at - BEFORE, start_received_at__lt=booking.ends_at)
    return begun.exclude(status=ChargingSession.Status.INVALID).exists()


def charge(booking: Reservation, kind: str, amount_minor: int, now: datetime) -> None:
    """Book a fee once, with a receipt; the owner's share is less the platform's, as of a session."""
    if amount_minor <= 0 or booking.cdr_id is not None:
        return
    charge_point = booking.charge_point
    bill = Bill(
        session_code=booking.code,
        driver=booking.driver,
        owner=charge_point.owner,
        usage=Usage(energy_wh=0, started_at=booking.begins_at, stopped_at=booking.ends_at, seconds=0),
        prices=None,
        is_free=False,
        fee_share=settings.PLATFORM_FEE,
        hold=None,
        place_name=charge_point.name,
        charge_point_code=charge_point.code,
        connector_label=str(booking.connector.number),
        is_unproven=charge_point.security_profile == ChargePoint.SecurityProfile.NONE,
        settled_at=now,
        fees=(PricedLine(kind, "", Decimal(1), Decimal(amount_minor).scaleb(-2), amount_minor),),
    )
    booking.cdr = settlement.settle(bill)
    booking.save(update_fields=["cdr"])


LATE, NO_SHOW = CdrLine.Kind.LATE, CdrLine.Kind.NO_SHOW
