"""Setting a charger up without being asked: once for each firmware, key by key, and never against its will."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import Value
from django.db.models.functions import Coalesce, NullIf

from ocpp_core import answers, configuration, deviations, local_list, vendors
from ocpp_core.backstage import Backstage
from ocpp_core.calls import Calls, Refused, Unanswered
from ocpp_core.gathering import ALONE, Left
from ocpp_core.limits import Window
from ocpp_core.workers import DatabaseAway
from stations.models import ChargePoint

logger = logging.getLogger(__name__)

UNASKED_CALL_TIMEOUT_S = 10.0
MOST_TIMEOUTS = 2
MOST_BOOTS = 3  # in ten minutes; more is a box that our questions may be rebooting
NO_FIRMWARE = "?"

_boots = Window(within_s=600.0)


@dataclass(frozen=True)
class Trigger:
    """Ask for a message that should have come by itself."""

    message: str


@dataclass(frozen=True)
class Set:
    """Give a key a value, where the charger knows it and lets us."""

    key: str
    value: str


@dataclass(frozen=True)
class Learn:
    """Ask what a key says, to know it later."""

    key: str


@dataclass(frozen=True)
class Finish:
    """Remember that this firmware has been set up."""

    firmware: str


Step = Trigger | Set | Learn | Finish


class Setup:
    """The setting-up over one socket, a step at a time, so that what people ask goes first."""

    __slots__ = ("_backstage", "_calls", "_has_asked_for_boot", "_has_reported_status", "_steps", "_timeouts", "charge_point_id")

    def __init__(self, backstage: Backstage, calls: Calls, charge_point_id: int) -> None:
        self._backstage = backstage
        self._calls = calls
        self.charge_point_id = charge_point_id
        self._steps: list[Step] | None = None
        self._timeouts = 0
        self._has_reported_status = False
        self._has_asked_for_boot = False

    def heard(self, action: str) -> None:
        """Take note of what the charger says by itself."""
        if action == "StatusNotification":
            self._has_reported_status = True
        elif action == "BootNotification":
            _boots.count(str(self.charge_point_id))
            self._steps = None

    async def run_step(self) -> bool:
        """Do the next thing; False when there is nothing left to do."""
        if self._timeouts >= MOST_TIMEOUTS:
            return False
        try:
            if self._steps is None:
                self._steps = await self._backstage.ask(plan_together, type(self).plan, self)
            if not self._steps:
                return False
            await self._do(self._steps.pop(0))
        except Unanswered:
            self._timeouts += 1
        except DatabaseAway:
            return False
        return not self._calls.has_dropped

    def plan(self) -> list[Step]:
        """What there is to do."""
        charge_point = ChargePoint.objects.filter(pk=self.charge_point_id, auto_configure=True, retired_at=None).first()
        if charge_point is None:
            return []
        if charge_point.booted_at is None:
            has_asked, self._has_asked_for_boot = self._has_asked_for_boot, True
            return [] if has_asked else [Trigger("BootNotification")]
        firmware = charge_point.firmware or NO_FIRMWARE
        if firmware == charge_point.configured_firmware or _boots.times(str(charge_point.pk)) > MOST_BOOTS:
            return []
        profile = vendors.profile_of(charge_point.vendor, charge_point.model, charge_point.firmware)
        steps: list[Step] = [Set(key, value) for key, value in local_list.chosen(charge_point, profile.configuration)]
        if profile.own_tag_key:
            steps.append(Learn(profile.own_tag_key))
        if not self._has_reported_status and profile.takes_triggers:
            steps.append(Trigger("StatusNotification"))
        return [*steps, Finish(firmware)]

    async def _do(self, step: Step) -> None:
        if isinstance(step, Finish):
            done = ChargePoint.objects.filter(pk=self.charge_point_id)
            if not self._timeouts:
                await self._backstage.workers.run(done.update, configured_firmware=step.firmware)
            return
        try:
            if isinstance(step, Trigger):
                await self._call("TriggerMessage", {"requestedMessage": step.message})
            elif isinstance(step, Learn):
                await self._read(step.key)
            else:
                await self._set(step)
        except Refused as refused:
            logger.info("charge point %d refuses %s: %s", self.charge_point_id, step, refused)

    async def _set(self, step: Set) -> None:
        """Read the key, change it where it must be, and read it again: what was Accepted is not always done."""
        known = await self._read(step.key)
        if known is None or known.get("readonly") is True or _is_same(known.get("value"), step.value):
            return
        least = [vendors.SAMPLED_DATA_AT_LEAST] if step.key == vendors.SAMPLED_DATA else []
        for value in (step.value, *least):
            if await self._change(step.key, value):
                return

    async def _change(self, key: str, value: str) -> bool:
        """Whether nothing more can be done: the value has been taken, or will be after a restart."""
        answer = await self._call("ChangeConfiguration", {"key": key, "value": value})
        if answer.get("status") not in ("Accepted", "RebootRequired"):
            return False
        now = await self._read(key)
        is_kept = now is not None and _is_same(now.get("value"), value)
        if answer.get("status") == "Accepted" and not is_kept:
            said = f"{key}: {value} was accepted, {now.get('value') if now is not None else None} is said"
            deviations.note(self.charge_point_id, [deviations.NOT_KEPT], said, datetime.now(UTC))
            return False
        return True

    async def _read(self, key: str) -> Mapping[str, Any] | None:
        answer = await self._call("GetConfiguration", {"key": [key]})
        for entry in configuration.entries(answer):
            if str(entry["key"]).casefold() == key.casefold():
                return entry
        return None

    async def _call(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        answer = await self._calls.call(action, payload, within_s=UNASKED_CALL_TIMEOUT_S)
        await self._backstage.workers.run(answers.learn, self.charge_point_id, action, payload, answer)
        return answer


def plan_together(setups: Sequence[Setup]) -> list[list[Step] | Exception | Left]:
    """The same for many, of which most have been set up long ago."""
    known = ChargePoint.objects.filter(pk__in=[setup.charge_point_id for setup in setups], auto_configure=True, retired_at=None)
    finished = Coalesce(NullIf("firmware", Value("")), Value(NO_FIRMWARE))
    unfinished = known.exclude(booted_at__isnull=False, configured_firmware=finished).values_list("pk", flat=True)
    open_ones = set(unfinished)
    return [ALONE if setup.charge_point_id in open_ones else [] for setup in setups]


def _is_same(value: object, wanted: str) -> bool:
    return str(value).replace(" ", "").casefold() == wanted.replace(" ", "").casefold()
