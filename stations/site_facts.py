"""What an owner says of the place where her charger stands, and who looks for it."""

from collections.abc import Collection, Mapping
from typing import Any

from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chargeshare.errors import Invalid
from stations import live
from stations.models import ChargePoint, SiteFacts
from stations.models.site_facts import HIGHEST_CM, LOWEST_CM

COLUMNS = {
    "cable": "has_cable",
    "solar": "has_solar",
    "trailer": "fits_trailer",
    "accessible": "is_accessible",
    "overnight": "is_overnight",
}
"""The words of the address, and the columns they mean."""
WORDS = {
    "cable": _("Cable at the charger"),
    "solar": _("Solar panels"),
    "trailer": _("Room for a trailer"),
    "accessible": _("Wheelchair bay"),
    "overnight": _("Overnight"),
}
"""The same as drivers read them."""
NAMES = tuple(field.name for field in SiteFacts._meta.fields if not field.primary_key)
"""All that may be said."""


def of(charge_point: ChargePoint) -> SiteFacts | None:
    """What she has said; nothing where she has said nothing."""
    return getattr(charge_point, "site_facts", None)


def edit(charge_point: ChargePoint, facts: Mapping[str, Any]) -> SiteFacts:
    """Say some of it anew; what is left out stays as it was."""
    height_cm = facts.get("max_height_cm")
    if height_cm is not None and not LOWEST_CM <= height_cm <= HIGHEST_CM:
        sentence = gettext("A clearance lies between %(least)d and %(most)d cm.") % {"least": LOWEST_CM, "most": HIGHEST_CM}
        raise Invalid(fields={"max_height_cm": [sentence]})
    said = {name: facts[name] for name in NAMES if name in facts}
    found, _is_new = SiteFacts.objects.update_or_create(charge_point=charge_point, defaults=said)
    charge_point.site_facts = found
    live.charge_point_changed(charge_point, "details")
    return found


def told_as(words: Collection[str], height_cm: int | None) -> Q:
    """Places of which the owner says all of this. Of a place of which she says nothing nobody knows how high its gate is."""
    if not words and height_cm is None:
        return Q()
    told = SiteFacts.objects.filter(charge_point=OuterRef("pk"), **{COLUMNS[word]: True for word in words})
    if height_cm is not None:
        told = told.filter(Q(max_height_cm=None) | Q(max_height_cm__gte=height_cm))
    return Q(Exists(told))
