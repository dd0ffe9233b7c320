"""Whose card is meant: some makes add to its number, and some begin under a tag of their own what we asked them to begin."""

from datetime import datetime

from accounts import id_tokens
from ocpp_core import vendors
from ocpp_core.models import ConfigurationKey
from ocpp_core.vendors import Profile
from stations import intents
from stations.models import ChargePoint


def meant(charge_point: ChargePoint, id_tag: str, *, connector_number: int = 0, now: datetime) -> str:
    """The idTag as it is meant: without what the make adds, and its own tag as the one of the start that waits there.

    Where no start waits, or several do, its own tag is a card like any other that nobody holds.
    """
    profile = vendors.profile_of(charge_point.vendor, charge_point.model)
    if _is_own(charge_point, profile, id_tag):
        session = intents.only_one(charge_point, connector_number=connector_number, now=now)
        return session.id_tag if session is not None else id_tag
    return profile.card(id_tag)


def at_end(charge_point: ChargePoint, id_tag: str) -> str:
    """The idTag of a stop: the make's own tag names nobody."""
    profile = vendors.profile_of(charge_point.vendor, charge_point.model)
    return "" if _is_own(charge_point, profile, id_tag) else profile.card(id_tag)


def _is_own(charge_point: ChargePoint, profile: Profile, id_tag: str) -> bool:
    tag = id_tokens.key(id_tag)
    if not profile.own_tag_key or not tag:
        return False
    known = ConfigurationKey.objects.filter(charge_point=charge_point, key=profile.own_tag_key).values_list("value", flat=True).first()
    return known is not None and id_tokens.key(known) == tag
