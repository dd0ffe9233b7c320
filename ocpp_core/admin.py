"""What staff see of the chargers' door: frames, attempts to connect, configuration keys, deviations. None of it is rewritten."""

from django.contrib import admin
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _

from accounts.admin import ReadOnly
from ocpp_core.models import (
    Certificate,
    ChargerDeviation,
    ChargingProfile,
    CompositeSchedule,
    ConfigurationKey,
    ConnectionAttempt,
    DiagnosticsUpload,
    FirmwareUpdate,
    InstalledCertificate,
    LocalList,
    LocalListEntry,
    OcppFrame,
    SecurityEvent,
)
from ocpp_core.views import review_desk
from stations.models import MeterCase
from stations.models.command import BLOTTED, is_secret

admin.site.index_template = "admin/desks_index.html"  # this floor knows every desk


@admin.register(MeterCase)
class MeterCaseAdmin(ReadOnly):
    """Every case of the review desk, waiting and decided. The desk shows frames, so its address is given here, on their floor."""

    list_display = ["opened_at", "session", "kind", "doubt", "plausible_wh", "reported_wh", "decide_by", "outcome", "decided_by"]
    list_filter = ["kind", "outcome", "doubt", "opened_at"]
    list_select_related = ["session__connector__charge_point", "decided_by"]
    search_fields = ["=session__code", "=session__charge_point__code", "session__driver__email", "session__owner__email"]
    change_list_template = "admin/stations/metercase/change_list.html"

    def get_urls(self) -> list[URLPattern]:
        """The review desk, behind the same door as the rest of the administration."""
        guard = self.admin_site.admin_view
        return [
            path("desk/", guard(review_desk.review_desk), name="stations_review_desk"),
            path("desk/<int:pk>/", guard(review_desk.review_case), name="stations_review_case"),
            path("desk/<int:pk>/decide/", guard(review_desk.review_decide), name="stations_review_decide"),
            path("desk/sessions/<uuid:code>/", guard(review_desk.review_reopen), name="stations_review_reopen"),
            *super().get_urls(),
        ]


@admin.register(OcppFrame)
class OcppFrameAdmin(ReadOnly):
    """Frames as they went over the wire, passwords blotted out. Counted by nobody: there are millions."""

    list_display = ["at", "charge_point", "direction", "type", "action", "message_id", "answered_in_ms"]
    list_filter = ["direction", "type"]
    list_select_related = ["charge_point"]
    search_fields = ["=charge_point__code", "=charge_point__identity", "=message_id", "=action"]


@admin.register(ConnectionAttempt)
class ConnectionAttemptAdmin(ReadOnly):
    """Who tried to connect under which name, and why it failed."""

    list_display = ["at", "identity", "charge_point", "outcome", "detail", "address", "times", "closed_at", "close_code"]
    list_filter = ["outcome", "at"]
    list_select_related = ["charge_point"]
    search_fields = ["identity", "=address", "=charge_point__code"]


@admin.register(ConfigurationKey)
class ConfigurationKeyAdmin(ReadOnly):
    """What chargers say of their settings."""

    list_display = ["charge_point", "key", "shown_value", "is_readonly", "is_known", "read_at"]
    list_filter = ["is_readonly", "is_known"]
    list_select_related = ["charge_point"]
    search_fields = ["key", "=charge_point__code", "charge_point__identity"]
    exclude = ["value"]
    readonly_fields = ["shown_value"]

    @admin.display(description=_("value"))
    def shown_value(self, key: ConfigurationKey) -> str | None:
        """Without passwords."""
        return BLOTTED if is_secret(key.key) else key.value


@admin.register(ChargerDeviation)
class ChargerDeviationAdmin(ReadOnly):
    """How chargers stray from the standard."""

    list_display = ["charge_point", "word", "times", "first_at", "last_at"]
    list_filter = ["last_at"]
    list_select_related = ["charge_point"]
    search_fields = ["word", "=charge_point__code", "charge_point__identity", "charge_point__vendor"]


