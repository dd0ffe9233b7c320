"""What many chargers say at once, answered in one transaction: a view for a crowd. Whoever is not plain is answered alone."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from django.db import transaction

from ocpp_core import dialects, firmware
from ocpp_core.gathering import ALONE, Left
from ocpp_core.handlers import core
from ocpp_core.handlers.requests import Payload, Request
from stations import storms
from stations.models import ChargePoint

Answers: TypeAlias = list[Payload | Exception | Left]
Handler: TypeAlias = Callable[[Sequence[Request]], Answers]


def boot_notifications(requests: Sequence[Request]) -> Answers:
    """Take note of what boxes say they are; one that comes with other firmware is looked at alone where that was asked for."""
    with transaction.atomic():
        charge_points = _locked(requests)
        said = [dialects.boot_notification(request.payload) for request in requests]
        is_other = {
            request.facts.charge_point_id
            for request, words in zip(requests, said, strict=True)
            if (one := charge_points.get(request.facts.charge_point_id)) is not None and words.firmware not in ("", one.firmware)
        }
        for charge_point_id in firmware.asked_for(is_other):
            del charge_points[charge_point_id]
        taken = [charge_points.pop(request.facts.charge_point_id, None) for request in requests]
        boots = [
            (charge_point, request.received_at, core.boot_of(words))
            for charge_point, request, words in zip(taken, requests, said, strict=True)
            if charge_point is not None
        ]
        storms.booted(boots)
    answers: Answers = []
    for charge_point, request, words in zip(taken, requests, said, strict=True):
        if charge_point is None:
            answers.append(ALONE)
            continue
        request.note(words.deviations)
        request.facts.clock_skew_s = charge_point.clock_skew_s
        answers.append(core.booted(request))
    return answers


def status_notifications(requests: Sequence[Request]) -> Answers:
    """Take note of how outlets and boxes stand."""
    with transaction.atomic():
        charge_points = _locked(requests)
        heard = [_stand(charge_points.pop(request.facts.charge_point_id, None), request) for request in requests]
        kept = storms.stood([stand for stand, _deviations in heard if isinstance(stand, storms.Stand)])
    answers: Answers = []
    for (stand, deviations), request in zip(heard, requests, strict=True):
        if not isinstance(stand, storms.Stand):
            answers.append(stand)
        elif stand.charge_point.pk not in kept:
            answers.append(ALONE)
        else:
            request.note(deviations)
            request.facts.clock_skew_s = stand.charge_point.clock_skew_s
            answers.append({})
    return answers


def _locked(requests: Sequence[Request]) -> dict[int, ChargePoint]:
    """The rows of who speaks. Each is taken out of it once: of two words of one charger the second is heard alone."""
    return storms.locked({request.facts.charge_point_id for request in requests})


def _stand(charge_point: ChargePoint | None, request: Request) -> tuple[storms.Stand | Exception | Left, tuple[str, ...]]:
    if charge_point is None:
        return ALONE, ()
    try:
        said = dialects.status_notification(request.payload, request.received_at, clock_skew_s=charge_point.clock_skew_s)
    except dialects.Unreadable as unreadable:
        return unreadable, ()
    stand = storms.Stand(
        charge_point,
        said.connector_number,
        said.status,
        said.error_code,
        said.info,
        said.vendor_error_code,
        said.at,
        request.received_at,
        said.skew_s,
    )
    return stand, said.deviations
