"""All that this floor holds about one person."""

from typing import Any

from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from stations.models import (
    AreaAlert,
    AreaNews,
    ArrivalPack,
    BookingRules,
    CardPairing,
    ChargePoint,
    ChargingSession,
    Circle,
    CircleMember,
    Closure,
    Command,
    CommandBatch,
    Favourite,
    FilterProfile,
    Invitation,
    Message,
    MeterCase,
    MeterValue,
    Photo,
    PrepaidStart,
    Problem,
    Reservation,
    ReservationSeries,
    Review,
    ReviewReport,
    SiteFacts,
    Thread,
    WaitlistPlace,
    WeeklyHours,
)

_SESSION = (
    *("code", "status", "origin", "transaction_id", "charge_point__code", "charge_point__name", "connector__number", "created_at"),
    *("started_at", "stopped_at", "stop_reason", "meter_start_wh", "meter_stop_wh", "energy_wh", "is_estimated", "is_free", "note"),
    *("max_amount_minor", "max_energy_wh", "until", "cdr__number"),
)
_RESERVATION = (
    *("code", "status", "reservation_id", "charge_point__code", "charge_point__name", "connector__number", "begins_at", "ends_at"),
    *("id_tag", "created_at", "ended_at", "session__code"),
)
_PREPAID = ("code", "connector__charge_point__code", "connector__number", "amount_minor", "status", "note", "created_at", "returned_at")
_RULES = (
    *("approval", "approve_first", "notice_minutes", "ahead_days", "buffer_minutes", "shortest_minutes", "longest_minutes"),
    *("wants_confirmed_email", "wants_vehicle", "free_until_hours", "late_fee_minor", "no_show_fee_minor"),
)
_REVIEW = ("charge_point__code", "side", "rating", "text", "tags", "reply", "replied_at", "created_at")
_PROBLEM = ("kind", "text", "evidence", "has_photo", "created_at", "mended_at", "answer")
_PACK = ("spot", "gate_code", "socket", "cable_m", "rules")
_METER_CASE = ("session__code", "kind", "doubt", "plausible_wh", "reported_wh", "opened_at", "outcome", "energy_wh", "reason", "decided_at")
_AREA = ("name", "latitude", "longitude", "radius_km", "connector_types", "min_power_w", "is_of_my_circles", "created_at")
_FACTS = ("has_cable", "has_solar", "fits_trailer", "is_accessible", "has_barrier", "is_overnight", "max_height_cm")
_CHARGE_POINT = (
    *("code", "name", "description", "address", "latitude", "longitude", "access", "is_published", "make", "identity", "vendor", "model"),
    *("firmware", "serial_number", "box_serial_number", "meter_type", "meter_serial_number", "iccid", "imsi", "created_at", "retired_at"),
)


