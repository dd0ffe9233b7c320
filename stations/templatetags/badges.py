"""States as word, icon and colour: one word for a state wherever it is shown."""

from typing import Any, NamedTuple

from django import template
from django.utils.translation import gettext_lazy as _

from billing.models import Payout, TopUp
from stations.models import ChargingSession, Reservation, State, WaitlistPlace

register = template.Library()


class Look(NamedTuple):
    """How one state is shown."""

    colour: str
    icon: str


STATES: dict[str, Look] = {
    State.FREE: Look("green", "zap"),
    State.BUSY: Look("amber", "hourglass"),
    State.BOOKED: Look("blue", "calendar-clock"),
    State.FAULT: Look("red", "triangle-alert"),
    State.PAUSED: Look("grey", "circle-pause"),
    State.OFFLINE: Look("grey", "zap-off"),
}
SESSIONS: dict[str, Look] = {
    ChargingSession.Status.PENDING: Look("grey", "loader-circle"),
    ChargingSession.Status.ACTIVE: Look("green", "battery-charging"),
    ChargingSession.Status.COMPLETED: Look("green", "circle-check"),
    ChargingSession.Status.INVALID: Look("grey", "ban"),
    ChargingSession.Status.REVIEW: Look("amber", "scale"),
}
TOP_UPS: dict[str, Look] = {
    TopUp.Status.NEW: Look("amber", "hourglass"),
    TopUp.Status.PENDING: Look("amber", "hourglass"),
    TopUp.Status.PAID: Look("green", "circle-check"),
    TopUp.Status.CLOSED: Look("grey", "ban"),
    TopUp.Status.REFUNDED: Look("grey", "rotate-cw"),
    TopUp.Status.REVIEW: Look("amber", "scale"),
}

RESERVATIONS: dict[str, Look] = {
    Reservation.Status.REQUESTED: Look("amber", "hourglass"),
    Reservation.Status.BOOKED: Look("blue", "calendar-check"),
    Reservation.Status.ACTIVE: Look("green", "zap"),
    Reservation.Status.USED: Look("green", "circle-check"),
    Reservation.Status.EXPIRED: Look("grey", "history"),
    Reservation.Status.CANCELLED: Look("grey", "ban"),
    Reservation.Status.REJECTED: Look("red", "circle-x"),
}
WAITLIST: dict[str, Look] = {
    WaitlistPlace.Status.WAITING: Look("amber", "hourglass"),
    WaitlistPlace.Status.OFFERED: Look("green", "zap"),
    WaitlistPlace.Status.CLAIMED: Look("green", "circle-check"),
    WaitlistPlace.Status.LEFT: Look("grey", "ban"),
    WaitlistPlace.Status.MISSED: Look("grey", "history"),
    WaitlistPlace.Status.EXPIRED: Look("grey", "history"),
}
PAYOUTS: dict[str, Look] = {
    Payout.Status.REQUESTED: Look("amber", "hourglass"),
    Payout.Status.APPROVED: Look("blue", "check"),
    Payout.Status.EXPORTED: Look("blue", "landmark"),
    Payout.Status.PAID: Look("green", "circle-check"),
    Payout.Status.FAILED: Look("red", "undo-2"),
    Payout.Status.CANCELLED: Look("grey", "ban"),
}


def _badge(look: Look, word: str, **more: Any) -> dict[str, Any]:
    return {"colour": look.colour, "icon": look.icon, "word": word, "filled": look.icon == "zap", **more}


@register.inclusion_tag("components/_badge.html")
def state_badge(state: str) -> dict[str, Any]:
    """Free, busy and so on, of a connector or of a place."""
    return _badge(STATES[state], str(State(state).label))


@register.inclusion_tag("components/_badge.html")
def session_badge(session: ChargingSession) -> dict[str, Any]:
    """Where a session stands."""
    return _badge(SESSIONS[session.status], session.get_status_display())


@register.inclusion_tag("components/_badge.html")
def reservation_badge(reservation: Reservation) -> dict[str, Any]:
    """Where a booking stands."""
    return _badge(RESERVATIONS[reservation.status], reservation.get_status_display())


@register.inclusion_tag("components/_badge.html")
def waitlist_badge(place: WaitlistPlace) -> dict[str, Any]:
    """Where somebody stands in a line."""
    return _badge(WAITLIST[place.status], place.get_status_display())


@register.inclusion_tag("components/_badge.html")
def top_up_badge(top_up: TopUp) -> dict[str, Any]:
    """Where a payment stands."""
    return _badge(TOP_UPS[top_up.status], top_up.get_status_display())


@register.inclusion_tag("components/_badge.html")
def payout_badge(payout: Payout) -> dict[str, Any]:
    """Where an owner's money is."""
    return _badge(PAYOUTS[payout.status], payout.get_status_display())


@register.inclusion_tag("components/_tile.html")
def state_tile(state: str) -> dict[str, Any]:
    """The state as a shape with an icon, before a row; the word stands beside it."""
    look = STATES[state]
    return {"state": state, "icon": look.icon, "filled": look.icon == "zap"}


@register.filter
def state_colour(state: str) -> str:
    """The name of a state's colour, for `text-…` classes."""
    return STATES[state].colour


STOP_REASONS = {
    "Local": _("at the charger"),
    "Remote": _("by the button on the page"),
    "EVDisconnected": _("the cable was unplugged"),
    "DeAuthorized": _("the card or the credit was no longer valid"),
    "EmergencyStop": _("by the emergency button"),
    "HardReset": _("the charger was restarted"),
    "SoftReset": _("the charger was restarted"),
    "Reboot": _("the charger was restarted"),
    "PowerLoss": _("the power went out"),
    "UnlockCommand": _("the cable was released"),
}


@register.filter
def stop_reason(reason: str) -> str:
    """How a session ended, in the words of people and not of the standard."""
    return str(STOP_REASONS.get(reason, _("for another reason")))
