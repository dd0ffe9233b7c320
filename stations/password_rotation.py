"""New passwords for chargers: told over the air where they let themselves be told, typed in by their owners where not.

The old password and the new one are both good until the charger has come in with the new one, however long it is away.
"""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override

from accounts import notifications
from accounts.models import Notification, User
from stations import charge_points, commands, live, passwords
from stations.models import ChargePoint, Command, PasswordRotation

MOST_TELLINGS = 4  # a box that hangs up whenever it is told would be told for ever
KEY = "AuthorizationKey"
_TAKEN = ("Accepted", "RebootRequired")


@transaction.atomic
def begin(charge_point: ChargePoint, *, asked_by: User | None = None) -> str:
    """A new password, shown this once. A charger that we set up is told it as soon as it is connected."""
    password = charge_points.rotate_password(charge_point)
    PasswordRotation.objects.update_or_create(
        charge_point=charge_point,
        defaults={"sealed": passwords.seal(password), "told": 0, "answer": "", "asked_by": asked_by, "began_at": timezone.now()},
    )
    tell(charge_point)
    return password


@transaction.atomic
def tell(charge_point: ChargePoint) -> Command | None:
    """Tell a connected charger its new password, unless it has answered or was told often enough.

    First in hexadecimal, as the standard has it; to a box that refuses that, as text. Both are the same bytes at the door.
    """
    return None if _is_being_told(charge_point) else _tell(charge_point)


@transaction.atomic
def hear(charge_point_id: int, value: str, word: str) -> None:
    """Take note of what a charger answered to a new password: told otherwise once, and then its owner has to type it in."""
    rotation = _to_be_told(charge_point_id)
    if rotation is None:
        return
    charge_point = rotation.charge_point
    if not passwords.matches(charge_point.next_password_digest, value.encode()):
        _tell(charge_point)  # an older one was answered; the newest has waited for that
        return
    is_first_refusal = word == "Rejected" and not rotation.answer
    rotation.answer = word[:40]
    if not is_first_refusal:
        rotation.sealed = ""
    rotation.save(update_fields=["answer", "sealed"])
    live.charge_point_changed(charge_point, "connection")
    if is_first_refusal:
        _tell(charge_point)
    elif word not in _TAKEN:
        _alert(charge_point, word)


def _tell(charge_point: ChargePoint) -> Command | None:
    rotation = _to_be_told(charge_point.pk)
    if rotation is None or rotation.told >= MOST_TELLINGS or not charge_point.auto_configure:
        return None
    if not ChargePoint.objects.online().filter(pk=charge_point.pk).exists():
        return None
    password = passwords.unseal(rotation.sealed)
    if password is None:  # sealed with another SECRET_KEY
        return None
    value = password if rotation.answer else passwords.in_hex(password)
    PasswordRotation.objects.filter(pk=rotation.pk).update(told=rotation.told + 1)
    return commands.ask(
        charge_point, "ChangeConfiguration", {"key": KEY, "value": value}, source=Command.Source.SETUP, asked_by=rotation.asked_by
    )


def _to_be_told(charge_point_id: int) -> PasswordRotation | None:
    """A password that a charger must still be told, locked after the charger itself, as whoever lets it in does."""
    waiting = PasswordRotation.objects.filter(charge_point=charge_point_id).exclude(sealed="")
    if not waiting.exists():
        return None
    charge_point = ChargePoint.objects.select_for_update(of=("self",)).select_related("owner").get(pk=charge_point_id)
    rotation = waiting.select_for_update().first()
    if rotation is not None:
        rotation.charge_point = charge_point
    return rotation


def _is_being_told(charge_point: ChargePoint) -> bool:
    under_way = Command.objects.filter(charge_point=charge_point, action="ChangeConfiguration", payload__key=KEY)
    return under_way.filter(status__in=[Command.Status.PENDING, Command.Status.SENT], source=Command.Source.SETUP).exists()


def _alert(charge_point: ChargePoint, word: str) -> None:
    with override(charge_point.owner.language):
        reason = _("It did not take its new password (%(word)s). Type it into the charger yourself; until then the old one works.")
    notifications.notify(charge_point.owner, Notification.Kind.CHARGER_ALERT, place=charge_point.name, reason=reason % {"word": word[:40]})
