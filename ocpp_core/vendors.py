"""What we set up unasked on each make, what we had better not, and how it says whose card it has seen. Pure."""

import re
from dataclasses import dataclass
from re import Pattern

SAMPLED_DATA = "MeterValuesSampledData"
INTERVAL = ("MeterValueSampleInterval", "60")
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
    own_tag_key: str = ""
    """The configuration key that holds the tag under which it begins what we asked it to begin."""
    tag_suffix: Pattern[str] | None = None
    """What it adds to the number of a card."""

    def card(self, id_tag: str) -> str:
        """The idTag without what the make adds to it."""
        return id_tag if self.tag_suffix is None else self.tag_suffix.sub("", id_tag)


_WITHOUT_SAMPLED_DATA = tuple(setting for setting in _USUAL if setting[0] != SAMPLED_DATA)

_NO_AVAILABILITY = frozenset({"ChangeAvailability"})

# The first that matches vendor and model, case-folded.
_PROFILES = (
    # Anything more freezes it until a hard reset.
    (re.compile(r"huawei"), Profile((INTERVAL,), takes_triggers=False, never_unasked=_NO_AVAILABILITY, limits_in_watts=True)),
    (re.compile(r"\ben ?(\+|plus|-plus)"), Profile(never_unasked=_NO_AVAILABILITY)),
    (re.compile(r"abb\b.*terra.?ac"), Profile(_WITHOUT_SAMPLED_DATA)),  # reboots when asked for that key
    (re.compile(r"evbox.*elvi|wallbox"), Profile(_WITHOUT_SAMPLED_DATA)),  # has its own idea of which values it knows
    (re.compile(r"alfen"), Profile(own_tag_key="PlugAndChargeIdentifier")),
    (re.compile(r"keba"), Profile(tag_suffix=re.compile(r"_\d{6,}$"))),
)


def profile_of(vendor: str, model: str) -> Profile:
    """Choose the profile by what BootNotification said."""
    name = f"{vendor} {model}".casefold()
    return next((profile for pattern, profile in _PROFILES if pattern.search(name)), Profile())


def is_watts(allowed: str | None) -> bool:
    """Whether what a box says of the units it takes means power alone; some say "Power" where the standard has "W"."""
    units = {unit.strip().casefold() for unit in (allowed or "").split(",")}
    return bool(units & {"w", "power"}) and not units & {"a", "current"}
