"""Filters of the map under a name: what somebody looks for again and again is one tap away."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from chargeshare.errors import DomainError, Invalid, NotFound
from stations.models import FilterProfile

MOST = 20
LONGEST_NAME = 40
LONGEST_VALUE = 100
NAMES = (
    *("q", "connector_type", "min_power_w", "available", "max_price_per_kwh", "instant_book", "min_rating", "facts", "height_cm"),
    *("my_circles", "favourites", "fits_car", "car", "from", "to", "energy_wh", "sort"),
)
"""What is kept. A time that passes, the place one looks at and the charger one has chosen are of the moment."""


class TooManyProfiles(DomainError):
    """More than fit above a map."""

    code = "too_many_filter_profiles"
    message = gettext_lazy("You have saved as many filters as one account may. Delete some of them first.")


class NameTaken(DomainError):
    """Two of the same name could not be told apart."""

    code = "filter_profile_exists"
    message = gettext_lazy("You have saved filters under this name already.")


def of(viewer: object) -> list[FilterProfile]:
    """Hers, in the order she saved them."""
    return list(FilterProfile.objects.filter(user=viewer)) if isinstance(viewer, User) else []


def find(user: User, code: UUID) -> FilterProfile:
    """One of hers; another's looks as if it did not exist."""
    found = FilterProfile.objects.filter(user=user, code=code).first()
    if found is None:
        raise NotFound
    return found


def read(address: Iterable[tuple[str, Iterable[str]]]) -> dict[str, str]:
    """The filters that stand in an address, each once, always in the same order. What is no filter is left out."""
    said = {name: [one.strip() for one in values if one.strip()] for name, values in address}
    found = {}
    for name in NAMES:
        values = said.get(name, [])
        if name in ("connector_type", "facts"):
            found[name] = ",".join(sorted({word.strip() for value in values for word in value.split(",") if word.strip()}))
        elif name == "min_power_w":
            found[name] = max((value for value in values if value.isdecimal() and len(value) <= LONGEST_VALUE), key=int, default="")
        else:
            found[name] = values[-1] if values else ""
    return {name: value for name, value in found.items() if value}


@transaction.atomic
def save(user: User, *, name: str, filters: Mapping[str, str], is_default: bool = False) -> FilterProfile:
    """Keep filters under a name."""
    profile = FilterProfile(user=user, name=_checked_name(name), filters=_checked(filters), is_default=is_default)
    User.objects.select_for_update().get(pk=user.pk)  # one after the other: the limit, and only one usual
    mine = FilterProfile.objects.filter(user=user)
    if mine.count() >= MOST:
        raise TooManyProfiles
    if is_default:
        mine.filter(is_default=True).update(is_default=False)
    with _one_of_a_name():
        profile.save(force_insert=True)
    return profile


@transaction.atomic
def edit(
    profile: FilterProfile, *, name: str | None = None, filters: Mapping[str, str] | None = None, is_default: bool | None = None
) -> FilterProfile:
    """Another name, other filters, or whether they are on whenever the map is opened."""
    changed: dict[str, object] = {}
    if name is not None:
        changed["name"] = _checked_name(name)
    if filters is not None:
        changed["filters"] = _checked(filters)
    if is_default is not None:
        User.objects.select_for_update().get(pk=profile.user_id)
        FilterProfile.objects.filter(user=profile.user_id, is_default=True).exclude(pk=profile.pk).update(is_default=False)
        changed["is_default"] = is_default
    with _one_of_a_name():
        if changed and not FilterProfile.objects.filter(pk=profile.pk).update(**changed):
            raise NotFound
    for column, value in changed.items():
        setattr(profile, column, value)
    return profile


def delete(profile: FilterProfile) -> None:
    """Forget them. Twice is no fault."""
    FilterProfile.objects.filter(pk=profile.pk).delete()


@contextmanager
def _one_of_a_name() -> Iterator[None]:
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        raise NameTaken(fields={"name": [str(NameTaken.message)]}) from error


def _checked_name(name: str) -> str:
    text = " ".join(name.replace("\0", " ").split())
    if not text:
        raise Invalid(fields={"name": [_("Give it a name.")]})
    if len(text) > LONGEST_NAME:
        raise Invalid(fields={"name": [_("Write at most %(most)s characters.") % {"most": LONGEST_NAME}]})
    return text


def _checked(filters: Mapping[str, str]) -> dict[str, str]:
    unknown = sorted(set(filters) - set(NAMES))
    if unknown:
        raise Invalid(fields={"filters": [_("There is no filter “%(name)s”.") % {"name": unknown[0][:LONGEST_NAME]}]})
    if any(len(value) > LONGEST_VALUE or "\0" in value for value in filters.values()):
        raise Invalid(fields={"filters": [_("Write at most %(most)s characters.") % {"most": LONGEST_VALUE}]})
    kept = read((name, [value]) for name, value in filters.items())
    if not kept:
        raise Invalid(fields={"filters": [_("Choose at least one filter to save.")]})
    return kept
