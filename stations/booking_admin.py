"""What staff see of booking rules, weekly bookings and waiting lists: to read."""

from django.contrib import admin

from accounts.admin import ReadOnly
from stations.models import ArrivalPack, BookingRules, Closure, ReservationSeries, WaitlistPlace, WeeklyHours


@admin.register(BookingRules)
class BookingRulesAdmin(ReadOnly):
    """What owners ask of those who book."""

    list_display = ["charge_point", "approval", "notice_minutes", "buffer_minutes", "late_fee_minor", "no_show_fee_minor", "changed_at"]
    list_filter = ["approval"]
    list_select_related = ["charge_point"]
    search_fields = ["=charge_point__code", "charge_point__name"]


@admin.register(WeeklyHours)
class WeeklyHoursAdmin(ReadOnly):
    """When chargers are open, and when their owners come first."""

    list_display = ["charge_point", "kind", "weekday", "from_minute", "to_minute"]
    list_filter = ["kind"]
    list_select_related = ["charge_point"]
    search_fields = ["=charge_point__code"]


@admin.register(Closure)
class ClosureAdmin(ReadOnly):
    """When chargers cannot be had."""

    list_display = ["charge_point", "begins_at", "ends_at", "note"]
    list_select_related = ["charge_point"]
    search_fields = ["=charge_point__code"]


@admin.register(ArrivalPack)
class ArrivalPackAdmin(ReadOnly):
    """Who has written how to arrive; what opens a gate is nobody's business here."""

    list_display = ["charge_point", "changed_at"]
    list_select_related = ["charge_point"]
    fields = ["charge_point", "socket", "cable_m", "rules", "changed_at"]
    search_fields = ["=charge_point__code"]


@admin.register(ReservationSeries)
class ReservationSeriesAdmin(ReadOnly):
    """Who booked every week."""

    list_display = ["created_at", "connector", "driver", "weeks"]
    list_select_related = ["connector__charge_point", "driver"]
    search_fields = ["=code", "driver__email"]


@admin.register(WaitlistPlace)
class WaitlistPlaceAdmin(ReadOnly):
    """Who waits for what."""

    list_display = ["begins_at", "ends_at", "connector", "driver", "status", "offered_at", "offer_until"]
    list_filter = ["status"]
    list_select_related = ["connector__charge_point", "driver"]
    search_fields = ["=code", "driver__email", "=charge_point__code"]
