"""What of smart charging a box can take, by its make and by what its configuration says. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ocpp_core import vendors
from ocpp_core.charging_profiles.units import AMPERES, WATTS

# As the standard spells them: what is asked for. What comes back may be spelt in other ways.
KEYS = (
    vendors.RATE_UNIT,
    "ChargeProfileMaxStackLevel",
    "ChargingScheduleMaxPeriods",
    "MaxChargingProfilesInstalled",
    "SupportedFeatureProfiles",
)
_RATE_UNIT = re.compile(r"charg\w*sch\w*rate")
_STACK_LEVEL = re.compile(r"stack_?level")
_PERIODS = re.compile(r"max_?periods")
_INSTALLED = re.compile(r"profiles_?installed")
_FEATURES = re.compile(r"supported_?feature_?profiles$")


@dataclass(frozen=True)
class Abilities:
    """What a box takes. What it has not told is None, or what nearly all of them take."""

    units: frozenset[str] = frozenset({AMPERES})
    only_level: int | None = None
    """The one stack level it takes, where it takes but one."""
    most_level: int | None = None
    most_periods: int | None = None
    most_profiles: int | None = None
    relative_only: bool = False
    """Whether it takes nothing that goes by the clock."""
    has_smart_charging: bool | None = None
    """What its list of features says; None where it has told none."""
    is_known: bool = False
    """Whether it has told anything of itself."""

    def level(self, wanted: int) -> int:
        """The stack level nearest to the wanted one that it takes; the lowest where it has not said how high they go."""
        if self.only_level is not None:
            return self.only_level
        if self.most_profiles == 1 or self.most_level is None:
            return 0
        return max(0, min(wanted, self.most_level))

    def unit(self, wanted: str) -> str:
        """The unit to write a limit in: the wanted one if it takes that."""
        return wanted if wanted in self.units else next(iter(sorted(self.units)), wanted)


def of(make: vendors.Profile, keys: Mapping[str, str | None]) -> Abilities:
    """Put together what the make is known for and what the box said of itself; what is known of the make stands above it."""
    said = vendors.units(_value(keys, _RATE_UNIT))
    units = said or frozenset({AMPERES})
    if make.limits_in_watts:
        units = frozenset({WATTS})
    elif make.takes_amperes:
        units |= {AMPERES}
    features = _value(keys, _FEATURES)
    return Abilities(
        units=units,
        only_level=make.stack_level,
        most_level=_number(keys, _STACK_LEVEL),
        most_periods=_number(keys, _PERIODS) or None,
        most_profiles=_number(keys, _INSTALLED) or None,
        relative_only=make.relative_limits,
        has_smart_charging=None if not (features or "").strip() else "smartcharging" in re.sub(r"[^a-z]", "", (features or "").casefold()),
        is_known=any(_value(keys, pattern) is not None for pattern in (_RATE_UNIT, _STACK_LEVEL, _PERIODS, _INSTALLED)),
    )


def speaks_of(key: str) -> bool:
    """Whether a configuration key says something of smart charging, however it is spelt."""
    return any(pattern.search(key.casefold()) for pattern in (_RATE_UNIT, _STACK_LEVEL, _PERIODS, _INSTALLED, _FEATURES))


def _value(keys: Mapping[str, str | None], pattern: re.Pattern[str]) -> str | None:
    return next((value for key, value in sorted(keys.items()) if value is not None and pattern.search(key.casefold())), None)


def _number(keys: Mapping[str, str | None], pattern: re.Pattern[str]) -> int | None:
    found = re.match(r"\s*(\d{1,6})\b", _value(keys, pattern) or "")
    return int(found[1]) if found else None
