"""The security extension, charger to us: events that touch its security, and requests for a certificate of its own."""

from ocpp_core import authority, certificates, dialects, security_events
from ocpp_core.dialects import Unreadable
from ocpp_core.handlers.requests import Payload, Request


def security_event_notification(request: Request) -> Payload:
    """Keep what happened."""
    charge_point = request.charge_point()
    said = dialects.security_event_notification(request.payload, request.received_at, clock_skew_s=charge_point.clock_skew_s)
    request.note(said.deviations)
    security_events.keep(charge_point, said.type, said.tech_info, at=said.at, received_at=request.received_at)
    return {}


def sign_certificate(request: Request) -> Payload:
    """Say whether the charger will get a certificate; it follows in a request of ours."""
    csr = request.payload.get("csr")
    if not isinstance(csr, str):
        raise Unreadable.of("SignCertificate", request.payload)
    try:
        issued = certificates.issue(request.charge_point(), csr, now=request.received_at)
    except authority.Refused as refusal:
        request.note((refusal.word,))
        return {"status": "Rejected"}
    return {"status": "Accepted" if issued is not None else "Rejected"}
