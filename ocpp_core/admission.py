"""Many chargers at the door at once, as after a power cut: who brings the right password and nothing unusual is let in by the batch.

Everybody else, from a wrong password to a certificate, is judged alone by `handshake`, so that a refusal looks the same and
takes the same time whoever stands beside it.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from ocpp_core import handshake, versions
from ocpp_core.gathering import ALONE, Left
from ocpp_core.handshake import Outcome, Profile, Request, Verdict
from ocpp_core.models import ConnectionAttempt
from stations import charge_points, storms
from stations.models import ChargePoint


class Ended(NamedTuple):
    """A socket that has ended."""

    attempt_id: int | None
    charge_point_id: int
    connection: UUID
    code: int
    at: datetime


def admit_together(requests: Sequence[Request]) -> list[Verdict | Exception | Left]:
    """Let in who may plainly come in, and say so in the tables: these sockets are now the ones."""
    now = timezone.now()
    with transaction.atomic():
        named = [handshake.named(request) for request in requests]
        known = {one.identity_key: one for one in storms.free(charge_points.named({identity for identity, _password in named}))}
        verdicts = [
            _plainly(known.pop(identity.casefold(), None), request, identity, password)
            for request, (identity, password) in zip(requests, named, strict=True)
        ]
        _sort_out(verdicts, requests, now)
        admitted = {verdict.charge_point.pk: verdict for verdict in verdicts if verdict is not None and verdict.charge_point is not None}
        attempts = ConnectionAttempt.objects.bulk_create(
            handshake.attempt(verdict, request, now) for verdict, request in zip(verdicts, requests, strict=True) if verdict is not None
        )
        boxes: list[ChargePoint] = [verdict.charge_point for verdict in admitted.values() if verdict.charge_point is not None]
        storms.connected({pk: verdict.connection for pk, verdict in admitted.items()}, boxes, at=now)
    written = iter(attempts)
    return [
        ALONE if verdict is None else replace(verdict, attempt_id=next(written).pk, is_secure=request.is_secure)
        for verdict, request in zip(verdicts, requests, strict=True)
    ]


def _plainly(charge_point: ChargePoint | None, request: Request, identity: str, password: bytes | None) -> Verdict | None:
    """Let a charger in that does what every charger does every day; None for everybody of whom more must be asked."""
    if charge_point is None or password is None or charge_point.next_password_digest or charge_point.next_security_profile is not None:
        return None
    if charge_point.security_profile != Profile.BASIC and not (charge_point.security_profile == Profile.TLS and request.is_secure):
        return None
    choice = versions.chosen(request.protocols)
    if (request.protocols and choice is None) or not charge_points.password_matches(charge_point, password):
        return None
    if not charge_point.password_is_made_up and handshake.failures.are_too_many(charge_point.identity, request.client):
        return None
    version, word = choice or (versions.UNNAMED, None)
    return Verdict(Outcome.ACCEPTED, identity, charge_point, subprotocol=word, version=version)


def _sort_out(verdicts: list[Verdict | None], requests: Sequence[Request], now: datetime) -> None:
    """Leave out whom more must be known of: one that was asked something over its last socket, or was here from elsewhere just now."""
    admitted = {verdict.charge_point.pk for verdict in verdicts if verdict is not None and verdict.charge_point is not None}
    unusual = storms.with_commands(admitted)
    places = ConnectionAttempt.objects.filter(charge_point__in=admitted, first_at__gt=now - handshake.ALTERNATING_WINDOW)
    lately = set(places.values_list("charge_point_id", "address"))
    for place, (verdict, request) in enumerate(zip(verdicts, requests, strict=True)):
        if verdict is None or verdict.charge_point is None:
            continue
        pk = verdict.charge_point.pk
        if pk in unusual or any(other == pk and address != request.client for other, address in lately):
            verdicts[place] = None


def forget_together(ended: Sequence[Ended]) -> list[Exception | Left | None]:
    """Note that many sockets have ended, as when this process drains. Where a newer one has taken over, that one stays."""
    with transaction.atomic():
        boxes = storms.locked({one.charge_point_id for one in ended})
        first: dict[int, Ended] = {}
        for one in ended:
            if one.charge_point_id in boxes:
                first.setdefault(one.charge_point_id, one)
        at = max(one.at for one in ended)
        done = storms.disconnected({pk: one.connection for pk, one in first.items()}, boxes, at=at)
        written = [one for pk, one in first.items() if pk in done]
        rows = [ConnectionAttempt(pk=one.attempt_id, closed_at=one.at, close_code=one.code) for one in written if one.attempt_id]
        ConnectionAttempt.objects.bulk_update(rows, ["closed_at", "close_code"])
    return [None if one.charge_point_id in done and first[one.charge_point_id] is one else ALONE for one in ended]


def forget_alone(one: Ended) -> None:
    """The same for one, with all that may follow from it."""
    handshake.forget(one.attempt_id, one.charge_point_id, one.connection, code=one.code, at=one.at)
