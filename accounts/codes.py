"""The public codes that stand in addresses instead of keys, and the word that stands for a person on her phone."""

from typing import TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet
from django.utils.crypto import salted_hmac

from accounts.models import User
from chargeshare.errors import NotFound

_M = TypeVar("_M", bound=Model)


def find(rows: QuerySet[_M], code: str) -> _M:
    """The row with this code of those that somebody may know; what is no code at all does not exist either."""
    try:
        found = rows.filter(code=UUID(code)).first()
    except ValueError:
        found = None
    if found is None:
        raise NotFound
    return found


def word_for(user: User) -> str:
    """What tells one person from another on a phone that both use, and tells nothing to anybody else."""
    return salted_hmac("accounts.offline", str(user.pk)).hexdigest()[:20]
