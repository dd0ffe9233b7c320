"""What chargers said that fits nothing: acknowledged, kept, counted, shown to staff."""

import hashlib
import json
import logging
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from stations.models import QuarantinedMessage

logger = logging.getLogger(__name__)
LONGEST_RAW = 100_000


def keep(
    charge_point_id: int, action: str, reason: str, payload: Any, *, raw: str = "", same: str = "", at: datetime | None = None
) -> None:
    """Keep a message. The same one again is counted; `same` names what makes two the same, else their content does."""
    content = same or json.dumps([payload, raw], sort_keys=True, default=str)
    fingerprint = hashlib.sha256(f"{action}|{reason}|{content}".encode("utf-8", "replace")).hexdigest()
    again = QuarantinedMessage.objects.filter(charge_point_id=charge_point_id, fingerprint=fingerprint)
    if again.update(times=F("times") + 1):
        return
    with transaction.atomic():
        QuarantinedMessage.objects.bulk_create(
            [
                QuarantinedMessage(
                    charge_point_id=charge_point_id,
                    action=action[:40],
                    reason=reason[:200],
                    payload=clean(payload),
                    raw=clean(raw)[:LONGEST_RAW],
                    fingerprint=fingerprint,
                    received_at=at or timezone.now(),
                )
            ],
            ignore_conflicts=True,
        )
    logger.warning("charge point %d: %s quarantined: %s", charge_point_id, action, reason)


def clean(said: Any) -> Any:
    """The same without what PostgreSQL cannot keep: NUL and halves of surrogate pairs."""
    if isinstance(said, str):
        return said.replace("\0", "").encode("utf-8", "replace").decode()
    if isinstance(said, dict):
        return {clean(str(key)): clean(value) for key, value in said.items()}
    if isinstance(said, list | tuple):
        return [clean(value) for value in said]
    return said if said is None or isinstance(said, bool | int | float) else str(said)
