"""What we set up unasked on each make, and what we had better not. Pure."""

import re
from dataclasses import dataclass

SAMPLED_DATA = "MeterValuesSampledData"
INTERVAL = ("MeterValueSampleInterval", "60")

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


_WITHOUT_SAMPLED_DATA = tuple(setting for setting in _USUAL if setting[0] != SAMPLED_DATA)

# The first that matches vendor and model, case-folded.
_PROFILES = (
    (re.compile(r"huawei"), Profile((INTERVAL,), takes_triggers=False)),  # anything more freezes it until a hard reset
    (re.compile(r"abb\b.*terra.?ac"), Profile(_WITHOUT_SAMPLED_DATA)),  # reboots when asked for that key
    (re.compile(r"evbox.*elvi|wallbox"), Profile(_WITHOUT_SAMPLED_DATA)),  # has its own idea of which values it knows
)


def profile_of(vendor: str, model: str) -> Profile:
    """Choose the profile by what BootNotification said."""
    name = f"{vendor} {model}".casefold()
    return next((profile for pattern, profile in _PROFILES if pattern.search(name)), Profile())
