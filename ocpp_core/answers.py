"""What the answers of chargers to our requests teach us: configuration keys, profiles, lists, whatever is kept of a box.

One function for each action that teaches something. It runs in the transaction that records the answer, so whoever sees
that a charger answered also sees what followed from it. What chargers answer may be anything: read it with tolerance.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from django.db import transaction

from ocpp_core import configuration

logger = logging.getLogger(__name__)

Payload: TypeAlias = Mapping[str, Any]
Learner: TypeAlias = Callable[[int, Payload, Payload], None]  # charge_point_id, what we asked, what it answered


def learn(charge_point_id: int, action: str, payload: Payload, response: Payload) -> None:
    """Keep what an answer means, whoever asked. A surprise in it costs neither the answer nor the connection."""
    learner = LEARNERS.get(action)
    if learner is None:
        return
    try:
        with transaction.atomic():
            learner(charge_point_id, payload, response)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        logger.exception("nothing learnt from the answer of charge point %d to %s", charge_point_id, action)


def _get_configuration(charge_point_id: int, _payload: Payload, response: Payload) -> None:
    configuration.remember(charge_point_id, response)


def _change_configuration(charge_point_id: int, payload: Payload, response: Payload) -> None:
    if response.get("status") == "Accepted":
        configuration.remember_set(charge_point_id, str(payload.get("key", "")), str(payload.get("value", "")))


LEARNERS: Mapping[str, Learner] = {
    "ChangeConfiguration": _change_configuration,
    "GetConfiguration": _get_configuration,
}
