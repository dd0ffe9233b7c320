"""Chargers somebody wants to find again: her hearts, and what she noted to herself."""

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from chargeshare.errors import DomainError, Invalid
from stations.models import ChargePoint, Favourite

MOST = 500
LONGEST_NOTE = 200


class TooManyFavourites(DomainError):
    """More than a list can be good for."""

    code = "too_many_favourites"
    message = gettext_lazy("You have as many favourites as one account may. Take one of them away first.")


@transaction.atomic
def add(user: User, charge_point: ChargePoint, *, note: str | None = None) -> Favourite:
    """Remember a charger. Twice is the same heart; a note that is said replaces the one that was."""
    text = None if note is None else checked(note)
    mine = Favourite.objects.filter(user=user)
    known = mine.filter(charge_point=charge_point).first()
    if known is None:
        if mine.count() >= MOST:
            raise TooManyFavourites
        try:
            with transaction.atomic():
                return Favourite.objects.create(user=user, charge_point=charge_point, note=text or "")
        except IntegrityError:  # two clicks at once
            known = mine.get(charge_point=charge_point)
    return known if text is None else edit(known, note=text)


def edit(favourite: Favourite, *, note: str) -> Favourite:
    """Write another word to oneself; empty takes it away."""
    favourite.note = checked(note)
    favourite.save(update_fields=["note"])
    return favourite


def remove(user: User, charge_point: ChargePoint) -> None:
    """Forget it. Twice is no fault."""
    Favourite.objects.filter(user=user, charge_point=charge_point).delete()


def of(viewer: object, charge_point: ChargePoint) -> Favourite | None:
    """Her heart at this charger, if she gave it one."""
    if not isinstance(viewer, User):
        return None
    return Favourite.objects.filter(user=viewer, charge_point=charge_point).first()


def checked(note: str) -> str:
    """The note in one line, as long as the column takes it."""
    text = " ".join(note.replace("\0", "").split())
    if len(text) > LONGEST_NOTE:
        raise Invalid(fields={"note": [_("Write at most %(most)s characters.") % {"most": LONGEST_NOTE}]})
    return text