@admin.register(LocalList)
class LocalListAdmin(ReadOnly):
    """What boxes know of cards without us."""

    list_display = ["charge_point", "version", "is_agreed", "is_supported", "outcome", "is_kept", "works_offline", "confirmed_at"]
    list_filter = ["is_agreed", "is_supported", "is_kept", "works_offline"]
    list_select_related = ["charge_point"]
    search_fields = ["=charge_point__code", "charge_point__identity"]


@admin.register(LocalListEntry)
class LocalListEntryAdmin(ReadOnly):
    """The cards in them."""

    list_display = ["id_tag", "local_list", "status", "expires_at"]
    list_filter = ["status"]
    list_select_related = ["local_list__charge_point"]
    search_fields = ["=id_tag", "=local_list__charge_point__code"]


@admin.register(ChargingProfile)
class ChargingProfileAdmin(ReadOnly):
    """The limits that boxes hold, as far as their answers told us."""

    list_display = [
        "charge_point",
        "connector_number",
        "purpose",
        "profile_id",
        "stack_level",
        "kind",
        "transaction_id",
        "valid_to",
        "accepted_at",
    ]
    list_filter = ["purpose", "kind", "accepted_at"]
    list_select_related = ["charge_point"]
    search_fields = ["=charge_point__code", "charge_point__identity", "=transaction_id"]


@admin.register(CompositeSchedule)
class CompositeScheduleAdmin(ReadOnly):
    """The limits that boxes say they keep to."""

    list_display = ["charge_point", "connector_number", "starts_at", "received_at"]
    list_select_related = ["charge_point"]
    search_fields = ["=charge_point__code", "charge_point__identity"]


@admin.register(SecurityEvent)
class SecurityEventAdmin(ReadOnly):
    """What chargers report of their security."""

    list_display = ["received_at", "charge_point", "type", "tech_info", "at", "is_critical", "times"]
    list_filter = ["is_critical", "received_at"]
    list_select_related = ["charge_point"]
    search_fields = ["=type", "=charge_point__code", "charge_point__identity"]


@admin.register(Certificate)
class CertificateAdmin(ReadOnly):
    """Client certificates that chargers were given."""

    list_display = ["created_at", "charge_point", "subject", "state", "not_before", "not_after", "used_at", "serial"]
    list_filter = ["state", "created_at"]
    list_select_related = ["charge_point"]
    search_fields = ["=serial", "=fingerprint", "subject", "=charge_point__code", "charge_point__identity"]


@admin.register(InstalledCertificate)
class InstalledCertificateAdmin(ReadOnly):
    """Root certificates that chargers hold."""

    list_display = ["charge_point", "use", "subject", "serial_number", "hash_algorithm", "seen_at"]
    list_filter = ["use"]
    list_select_related = ["charge_point"]
    search_fields = ["=serial_number", "subject", "=charge_point__code", "charge_point__identity"]


@admin.register(FirmwareUpdate)
class FirmwareUpdateAdmin(ReadOnly):
    """Updates of firmware, and what the boxes said of them."""

    list_display = ["created_at", "charge_point", "is_signed", "answer", "status", "firmware_before", "firmware_after", "heard_at"]
    list_filter = ["status", "is_signed", "was_asked", "created_at"]
    list_select_related = ["charge_point"]
    search_fields = ["=charge_point__code", "charge_point__identity", "location"]


@admin.register(DiagnosticsUpload)
class DiagnosticsUploadAdmin(ReadOnly):
    """What boxes were to upload of their logs. The files themselves are on the page of the charger."""

    list_display = ["created_at", "charge_point", "type", "answer", "status", "received_at", "size_bytes", "refusal"]
    list_filter = ["type", "status", "refusal", "created_at"]
    list_select_related = ["charge_point"]
    search_fields = ["=charge_point__code", "charge_point__identity", "file_name"]
