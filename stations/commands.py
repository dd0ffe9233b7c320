"""What we ask of chargers. A command is a row: nothing asked is lost, whichever process holds the socket, and nothing is said twice."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from chargeshare import bus
from chargeshare.errors import Invalid
from stations import charge_points, intents, live, slots
from stations.models import ChargePoint, ChargingSession, Command, Connector
from stations.models.command import BLOTTED, without_secrets

REST_S = 10
RESTING = frozenset({"RemoteStartTransaction", "UnlockConnector"})
TOO_OLD = timedelta(minutes=10)
_SENDABLE = Q(not_before=None)


def ask(
    charge_point: ChargePoint,
    action: str,
    payload: Mapping[str, Any],
    *,
    source: str = Command.Source.PERSON,
    asked_by: User | None = None,
    session: ChargingSession | None = None,
    not_before: datetime | None = None,
) -> Command:
    """Ask a charger for something, in the standard's words. While it is offline the answer is known at once, and final.

    A relay rests ten seconds between two starts, and between two unlocks, of one outlet; stopping never waits.
    """
    _must_be_usable(action, payload)
    with transaction.atomic():
        online = ChargePoint.objects.online().filter(pk=charge_point.pk).exists()
        rested = _rested(charge_point, action, payload) if online else None
        command = Command.objects.create(
            charge_point=charge_point,
            action=action,
            payload=dict(payload),
            status=Command.Status.PENDING if online else Command.Status.OFFLINE,
            source=source,
            asked_by=asked_by,
            session=session,
            not_before=not_before or rested,
        )
        if not online:
            _blot(command)
        else:
            bus.publish("chargers", "command.requested", charge_point_id=charge_point.pk, command_id=command.pk)
        live.charge_point_changed(charge_point, "commands")
        if not online:
            _consequences(command)
    return command


def start_session(session: ChargingSession, *, id_tag: str = "", charging_profile: Mapping[str, Any] | None = None) -> Command:
    """Ask the charger to begin a session under its one-time tag, with a limit for it alone if there is one.

    Where the charger keeps the outlet for another tag of the same driver it is asked by that one: it would refuse ours.
    """
    payload: dict[str, Any] = {"connectorId": session.connector.number, "idTag": id_tag or session.id_tag}
    if charging_profile is not None:
        payload["chargingProfile"] = dict(charging_profile)
    return ask(
        session.charge_point, "RemoteStartTransaction", payload, source=Command.Source.SESSION, asked_by=session.driver, session=session
    )


def stop_session(
    session: ChargingSession,
    *,
    source: str = Command.Source.SESSION,
    asked_by: User | None = None,
    not_before: datetime | None = None,
) -> Command:
    """Ask the charger to end a session."""
    return ask(
        session.charge_point,
        "RemoteStopTransaction",
        {"transactionId": session.transaction_id},
        source=source,
        asked_by=asked_by,
        session=session,
        not_before=not_before,
    )


def forget_stops(session: ChargingSession) -> None:
    """A session has ended by itself: what was meant to protect it, and was not said yet, need not be said."""
    unsaid = Command.objects.filter(session=session, status=Command.Status.PENDING, source=Command.Source.PROTECTION)
    unsaid.filter(action="RemoteStopTransaction").delete()


def reset(charge_point: ChargePoint, *, kind: str = "Soft", asked_by: User | None = None) -> Command:
    """Ask the box to restart."""
    return ask(charge_point, "Reset", {"type": kind}, asked_by=asked_by)


def unlock(
    connector: Connector,
    *,
    source: str = Command.Source.PERSON,
    asked_by: User | None = None,
    session: ChargingSession | None = None,
) -> Command:
    """Ask the box to let go of the cable."""
    payload = {"connectorId": connector.number}
    return ask(connector.charge_point, "UnlockConnector", payload, source=source, asked_by=asked_by, session=session)


def change_availability(
    charge_point: ChargePoint,
    *,
    operative: bool,
    connector_number: int = 0,
    source: str = Command.Source.PERSON,
    asked_by: User | None = None,
) -> Command:
    """Ask the box to offer an outlet, or all of it (0), or not to."""
    payload = {"connectorId": connector_number, "type": "Operative" if operative else "Inoperative"}
    return ask(charge_point, "ChangeAvailability", payload, source=source, asked_by=asked_by)


def pending(charge_point_id: int) -> list[int]:
    """The commands that are due now, oldest first."""
    due = Command.objects.filter(_SENDABLE | Q(not_before__lte=timezone.now()), charge_point_id=charge_point_id)
    return list(due.filter(status=Command.Status.PENDING).order_by("pk").values_list("pk", flat=True))


def claim(command_id: int) -> Command | None:
    """Take a command to speak it: given to exactly one of those who ask, and only once it is due.

    What comes back holds the payload as it must be spoken; a password in it is blotted out in the table from here on.
    """
    now = timezone.now()
    due = Command.objects.filter(_SENDABLE | Q(not_before__lte=now), pk=command_id, status=Command.Status.PENDING)
    if not due.update(status=Command.Status.SENT, sent_at=now):
        return None
    command = Command.objects.select_related("charge_point", "session").get(pk=command_id)
    spoken = command.payload
    _blot(command)
    command.payload = spoken
    if password := _password_in(command):
        charge_points.expect_password(command.charge_point, password)
    live.charge_point_changed(command.charge_point, "commands")
    return command


@transaction.atomic
def record_result(command: Command, *, status: str, response: Any = None) -> bool:
    """Keep what a charger answered, or that it did not, and draw the consequences. A second answer changes nothing.

    What it did answer stands above our guess that it never would: a box that answers, hangs up and dials again at once is back
    before its answer is written down.
    """
    open_for = [Command.Status.PENDING, Command.Status.SENT]
    if status in (Command.Status.ACCEPTED, Command.Status.REJECTED):
        open_for.append(Command.Status.UNANSWERED)
    unanswered = Command.objects.filter(pk=command.pk, status__in=open_for)
    now = timezone.now()
    if not unanswered.update(status=status, response=response, answered_at=now):
        return False
    command.status, command.response, command.answered_at = status, response, now
    _blot(command)
    live.charge_point_changed(command.charge_point, "commands")
    _consequences(command)
    return True


def mark_dropped(charge_point_id: int) -> int:
    """A socket dropped: what was spoken over it and not answered never will be. What still waits goes out over the next socket."""
    sent = Command.objects.filter(charge_point_id=charge_point_id, status=Command.Status.SENT)
    return _unanswered(list(sent.select_related("charge_point", "session")))


def give_up_old(*, now: datetime) -> int:
    """End commands that nobody will answer any more: their process died, or the charger never came back."""
    timeout = timedelta(seconds=settings.OCPP_CALL_TIMEOUT_S + 60)
    forgotten = Q(status=Command.Status.SENT, sent_at__lt=now - timeout)
    waiting = Q(status=Command.Status.PENDING, created_at__lt=now - TOO_OLD) & (_SENDABLE | Q(not_before__lt=now - TOO_OLD))
    old = Command.objects.filter(forgotten | waiting).order_by("pk")
    return _unanswered(list(old.select_related("charge_point", "session")[:500]))


def _unanswered(commands: list[Command]) -> int:
    return sum(record_result(command, status=Command.Status.UNANSWERED) for command in commands)


def _rested(charge_point: ChargePoint, action: str, payload: Mapping[str, Any]) -> datetime | None:
    """When the relay of the outlet may move again: ten seconds after it was last asked, or will be asked, for the same."""
    number = payload.get("connectorId")
    if action not in RESTING or not isinstance(number, int):
        return None
    # The row of the outlet makes two that ask at once take turns.
    if not Connector.objects.select_for_update().filter(charge_point=charge_point, number=number).values_list("pk"):
        return None
    now = timezone.now()
    lately = Command.objects.filter(charge_point=charge_point, action=action, created_at__gt=now - TOO_OLD, payload__connectorId=number)
    last = lately.exclude(status__in=[Command.Status.OFFLINE, Command.Status.CANCELLED]).order_by("-pk").first()
    if last is None:
        return None
    not_before = (last.not_before or last.created_at) + timedelta(seconds=REST_S)
    return not_before if not_before > now else None


def _blot(command: Command) -> None:
    """A password does not stay in a table that people read."""
    shown = without_secrets(command.payload)
    if shown != command.payload:
        Command.objects.filter(pk=command.pk).update(payload=shown)


def _sets_password(action: str, payload: Mapping[str, Any]) -> bool:
    key = payload.get("key")
    return action == "ChangeConfiguration" and isinstance(key, str) and key.casefold() == "authorizationkey"


def _must_be_usable(action: str, payload: Mapping[str, Any]) -> None:
    """A password that would protect nothing, or that no charger can hold, is not given to one."""
    if _sets_password(action, payload) and not 8 <= len(str(payload.get("value", "")).encode()) <= 40:
        message = str(_("A new AuthorizationKey has 8 to 40 bytes."))
        raise Invalid(message, fields={"payload": [message]})


def _consequences(command: Command) -> None:
    word = command.response.get("status") if isinstance(command.response, dict) else None
    accepted = command.status == Command.Status.ACCEPTED and word == "Accepted"
    slots.answered(command)
    if command.session is not None:
        if command.action == "RemoteStartTransaction" and not accepted:
            answered = command.status in (Command.Status.ACCEPTED, Command.Status.REJECTED)
            intents.give_up(command.session, intents.REFUSED if answered else intents.NO_ANSWER)
        else:
            live.session_changed(command.session)
    password = _password_in(command)
    if password and command.status == Command.Status.ACCEPTED and word in ("Accepted", "RebootRequired"):
        charge_points.password_changed(command.charge_point, password, after_reboot=word == "RebootRequired")
    elif password and command.status in (Command.Status.ACCEPTED, Command.Status.REJECTED):
        charge_points.password_refused(command.charge_point, password)


def _password_in(command: Command) -> str:
    """The password that a command sets, while it still stands in it."""
    value = command.payload.get("value") if _sets_password(command.action, command.payload) else None
    return value if isinstance(value, str) and value != BLOTTED else ""
