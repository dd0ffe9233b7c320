"""What staff see of charging: everything, and little of it to rewrite."""

import json
from typing import Any

from auditlog.registry import auditlog
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.admin import ReadOnly
from accounts.models import User
from chargeshare.errors import DomainError
from stations import booking_admin as _of_bookings  # noqa: F401 - importing registers them
from stations import charge_points, sessions
from stations import people_admin as _of_people  # noqa: F401 - the same
from stations.models import (
    CardPairing,
    ChargePoint,
    ChargingSession,
    Circle,
    CircleMember,
    CirclePrice,
    Command,
    CommandBatch,
    Connector,
    Invitation,
    MapCell,
    MapCount,
    MapMove,
    MeterCase,
    MeterValue,
    OperatorReservation,
    PasswordRotation,
    PrepaidStart,
    QuarantinedMessage,
    Reservation,
    ThinnedReadings,
)

SECRETS = ("password_digest", "next_password_digest", "path_secret")
EDITABLE = ("name", "description", "address", "access", "is_paused", "make", "auto_configure")
SHOWN = [field.name for field in ChargePoint._meta.fields if field.name not in (*SECRETS, "id")]

auditlog.register(ChargePoint, include_fields=["owner", "is_published", "is_paused", "access", "identity", "retired_at"])
auditlog.register(CirclePrice, include_fields=["connector", "circle", "tariff"])
auditlog.register(MeterCase, include_fields=["outcome", "energy_wh", "reason", "decided_by"])
auditlog.register(QuarantinedMessage, include_fields=["resolved_at"])


class ConnectorInline(admin.TabularInline):
    """The outlets, as their charger and their owner speak of them."""

    model = Connector
    fields = readonly_fields = ("number", "type", "max_power_w", "tariff", "status", "error_code", "status_at")
    extra = 0
    can_delete = False
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only a charger's word makes an outlet."""
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Connector]:
        """With what each row shows."""
        return super().get_queryset(request).select_related("tariff", "charge_point")


