"""What chargers say of their firmware and of the logs they upload."""

from ocpp_core import diagnostics, dialects, firmware
from ocpp_core.handlers.requests import Payload, Request
from ocpp_core.models import DiagnosticsUpload


def firmware_status(request: Request) -> Payload:
    """Hear how an update goes: FirmwareStatusNotification, and the same of the security extension with a number."""
    said = dialects.progress(request.action, request.payload)
    request.note(said.deviations)
    firmware.heard(request.facts.charge_point_id, said.status, request_id=said.request_id, at=request.received_at)
    return {}


def upload_status(request: Request) -> Payload:
    """Hear how an upload goes: DiagnosticsStatusNotification and LogStatusNotification."""
    said = dialects.progress(request.action, request.payload)
    request.note(said.deviations)
    is_log = request.action == "LogStatusNotification"
    kind = DiagnosticsUpload.Type.DIAGNOSTICS_LOG if is_log else DiagnosticsUpload.Type.DIAGNOSTICS
    diagnostics.heard(request.facts.charge_point_id, said.status, request_id=said.request_id, kind=kind, at=request.received_at)
    return {}