def everything_about(user: User) -> dict[str, Any]:
    """Sessions on both sides, chargers, invitations and commands, as plain values ready for JSON.

    Of sessions at her chargers she gets what she sees anyway: not whose they were, not with which card.
    """
    return {
        "sessions": list(
            ChargingSession.objects.filter(driver=user).order_by("pk").values(*_SESSION, "id_tag", "vehicle__name", "until_percent")
        ),
        "meter_values": list(
            MeterValue.objects.filter(session__driver=user).order_by("session", "at", "pk").values("session__code", "at", "samples")
        ),
        "hosted_sessions": list(ChargingSession.objects.filter(owner=user).exclude(driver=user).order_by("pk").values(*_SESSION)),
        "meter_cases": list(MeterCase.objects.filter(Q(session__driver=user) | Q(session__owner=user)).order_by("pk").values(*_METER_CASE)),
        "charge_points": [
            {
                **{name: getattr(charge_point, name) for name in _CHARGE_POINT},
                "connectors": list(charge_point.connectors.order_by("number").values("number", "type", "max_power_w", "tariff__name")),
                "invited": list(charge_point.invitations.order_by("pk").values_list("user__email", flat=True)),
            }
            for charge_point in ChargePoint.objects.filter(owner=user).order_by("pk")
        ],
        "reservations": list(Reservation.objects.filter(driver=user).order_by("pk").values(*_RESERVATION)),
        "weekly_bookings": list(
            ReservationSeries.objects.filter(driver=user)
            .order_by("pk")
            .values("code", "connector__charge_point__code", "connector__number", "weeks", "created_at")
        ),
        "prepaid_visits": list(PrepaidStart.objects.filter(driver=user).order_by("pk").values(*_PREPAID)),
        "waiting_lists": list(
            WaitlistPlace.objects.filter(driver=user).order_by("pk").values("charge_point__code", "begins_at", "ends_at", "status")
        ),
        "booking_rules": list(BookingRules.objects.filter(charge_point__owner=user).order_by("pk").values("charge_point__code", *_RULES)),
        "weekly_hours": list(
            WeeklyHours.objects.filter(charge_point__owner=user)
            .order_by("charge_point", "weekday", "from_minute")
            .values("charge_point__code", "kind", "weekday", "from_minute", "to_minute")
        ),
        "closures": list(
            Closure.objects.filter(charge_point__owner=user).order_by("pk").values("charge_point__code", "begins_at", "ends_at", "note")
        ),
        "arrival_packs": list(ArrivalPack.objects.filter(charge_point__owner=user).order_by("pk").values("charge_point__code", *_PACK)),
        "photos": list(
            Photo.objects.filter(charge_point__owner=user, charge_point__retired_at=None)
            .order_by("charge_point", "position")
            .values("charge_point__code", "code", "caption", "is_for_guests", "created_at")
        ),
        "invitations": list(Invitation.objects.filter(user=user).order_by("pk").values("charge_point__code", "created_at")),
        "circles": [
            {
                "kind": circle.kind,
                "name": circle.name,
                "created_at": circle.created_at,
                "members": [member.user.short_name for member in circle.members.select_related("user")],
                "prices": list(circle.prices.values("connector__charge_point__code", "connector__number", "tariff__name")),
            }
            for circle in Circle.objects.filter(owner=user)
        ],
        "circles_i_am_in": list(CircleMember.objects.filter(user=user).values("circle__kind", "circle__name", "joined_at")),
        "reviews_written": list(Review.objects.filter(author=user).order_by("pk").values("session__code", *_REVIEW)),
        "reviews_of_me": list(
            Review.objects.filter(about=user, opens_at__lte=timezone.now()).order_by("pk").values("session__code", *_REVIEW)
        ),
        "reviews_reported": list(
            ReviewReport.objects.filter(reporter=user).order_by("pk").values("review__session__code", "reason", "created_at", "resolved_at")
        ),
        "messages": [
            {"thread__code": message.thread.code, "is_mine": message.author_id == user.pk, "text": message.text, "at": message.created_at}
            for message in Message.objects.filter(thread__in=Thread.objects.of(user)).select_related("thread")
        ],
        "problems_reported": list(
            Problem.objects.filter(reporter=user).order_by("pk").values("charge_point__code", "session__code", *_PROBLEM)
        ),
        "favourites": list(Favourite.objects.filter(user=user).order_by("pk").values("charge_point__code", "note", "created_at")),
        "saved_filters": list(FilterProfile.objects.filter(user=user).values("name", "filters", "is_default", "created_at")),
        "watched_areas": list(AreaAlert.objects.filter(user=user).values(*_AREA)),
        "news_of_areas": list(AreaNews.objects.filter(user=user).order_by("pk").values("charge_point__code", "told_at")),
        "facts_about_places": list(SiteFacts.objects.filter(charge_point__owner=user).values("charge_point__code", *_FACTS)),
        "card_pairings": list(
            CardPairing.objects.filter(user=user).order_by("pk").values("charge_point__code", "label", "created_at", "uid")
        ),
        "commands": [
            {
                "charge_point__code": command.charge_point.code,
                "action": command.action,
                "payload": command.shown_payload,
                "status": command.status,
                "created_at": command.created_at,
            }
            for command in Command.objects.filter(asked_by=user).select_related("charge_point").order_by("pk")
        ],
        "commands_to_many": list(
            CommandBatch.objects.filter(asked_by=user).order_by("pk").values("code", "action", "total", "per_minute", "created_at")
        ),
    }
