"""What differs between the versions of OCPP: one row for each. The handshake gives a connection its row; it knows no more.

Frames, threads, the batch writer, the registry and the order of calls are the same in all of them, and no other floor learns
which one a charger speaks. Requests travel through the tables in the words of 1.6, for these are what the command door
promises to programs; a version with other words says them in its own.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from ocpp_core import schemas
from ocpp_core.handlers import core, dispatch, together
from ocpp_core.handlers.requests import Handler, Request
from ocpp_core.provisioning import Setup
from stations.readings import Incoming

Payload: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Version:
    """How one version is heard and spoken."""

    subprotocol: str
    """Its name in the handshake, and in what the spool keeps."""
    at_once: Mapping[str, Handler]
    in_a_thread: Mapping[str, Handler]
    together: Mapping[str, together.Handler]
    """What of the latter is heard by the batch when many say it at once."""
    logging_themselves: frozenset[str]
    spooled: Mapping[str, Handler]
    harmless: Mapping[str, Handler]
    readings: Mapping[str, Callable[[Request], Incoming]]
    """What goes through the batch writer."""
    problems: Callable[[str, Payload], str | None]
    """What is wrong with a request of ours."""
    error_code_for: Callable[[str, Payload], str]
    """The code for a request of the charger's that has no handler."""
    setup: type[Setup]
    """What is asked of a charger without anybody having asked for it."""


V16 = Version(
    subprotocol="ocpp1.6",
    at_once=dispatch.AT_ONCE,
    in_a_thread=dispatch.IN_A_THREAD,
    together=dispatch.TOGETHER,
    logging_themselves=dispatch.LOGGING_THEMSELVES,
    spooled=dispatch.SPOOLED,
    harmless=dispatch.HARMLESS,
    readings={"MeterValues": core.heard_readings},
    problems=schemas.problems,
    error_code_for=schemas.error_code_for,
    setup=Setup,
)

SPOKEN = (V16,)  # in the order in which we choose among those that a charger offers
UNNAMED = V16  # of a charger that names none


def chosen(offered: Sequence[str]) -> tuple[Version, str] | None:
    """The version to speak with a charger that offers these, and its name as the charger spells it; None where we speak none."""
    for version in SPOKEN:
        for word in offered:
            if word.casefold() == version.subprotocol:
                return version, word
    return None


def named(subprotocol: str) -> Version:
    """The version of this name; of a message that was kept without one, the version there was at the time."""
    return next((version for version in SPOKEN if version.subprotocol == subprotocol), UNNAMED)
