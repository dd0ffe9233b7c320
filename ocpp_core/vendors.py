"""What we set up unasked on each make, what we had better not, and how it says whose card it has seen. Pure."""

import re
from dataclasses import dataclass
from re import Pattern

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

SAMPLED_DATA = "MeterValuesSampledData"
INTERVAL = ("MeterValueSampleInterval", "60")
SAMPLED_DATA_AT_LEAST = "Energy.Active.Import.Register"
RATE_UNIT = "ChargingScheduleAllowedChargingRateUnit"

# Little: a list longer than a box can hold corrupts some of them. What decides about credit is decided here, never in a
# box that has lost its connection.
_USUAL = (
    INTERVAL,
    (SAMPLED_DATA, "Energy.Active.Import.Register,Power.Active.Import"),
    ("AuthorizationCacheEnabled", "false"),
    ("LocalAuthorizeOffline", "false"),
    ("AllowOfflineTxForUnknownId", "false"),
)


@dataclass(frozen=True)
class Profile:
    """How a make is set up: the keys and values in order, and whether it takes TriggerMessage well."""

    configuration: tuple[tuple[str, str], ...] = _USUAL
    takes_triggers: bool = True
    never_unasked: frozenset[str] = frozenset()
    """What it cannot stand; people may ask for it all the same."""
    limits_in_watts: bool = False
    """Whether it knows limits of power alone; its own configuration may say so as well."""
    takes_amperes: bool = False
    """Whether it was seen to take limits of current, whatever its configuration says."""
    stack_level: int | None = None
    """The only level of charging profiles that it takes."""
    relative_limits: bool = False
    """Whether it takes no charging profile but such as count from the start of charging."""
    own_tag_key: str = ""
    """The configuration key that holds the tag under which it begins what we asked it to begin."""
    tag_suffix: Pattern[str] | None = None
    """What it adds to the number of a card."""
    advice: str | Promise = ""
    """What its owner should know, because nobody can do it for her from here."""

    def card(self, id_tag: str) -> str:
        """The idTag without what the make adds to it."""
        return id_tag if self.tag_suffix is None else self.tag_suffix.sub("", id_tag)


_WITHOUT_SAMPLED_DATA = tuple(setting for setting in _USUAL if setting[0] != SAMPLED_DATA)

_NO_AVAILABILITY = frozenset({"ChangeAvailability"})
_BEGINS_WHEN_ASKED = _("This make begins only when we ask it to. Let drivers start by the code on the connector or on the charger's page.")
_LOCKS_CARDS = _(
    "A card that was refused once stays locked in the box. Add cards here first; a locked one is released in the box's own pages."
)
_SLOW = _("After a restart this make may need a quarter of an hour to connect.")
_POLICY = _(
    "To start from the app this make needs FreeMode set to true and AuthorizeRemoteTxRequests to false. "
    "With FreeMode whoever stands before it can charge, so prefer cards where strangers come by."
)

# The first that matches vendor, model and, after a slash, firmware, case-folded.
_PROFILES = (
    # Anything more freezes it until a hard reset.
    (re.compile(r"huawei"), Profile((INTERVAL,), takes_triggers=False, never_unasked=_NO_AVAILABILITY, limits_in_watts=True)),
    (re.compile(r"\ben ?(\+|plus|-plus)"), Profile(never_unasked=_NO_AVAILABILITY)),
    (re.compile(r"abb\b.*terra.?ac"), Profile(_WITHOUT_SAMPLED_DATA, stack_level=0)),  # reboots when asked for that key
    (re.compile(r"^wall ?box.* / \D*[1-4]\."), Profile(_WITHOUT_SAMPLED_DATA, relative_limits=True)),
    (re.compile(r"^wall ?box"), Profile(_WITHOUT_SAMPLED_DATA, stack_level=0, advice=_BEGINS_WHEN_ASKED)),
    (re.compile(r"\bautel\b|\beasee\b"), Profile(advice=_BEGINS_WHEN_ASKED)),
    (re.compile(r"mennekes|\bacu\b"), Profile(advice=_SLOW)),  # once a minute is as often as it can tell its meter
    (re.compile(r"phoenix.*charx|^charx"), Profile(advice=_POLICY)),
    (re.compile(r"evbox.*elvi|wallbox"), Profile(_WITHOUT_SAMPLED_DATA)),  # has its own idea of which values it knows
    (re.compile(r"solax"), Profile(takes_amperes=True)),  # says "Power", and takes amperes
    (re.compile(r"alfen"), Profile(own_tag_key="PlugAndChargeIdentifier")),
    (re.compile(r"keba"), Profile(tag_suffix=re.compile(r"_\d{6,}$"), advice=_LOCKS_CARDS)),
)


def profile_of(vendor: str, model: str, firmware: str = "") -> Profile:
    """Choose the profile by what BootNotification said."""
    name = f"{vendor} {model} / {firmware}".casefold()
    return next((profile for pattern, profile in _PROFILES if pattern.search(name)), Profile())


_UNITS = {
    "a": "A",
    "amp": "A",
    "amps": "A",
    "ampere": "A",
    "amperes": "A",
    "current": "A",
    "w": "W",
    "watt": "W",
    "watts": "W",
    "power": "W",
}


def units(allowed: str | None) -> frozenset[str]:
    """The units of limits a box says it takes, as "A" and "W"; some say "Power" and "Current". Nothing where it says neither."""
    said = re.findall(r"[a-z]+", (allowed or "").casefold())
    return frozenset(_UNITS[word] for word in said if word in _UNITS)


def is_watts(allowed: str | None) -> bool:
    """Whether what a box says of the units it takes means power alone."""
    return units(allowed) == {"W"}
