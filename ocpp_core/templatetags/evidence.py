"""`{% session_evidence code %}`: what a charger said of one session, for pages of lower floors that know its code alone."""

from typing import Any
from uuid import UUID

from django import template

from ocpp_core import told_steps
from stations import meter_steps
from stations.models import ChargingSession

register = template.Library()


@register.inclusion_tag("ocpp_core/_session_evidence.html")
def session_evidence(code: UUID) -> dict[str, Any]:
    """Its curve, and its readings with the frames they came in as long as those are kept."""
    session = ChargingSession.objects.select_related("charge_point", "connector").filter(code=code).first()
    if session is None:
        return {"session": None}
    steps = meter_steps.of(session)
    return {"session": session, "steps": steps, "told": told_steps.of(session, steps)}
