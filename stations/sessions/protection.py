"""What protection put on a charger for one session, and takes off again with it."""

from chargeshare.sentences import Question
from stations import commands
from stations.models import ChargingSession, Command

_NEVER_SAID = frozenset({Command.Status.PENDING, Command.Status.OFFLINE, Command.Status.REJECTED})


_meant_for = Question(
    lambda session_id: Command.objects.filter(session_id=session_id, source=Command.Source.PROTECTION).values_list("pk", flat=True)[:1]
)


def stand_down(session: ChargingSession) -> None:
    """A session has ended by itself: what was meant to protect it is taken off, and need not be said where it was not said yet."""
    if _meant_for.first(session.pk) is not None:
        commands.forget_stops(session)
        lift(session)


def lift(session: ChargingSession) -> None:
    """A session has ended: power that was taken from it is given back to the outlet.

    By the standard a limit of one session dies with it. A box that did not obey a stop may not keep to that either, and the
    next one to charge would get nothing.
    """
    taken = Command.objects.filter(session=session, action="SetChargingProfile", source=Command.Source.PROTECTION)
    taken.filter(status=Command.Status.PENDING).delete()
    for command in taken.exclude(status__in=_NEVER_SAID).order_by("pk"):
        refused = command.status == Command.Status.ACCEPTED and (command.response or {}).get("status") != "Accepted"
        if not refused:
            payload = {"id": command.payload["csChargingProfiles"]["chargingProfileId"]}
            commands.ask(session.charge_point, "ClearChargingProfile", payload, source=Command.Source.PROTECTION, session=session)
            return