class InvitationInline(admin.TabularInline):
    """Whom the owner lets in."""

    model = Invitation
    fields = readonly_fields = ("user", "created_at")
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only the owner invites."""
        return False


@admin.register(ChargePoint)
class ChargePointAdmin(admin.ModelAdmin):
    """Charge points. Passwords are not shown; they are not even known."""

    list_display = [
        "name",
        "code",
        "identity",
        "owner",
        "is_published",
        "online",
        "vendor",
        "model",
        "firmware",
        "last_seen_at",
        "retired_at",
    ]
    list_filter = ["is_published", "access", "security_profile", "is_paused", ("retired_at", admin.EmptyFieldListFilter), "created_at"]
    list_select_related = ["owner"]
    search_fields = ["=code", "identity", "name", "address", "owner__email", "serial_number", "box_serial_number"]
    fields = tuple(SHOWN)
    readonly_fields = [name for name in SHOWN if name not in EDITABLE]
    inlines = [ConnectorInline, InvitationInline]
    actions = ["take_off_the_map"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Owners register: only they see the password."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """History stays; owners retire."""
        return False

    def save_model(self, request: HttpRequest, obj: ChargePoint, form: ModelForm[ChargePoint], change: bool) -> None:  # noqa: FBT001 - Django's own
        """Through the room, which tells open pages."""
        charge_points.edit(obj, **{name: form.cleaned_data[name] for name in form.changed_data if name in EDITABLE})

    @admin.display(boolean=True, description=_("online"))
    def online(self, charge_point: ChargePoint) -> bool:
        """A socket with a sign of life."""
        return charge_point.is_online

    @admin.action(description=_("Take off the map"), permissions=["change"])
    def take_off_the_map(self, request: HttpRequest, chosen: QuerySet[ChargePoint]) -> None:
        """For chargers that mislead drivers."""
        for charge_point in chosen:
            charge_points.unpublish(charge_point)
        self.message_user(request, _("Done."))


@admin.register(Connector)
class ConnectorAdmin(ReadOnly):
    """Outlets."""

    list_display = ["charge_point", "number", "type", "max_power_w", "tariff", "status", "error_code", "status_at"]
    list_filter = ["type", "status"]
    list_select_related = ["charge_point", "tariff"]
    search_fields = ["=charge_point__code", "charge_point__identity", "charge_point__name"]


@admin.register(Invitation)
class InvitationAdmin(ReadOnly):
    """Who may charge at private places."""

    list_display = ["charge_point", "user", "created_at"]
    list_select_related = ["charge_point", "user"]
    search_fields = ["charge_point__name", "user__email"]


@admin.register(ChargingSession)
class ChargingSessionAdmin(ReadOnly):
    """Sessions. Their figures follow from what chargers said; staff end what no StopTransaction will end."""

    list_display = ["id", "charge_point", "connector_number", "driver", "status", "started_at", "energy_wh", "cdr", "is_estimated", "note"]
    list_filter = ["status", "created_at", "origin", "is_estimated", "is_free"]
    list_select_related = ["charge_point", "connector__charge_point", "driver", "cdr"]
    search_fields = ["=code", "=transaction_id", "id_tag", "driver__email", "=charge_point__code", "charge_point__identity"]
    actions = ["close"]

    @admin.display(description=_("connector"), ordering="connector__number")
    def connector_number(self, session: ChargingSession) -> int:
        """Short, for the charge point stands beside it."""
        return session.connector.number

    def has_close_permission(self, request: HttpRequest) -> bool:
        """Ending a record settles money."""
        return request.user.has_perm("stations.change_chargingsession")

    @admin.action(description=_("Close without a StopTransaction"), permissions=["close"])
    def close(self, request: HttpRequest, chosen: QuerySet[ChargingSession]) -> None:
        """End records; nothing goes to the chargers."""
        if not isinstance(request.user, User):
            return
        for session in chosen:
            try:
                sessions.close(user=request.user, session=session)
            except DomainError as refusal:
                self.message_user(request, f"{session}: {refusal.message}", messages.ERROR)


@admin.register(MeterValue)
class MeterValueAdmin(ReadOnly):
    """Readings, as they came."""

    list_display = ["at", "connector", "charge_point", "session", "sample_count", "received_at"]
    list_select_related = ["connector__charge_point", "charge_point", "session__connector__charge_point"]
    search_fields = ["=session__code", "=connector__charge_point__code", "=charge_point__code"]
    ordering = ["-id"]


@admin.register(ThinnedReadings)
class ThinnedReadingsAdmin(ReadOnly):
    """What became of readings that were old."""

    list_display = ["session", "thinned_at", "kept", "removed"]
    list_select_related = ["session__connector__charge_point"]
    search_fields = ["=session__code"]


@admin.register(MapCell)
class MapCellAdmin(ReadOnly):
    """The map from afar, as it was counted last."""

    list_display = ["zoom", "row", "column", "access", "count", "free"]
    list_filter = ["zoom", "access"]


@admin.register(MapMove)
class MapMoveAdmin(ReadOnly):
    """What came to the map and left it since."""

    list_display = ["id", "access", "count", "latitude", "longitude"]


@admin.register(MapCount)
class MapCountAdmin(ReadOnly):
    """When it was counted."""

    list_display = ["number", "counted_at"]


@admin.register(Command)
class CommandAdmin(ReadOnly):
    """What was asked of chargers; passwords are blotted out."""

    list_display = ["id", "charge_point", "action", "status", "source", "asked_by", "created_at", "answered_at"]
    list_filter = ["status", "source", "action", "created_at"]
    list_select_related = ["charge_point", "asked_by"]
    search_fields = ["=charge_point__code", "charge_point__identity", "action"]
    exclude = ["payload", "response"]
    readonly_fields = ["said", "answered"]

    @admin.display(description=_("payload"))
    def said(self, command: Command) -> str:
        """Without passwords."""
        return json.dumps(command.shown_payload, ensure_ascii=False, indent=1)

    @admin.display(description=_("response"))
    def answered(self, command: Command) -> str:
        """Without passwords."""
        return json.dumps(command.shown_response, ensure_ascii=False, indent=1)


@admin.register(CommandBatch)
class CommandBatchAdmin(ReadOnly):
    """What was asked of many chargers at once."""

    list_display = ["code", "action", "total", "per_minute", "asked_by", "created_at", "interrupted_at"]
    list_filter = ["action", "created_at"]
    list_select_related = ["asked_by"]
    search_fields = ["=code", "=action"]


@admin.register(Reservation)
class ReservationAdmin(ReadOnly):
    """Who booked what, and what the charger said to it."""

    list_display = ["begins_at", "ends_at", "connector", "driver", "status", "reservation_id", "told_at", "answer"]
    list_filter = ["status", "answer", "begins_at"]
    list_select_related = ["connector__charge_point", "driver"]
    search_fields = ["=code", "=reservation_id", "driver__email", "=charge_point__code", "charge_point__name"]


@admin.register(PrepaidStart)
class PrepaidStartAdmin(ReadOnly):
    """Visits that were paid before they began."""

    list_display = ["created_at", "driver", "connector", "amount_minor", "status", "returned_at"]
    list_filter = ["status", "created_at"]
    list_select_related = ["connector__charge_point", "driver"]
    search_fields = ["=code", "driver__email", "driver__guest_email", "=top_up__gateway_id"]


@admin.register(OperatorReservation)
class OperatorReservationAdmin(ReadOnly):
    """Connectors that chargers hold because they were told so directly."""

    list_display = ["created_at", "charge_point", "connector_number", "reservation_id", "id_tag", "expires_at", "ended_at", "ended_by"]
    list_filter = ["ended_by"]
    list_select_related = ["charge_point"]
    search_fields = ["=reservation_id", "id_tag", "=charge_point__code", "charge_point__name"]


@admin.register(CardPairing)
class CardPairingAdmin(ReadOnly):
    """Who waited for a card to be tapped."""

    list_display = ["charge_point", "user", "uid", "created_at", "expires_at"]
    list_select_related = ["charge_point", "user"]
    search_fields = ["user__email", "uid", "charge_point__name"]


@admin.register(Circle)
class CircleAdmin(ReadOnly):
    """Whom owners know."""

    list_display = ["__str__", "kind", "owner", "created_at"]
    list_filter = ["kind"]
    list_select_related = ["owner"]
    search_fields = ["name", "owner__email"]


@admin.register(CircleMember)
class CircleMemberAdmin(ReadOnly):
    """Who is in whose circle."""

    list_display = ["user", "circle", "joined_at"]
    list_select_related = ["user", "circle"]
    search_fields = ["user__email", "circle__name", "circle__owner__email"]


@admin.register(CirclePrice)
class CirclePriceAdmin(ReadOnly):
    """What circles pay where."""

    list_display = ["connector", "circle", "tariff"]
    list_select_related = ["connector__charge_point", "circle", "tariff"]
    search_fields = ["=connector__charge_point__code", "circle__name", "tariff__name"]


@admin.register(PasswordRotation)
class PasswordRotationAdmin(ReadOnly):
    """Chargers that have not used their new password yet. The password stands nowhere."""

    list_display = ["charge_point", "began_at", "asked_by", "told", "answer"]
    list_select_related = ["charge_point", "asked_by"]
    search_fields = ["=charge_point__code", "charge_point__identity"]
    exclude = ["sealed"]


@admin.register(QuarantinedMessage)
class QuarantinedMessageAdmin(ReadOnly):
    """What chargers said that fits nothing. It was acknowledged; somebody should look."""

    list_display = ["received_at", "charge_point", "action", "reason", "times", "resolved_at"]
    list_filter = [("resolved_at", admin.EmptyFieldListFilter), "action", "received_at"]
    list_select_related = ["charge_point"]
    search_fields = ["reason", "=charge_point__code", "charge_point__identity", "raw"]
    actions = ["resolve"]

    def has_resolve_permission(self, request: HttpRequest) -> bool:
        """Marking as seen needs the right to change, though the words stay."""
        return request.user.has_perm("stations.change_quarantinedmessage")

    @admin.action(description=_("Mark as resolved"), permissions=["resolve"])
    def resolve(self, request: HttpRequest, chosen: QuerySet[QuarantinedMessage]) -> None:
        """Somebody has looked and done what was to do."""
        count = chosen.filter(resolved_at=None).update(resolved_at=timezone.now())
        text = ngettext("%(count)d message resolved.", "%(count)d messages resolved.", count) % {"count": count}
        self.message_user(request, text)
