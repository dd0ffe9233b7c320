"""Who may open a charger's socket: identity, password or certificate, subprotocol. Decided before the upgrade, remembered after it.

Unknown identity and wrong password look the same from outside and take the same work. Only failures are limited, so a
storm of right passwords after a power cut is never refused.
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise
from secrets import compare_digest
from threading import Lock
from typing import Any
from urllib.parse import unquote
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import F
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from accounts import notifications
from accounts.models import Notification, User
from chargeshare import bus
from ocpp_core import certificates, protection, versions
from ocpp_core.limits import Failures, Refusals, Window
from ocpp_core.models import Certificate, ConnectionAttempt
from ocpp_core.versions import Version
from stations import charge_points, commands, connectivity, password_rotation
from stations.models import ChargePoint

CLIENT_CERTIFICATE = "chargeshare.client_certificate"  # a server that tells what a proxy of ours says of it
Outcome = ConnectionAttempt.Outcome
Profile = ChargePoint.SecurityProfile

COUNTED_TOGETHER = timedelta(minutes=10)
MADE_UP_LENGTH = 20
ALTERNATING_SWAPS = 5  # more of them in a minute are not a charger that changed its network
ALTERNATING_WINDOW = timedelta(seconds=60)

_STATUS = {Outcome.TOO_MANY: 429, Outcome.ALTERNATING: 429}
_NOBODY = ChargePoint(pk=0, password_digest="", security_profile=Profile.BASIC)

failures = Failures()
refusals = Refusals()
_told_too_many = Window()
_one_at_a_time = Lock()


@dataclass(frozen=True)
class Address:
    """What the path says: the candidates for the identity, the likeliest first, and what may be the secret."""

    candidates: tuple[str, ...]

    @classmethod
    def read(cls, scope: dict[str, Any]) -> "Address":
        """Read the part after /ocpp/; tolerate trailing slashes, doubled identities and whole addresses in the path.

        Percent signs are decoded exactly once: the server has already decoded `path`, not `raw_path`.
        """
        raw_path = scope.get("raw_path")
        path = raw_path.decode("latin1").split("?")[0] if raw_path else None
        segments = path.split("/") if path is not None else str(scope["path"]).split("/")
        words = [unquote(segment) if path is not None else segment for segment in segments if segment]
        doors = [place for place, word in enumerate(words[:-1]) if word.casefold() == "ocpp"]
        if not doors:
            return cls(())
        inside = words[doors[-1] + 1 :]
        return cls(tuple(dict.fromkeys(reversed(inside))))

    @property
    def identity(self) -> str:
        """The last segment, where nothing else says better."""
        return self.candidates[0] if self.candidates else ""


@dataclass(frozen=True)
class Request:
    """What a charger brings to the door."""

    address: Address
    credentials: bytes | None
    protocols: tuple[str, ...]
    is_secure: bool
    client: str | None
    certificate: str = ""
    certificate_is_verified: bool = False

    @classmethod
    def read(cls, scope: dict[str, Any]) -> "Request":
        """Read an ASGI scope. Origin is no business of chargers; some send junk there.

        A client certificate is never read from the headers, which anybody may write: the server says what a trusted proxy said.
        """
        credentials = None
        for name, value in scope["headers"]:
            if name == b"authorization":
                credentials = _basic(value)
        client = scope.get("client")
        shown = scope.get("extensions", {}).get(CLIENT_CERTIFICATE, {})
        return cls(
            address=Address.read(scope),
            credentials=credentials,
            protocols=tuple(word.strip() for word in scope.get("subprotocols", ()) if word.strip()),
            is_secure=scope.get("scheme") == "wss",
            client=str(client[0]) if client else None,
            certificate=shown.get("certificate", ""),
            certificate_is_verified=shown.get("is_verified", False),
        )


@dataclass(frozen=True)
class Verdict:
    """What came of an attempt."""

    outcome: Outcome
    identity: str
    charge_point: ChargePoint | None = None
    subprotocol: str | None = None
    password_length: int | None = None
    offered: str = ""
    against: str | None = None
    connection: UUID = field(default_factory=uuid4)
    version: Version = versions.UNNAMED
    attempt_id: int | None = None
    is_secure: bool = False

    @property
    def is_accepted(self) -> bool:
        """Whether the socket may open."""
        return self.outcome == Outcome.ACCEPTED

    @property
    def is_too_often(self) -> bool:
        """Whether the very same attempt need not be looked at again for a while."""
        return self.outcome == Outcome.TOO_MANY

    @property
    def status(self) -> int:
        """The HTTP status of the refusal."""
        return _STATUS.get(self.outcome, 401)

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """Headers of the refusal."""
        return [(b"Retry-After", b"60")] if self.status == 429 else [(b"WWW-Authenticate", b'Basic realm="OCPP"')]

    @property
    def is_worth_remembering(self) -> bool:
        """Whether a refusal should be written down: beyond the limit once a minute, attempts must not fill the tables."""
        if self.outcome != Outcome.TOO_MANY:
            return True
        name = self.identity.casefold()
        is_first = not _told_too_many.times(name)
        if is_first:
            _told_too_many.count(name)
        return is_first


def admit(request: Request) -> Verdict:
    """Decide, and if the charger may come in, say so in the tables: this socket is now the one. Runs in a thread."""
    verdict = _judge(request)
    if not verdict.is_accepted or verdict.charge_point is None:
        return verdict
    now = timezone.now()
    with transaction.atomic():
        written = attempt(verdict, request, now)
        written.save(force_insert=True)
        connectivity.connected(verdict.charge_point.pk, verdict.connection, at=now)
        commands.mark_dropped(verdict.charge_point.pk)
        if verdict.charge_point.next_password_digest:
            password_rotation.tell(verdict.charge_point)
    return replace(verdict, attempt_id=written.pk, is_secure=request.is_secure)


def attempt(verdict: Verdict, request: Request, now: datetime) -> ConnectionAttempt:
    """What the owner will see of it."""
    charge_point, address = verdict.charge_point, request.client
    identity = verdict.identity if charge_point is None else charge_point.identity
    return ConnectionAttempt(charge_point=charge_point, identity=identity, outcome=Outcome.ACCEPTED, address=address, first_at=now, at=now)


def remember_refusal(verdict: Verdict, client: str | None) -> None:
    """Keep a refused attempt for the owner to see; repetitions of the same kind are counted on one row.

    Done after the refusal went out, so that writing takes no part in how long it took.
    """
    now = timezone.now()
    window = ALTERNATING_WINDOW if verdict.outcome == Outcome.ALTERNATING else COUNTED_TOGETHER
    identity, detail = _shown(verdict.identity), _hint(verdict)[:200]
    kind = {"charge_point": verdict.charge_point, "identity": identity, "outcome": verdict.outcome, "address": client}
    with _one_at_a_time:
        same = ConnectionAttempt.objects.filter(**kind, first_at__gt=now - window)
        is_known = same.update(at=now, times=F("times") + 1, detail=detail)
        if not is_known:
            ConnectionAttempt.objects.create(**kind, detail=detail, first_at=now, at=now)
    if not is_known and verdict.outcome == Outcome.ALTERNATING and verdict.charge_point is not None:
        _alert(verdict.charge_point, client)
    if verdict.charge_point is not None:
        _tell(verdict.charge_point.pk)


def forget(attempt_id: int | None, charge_point_id: int, connection: UUID, *, code: int, at: datetime) -> None:
    """Note that a socket has ended. If a newer one has taken over, that one stays."""
    with transaction.atomic():
        connectivity.disconnected(charge_point_id, connection, at=at)
        ConnectionAttempt.objects.filter(pk=attempt_id or 0).update(closed_at=at, close_code=code)


def _tell(charge_point_id: int) -> None:
    bus.publish(f"charge-point-{charge_point_id}", "charge_point.changed", what="connection")


def _judge(request: Request) -> Verdict:
    identity, password = named(request)
    charge_point = charge_points.find_by_identity(identity) if identity else None
    if charge_point is None or charge_point.is_retired:
        charge_points.password_matches(_NOBODY, password or b"")  # the same work as for a known one
        outcome = Outcome.UNKNOWN_IDENTITY if request.address.candidates else Outcome.WRONG_PATH
        return _failed(Verdict(outcome, identity), request)
    proof = _proof(charge_point, request, password)
    if proof.wrong is not None:
        length = None if password is None else len(password)
        return _failed(Verdict(proof.wrong, identity, charge_point, password_length=length, against=proof.against), request)
    if not _is_let_in_anyway(charge_point, request) and failures.are_too_many(charge_point.identity, request.client):
        return Verdict(Outcome.TOO_MANY, identity, charge_point)
    if proof.profile >= Profile.TLS and not request.is_secure:
        return Verdict(Outcome.INSECURE, identity, charge_point)
    verdict = _checked(charge_point, request, identity)
    if verdict.is_accepted:
        _note_use(charge_point, proof, password)
    return verdict


def _note_use(charge_point: ChargePoint, proof: "Proof", password: bytes | None) -> None:
    """What was good beside something older is the only one from now on."""
    if proof.profile == charge_point.next_security_profile:
        protection.risen(charge_point)
    if proof.certificate is not None:
        certificates.used(proof.certificate, now=timezone.now())
    if password is not None and charge_point.next_password_digest:
        charge_points.used_password(charge_point, password)


def _checked(charge_point: ChargePoint, request: Request, identity: str) -> Verdict:
    """What is left to check of a charger that has proved who it is."""
    choice = versions.chosen(request.protocols)
    if request.protocols and choice is None:
        return Verdict(Outcome.WRONG_PROTOCOL, identity, charge_point, offered=", ".join(request.protocols)[:100])
    if _alternates(charge_point, request.client):
        return Verdict(Outcome.ALTERNATING, identity, charge_point)
    version, word = choice or (versions.UNNAMED, None)
    return Verdict(Outcome.ACCEPTED, identity, charge_point, subprotocol=word, version=version)


def named(request: Request) -> tuple[str, bytes | None]:
    """Find which identity is meant, and which password came with it.

    An identity may hold a colon, so the credentials are first compared with each candidate of the path and a colon; one
    that a box has appended something to is found by the name in the credentials.
    """
    given = request.credentials
    if given is None:
        return request.address.identity, None
    for candidate in request.address.candidates:
        begin = f"{candidate}:".encode()
        if given[: len(begin)].decode("utf-8", "replace").casefold() == begin.decode().casefold():
            return candidate, given[len(begin) :]
    return request.address.identity, None


@dataclass(frozen=True)
class Proof:
    """By which security profile a charger proved itself, or what is wrong with what it brought."""

    profile: int
    wrong: Outcome | None = None
    against: str | None = None
    certificate: Certificate | None = None


def _proof(charge_point: ChargePoint, request: Request, password: bytes | None) -> Proof:
    """Judge what a charger brings; a higher profile it was asked to rise to is as good as its own."""
    following = charge_point.next_security_profile
    if following is not None and (request.is_secure or following < Profile.TLS):
        risen = _proof_by(following, charge_point, request, password)
        if risen.wrong is None:
            return risen
    return _proof_by(charge_point.security_profile, charge_point, request, password)


def _proof_by(profile: int, charge_point: ChargePoint, request: Request, password: bytes | None) -> Proof:
    if profile == Profile.CERTIFICATE:
        if not request.certificate:
            charge_points.password_matches(_NOBODY, password or b"")  # the same work as for anybody else
            return Proof(profile, Outcome.INSECURE if not request.is_secure else Outcome.NO_CERTIFICATE)
        now, is_verified = timezone.now(), request.certificate_is_verified
        judged = certificates.judge(charge_point, request.certificate, is_verified=is_verified, now=now)
        return Proof(profile, Outcome.WRONG_CERTIFICATE if judged.reason else None, judged.reason, judged.certificate)
    if profile == Profile.NONE:
        secret = charge_point.path_secret.encode()
        knows_it = secret and any(compare_digest(word.encode(), secret) for word in request.address.candidates)
        return Proof(profile, None if knows_it else Outcome.WRONG_PATH)
    if password is None:
        return Proof(profile, Outcome.NO_PASSWORD if request.credentials is None else Outcome.WRONG_PASSWORD)
    return Proof(profile, None if charge_points.password_matches(charge_point, password) else Outcome.WRONG_PASSWORD)


def _failed(verdict: Verdict, request: Request) -> Verdict:
    """Count a failure. Past the limit it is refused more cheaply, and says so."""
    if failures.are_too_many(verdict.identity, request.client):
        return Verdict(Outcome.TOO_MANY, verdict.identity, verdict.charge_point)
    failures.count(verdict.identity, request.client)
    return verdict


def _is_let_in_anyway(charge_point: ChargePoint, request: Request) -> bool:
    """Whether a right proof counts whatever else happens under this name: nobody guesses what we made up, or a key."""
    if charge_point.password_is_made_up or charge_point.security_profile in (Profile.NONE, Profile.CERTIFICATE):
        return True
    return ConnectionAttempt.objects.filter(charge_point=charge_point, outcome=Outcome.ACCEPTED, address=request.client).exists()


def _alternates(charge_point: ChargePoint, client: str | None) -> bool:
    """Whether two boxes fight for one identity: more than five swaps a minute between two addresses.

    The one that is connected stays, the other is refused for a minute. A reconnect from the same address is never a swap.
    """
    if charge_point.connection is None:
        return False
    recent = ConnectionAttempt.objects.filter(charge_point=charge_point, first_at__gt=timezone.now() - ALTERNATING_WINDOW)
    addresses = list(recent.filter(outcome=Outcome.ACCEPTED).order_by("id").values_list("address", flat=True))
    if not addresses or addresses[-1] == client:
        return False
    return _swaps([*addresses, client]) > ALTERNATING_SWAPS or recent.filter(outcome=Outcome.ALTERNATING, address=client).exists()


def _swaps(addresses: Sequence[str | None]) -> int:
    return sum(1 for before, after in pairwise(addresses) if before != after)


def _hint(verdict: Verdict) -> str:
    """Say what an owner can look for, without a secret in it."""
    charge_point = verdict.charge_point
    if charge_point is None:
        return ""
    with translation.override(charge_point.owner.language):
        if verdict.against is not None:
            return str(certificates.REASONS[verdict.against])
        if verdict.outcome == Outcome.WRONG_PATH:
            return _("The address must hold the secret before the identity, as it is shown here.")
        if verdict.outcome == Outcome.WRONG_PROTOCOL:
            return _("It offers only %(protocols)s.") % {"protocols": verdict.offered}
        return _password_hint(charge_point, verdict.password_length) if verdict.outcome == Outcome.WRONG_PASSWORD else ""


def _password_hint(charge_point: ChargePoint, came: int | None) -> str:
    if came is None:
        return _("The user name it sent is not the identity.")
    if charge_point.password_is_made_up:
        return _("%(came)d characters came, %(expected)d are expected.") % {"came": came, "expected": MADE_UP_LENGTH}
    return ""


def _alert(charge_point: ChargePoint, client: str | None) -> None:
    for user in {charge_point.owner, *User.objects.filter(is_staff=True, is_active=True)}:
        with translation.override(user.language):
            text = _("Two chargers connect in turn under one identity; the one at %(address)s is kept out for a minute.")
            detail = text % {"address": client or "?"}
        notifications.notify(user, Notification.Kind.CHARGER_ALERT, place=charge_point.name, reason=detail)


def _basic(header: bytes) -> bytes | None:
    scheme, _space, value = header.strip().partition(b" ")
    if scheme.lower() != b"basic":
        return None
    try:
        return base64.b64decode(value.strip() + b"=" * (-len(value.strip()) % 4))
    except (binascii.Error, ValueError):
        return b""


def _shown(identity: str) -> str:
    return "".join(letter for letter in identity if letter.isprintable())[:64]
