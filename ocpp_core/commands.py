"""What people and sessions ask of chargers, spoken: Command → OCPP call → result.

The rows are the outbox: claimed by a counted update, so one of several processes speaks; looked for again every few
seconds, so that nothing asked is lost while the channel layer is away.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import orjson
from django.db import transaction
from django.utils import timezone

from ocpp_core import answers, frame_log, vendors
from ocpp_core.backstage import Backstage
from ocpp_core.calls import Calls, Refused, Unanswered
from ocpp_core.charging_profiles import building, kept
from ocpp_core.charging_profiles.units import STANDARD_PHASES
from ocpp_core.gathering import ALONE, Left
from ocpp_core.provisioning import Setup
from ocpp_core.workers import DatabaseAway
from stations import commands
from stations.models import Command

logger = logging.getLogger(__name__)


class Asker:
    """Asks one charger over one socket. Its task lives only while there is something to ask."""

    __slots__ = (
        "_backstage",
        "_calls",
        "_charge_point_id",
        "_has_booted_before",
        "_has_settled",
        "_is_woken",
        "_may_ask",
        "_setup",
        "_task",
    )

    def __init__(self, backstage: Backstage, calls: Calls, setup: Setup, charge_point_id: int, *, has_booted_before: bool) -> None:
        self._backstage = backstage
        self._calls = calls
        self._setup = setup
        self._charge_point_id = charge_point_id
        self._has_booted_before = has_booted_before
        self._task: asyncio.Task[None] | None = None
        self._is_woken = False
        self._may_ask = False
        self._has_settled = False

    def answered(self, action: str) -> None:
        """Take note that a CALL of the charger was answered: after its Boot, and what counts as one, it may be asked."""
        self._setup.heard(action)
        if action == "BootNotification" or (self._has_booted_before and not self._may_ask):
            self._may_ask = True
            self.wake()

    def settle(self) -> None:
        """Take note that the charger has had its time: whatever it said or not, it may be asked, and set up."""
        self._may_ask = self._has_settled = True
        self.wake()

    def wake(self) -> None:
        """Look for something to ask, now or as soon as we may."""
        self._is_woken = True
        if self._may_ask and self._task is None and not self._calls.has_dropped:
            self._task = self._backstage.loop.create_task(self._run())

    @property
    def is_busy(self) -> bool:
        """Whether something is being asked."""
        return self._task is not None

    async def _run(self) -> None:
        try:
            while self._is_woken and not self._calls.has_dropped:
                self._is_woken = False
                while await self._run_next_command():
                    pass
                if self._has_settled and not self._calls.has_dropped and await self._setup.run_step():
                    self._is_woken = True
        except Exception:
            logger.exception("asking charge point %d failed", self._charge_point_id)
        finally:
            self._task = None

    async def _run_next_command(self) -> bool:
        """Speak the oldest command that is due for this charger; False if there is none."""
        workers = self._backstage.workers
        if self._calls.has_dropped:
            return False
        try:
            command = await self._backstage.ask(claim_together, claim_next, self._charge_point_id)
            if command is None:
                return False
            status, response = await self._speak(command)
            await workers.run_patiently(_record, command, status, response)
        except DatabaseAway:
            return False
        return True

    async def _speak(self, command: Command) -> tuple[str, Any]:
        problem = self._calls.problems(command.action, command.payload)
        if problem is not None:
            return Command.Status.REJECTED, {"code": "FormationViolation", "description": problem}
        charge_point = command.charge_point
        profile = vendors.profile_of(charge_point.vendor, charge_point.model, charge_point.firmware)
        if command.source == Command.Source.PROTECTION and command.action in profile.never_unasked:
            return Command.Status.REJECTED, {"code": "NotSupported", "description": "This make cannot stand it."}
        try:
            response = await self._calls.call(command.action, command.payload)
        except Refused as refused:
            return Command.Status.REJECTED, {"code": refused.code, "description": refused.description}
        except Unanswered:
            return Command.Status.UNANSWERED, None
        return Command.Status.ACCEPTED, response


def due_charge_points() -> set[int]:
    """Find the charge points for which a command is due."""
    due = Command.objects.filter(status=Command.Status.PENDING)
    return set(due.exclude(not_before__gt=timezone.now()).values_list("charge_point_id", flat=True))


@transaction.atomic
def _record(command: Command, status: str, response: Any) -> None:
    """Keep the answer, and in the same transaction what it teaches."""
    if status == Command.Status.ACCEPTED:
        answers.learn(command.charge_point_id, command.action, command.payload, response)
        response = orjson.loads(frame_log.without_secrets(orjson.dumps(response).decode()))
    elif status == Command.Status.REJECTED:
        answers.learn_refusal(command.charge_point_id, command.action, command.payload, response)
    commands.record_result(command, status=status, response=response)


def claim_next(charge_point_id: int) -> Command | None:
    """Claim the oldest command that is due for a charger."""
    for command_id in commands.pending(charge_point_id):
        command = commands.claim(command_id)
        if command is not None:
            return _fitted(command)
    return None


def claim_together(charge_point_ids: Sequence[int]) -> list[Command | Exception | Left | None]:
    """The same for many of which most have nothing to be asked, as after a storm."""
    waiting = set(
        Command.objects.filter(charge_point_id__in=charge_point_ids, status=Command.Status.PENDING).values_list(
            "charge_point_id", flat=True
        )
    )
    return [ALONE if one in waiting else None for one in charge_point_ids]


def _fitted(command: Command) -> Command:
    """What we ask by ourselves in the unit and at the level this charger takes; what people ask goes out as they wrote it."""
    if command.source == Command.Source.PROTECTION and command.action == "SetChargingProfile":
        profile = command.payload["csChargingProfiles"]
        command.payload["csChargingProfiles"] = building.fitted(profile, kept.can(command.charge_point), STANDARD_PHASES)
    return command
