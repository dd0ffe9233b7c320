"""What chargers report of firmware, diagnostics and security: acknowledged, and kept in the log of frames."""

from ocpp_core.dialects import Unreadable
from ocpp_core.handlers.requests import Payload, Request

_SAYS = {
    "DiagnosticsStatusNotification": "status",
    "FirmwareStatusNotification": "status",
    "LogStatusNotification": "status",
    "SecurityEventNotification": "type",
    "SignCertificate": "csr",
    "SignedFirmwareStatusNotification": "status",
}


def acknowledge(request: Request) -> Payload:
    """Say yes to whatever says the one thing it is about."""
    _must_say_something(request)
    return {}


def sign_certificate(request: Request) -> Payload:
    """Decline: we issue no certificates."""
    _must_say_something(request)
    return {"status": "Rejected"}


def _must_say_something(request: Request) -> None:
    said = request.payload.get(_SAYS[request.action])
    if not isinstance(said, str) or not said:
        raise Unreadable.of(request.action, request.payload)
