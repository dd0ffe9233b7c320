"""What a steady fleet costs: presence is written for all sockets together."""

import asyncio
from datetime import UTC, datetime
from time import monotonic
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import async_to_sync

from ocpp_core.registry import Registry
from stations.models import ChargePoint
from tests import factories


class Noting:
    """Threads that only note what they are asked to do, until enough was asked."""

    def __init__(self, enough: int) -> None:
        self.asked: list[tuple[Any, tuple[Any, ...], dict[str, Any]]] = []
        self.enough = enough
        self.is_enough = asyncio.Event()

    async def run(self, function: Any, *args: Any, **kwargs: Any) -> None:
        self.asked.append((function, args, kwargs))
        if len(self.asked) == self.enough:
            self.is_enough.set()


@pytest.fixture
def fleet(db, owner):
    made = [factories.make_charge_point(owner, published=False) for _ in range(30)]
    for one in made:
        one.connection = uuid4()
    ChargePoint.objects.bulk_update(made, ["connection"])
    return made


def written(charge_points, settings):
    """What the registry has in one round written down for them when nothing but signs of life came."""
    settings.OFFLINE_AFTER_S = 0.03
    boxes = [SimpleNamespace(charge_point_id=one.pk, last_sign_at=0.0, forget_answers=lambda: None) for one in charge_points]
    registry: Any = Registry()
    for box in boxes:
        registry.add(box)

    async def story():
        workers: Any = Noting(3)
        task = asyncio.create_task(registry.tell_presence(workers))
        await asyncio.sleep(0)  # it has begun to look from now on
        signs = asyncio.create_task(keep_alive())
        async with asyncio.timeout(60):
            await workers.is_enough.wait()
        for one in (task, signs):
            one.cancel()
        await asyncio.gather(task, signs, return_exceptions=True)
        return workers.asked

    async def keep_alive():
        while True:
            for number, box in enumerate(boxes):
                box.last_sign_at = monotonic() + number / 1e6
            await asyncio.sleep(0.001)

    return async_to_sync(story)()[:3]


def test_a_steady_fleet_costs_three_statements_a_round_however_many_they_are(fleet, settings, django_assert_num_queries):
    asked = written(fleet, settings)
    began = datetime.now(UTC)
    with django_assert_num_queries(3):
        for function, args, kwargs in asked:
            function(*args, **kwargs)
    seen = list(ChargePoint.objects.values_list("last_seen_at", flat=True))
    assert len(seen) == 30
    assert all(at is not None and abs((began - at).total_seconds()) < 120 for at in seen)
    assert sorted(pk for _function, (group,), _at in asked for pk in group) == sorted(one.pk for one in fleet)


def test_who_gave_no_sign_costs_nothing(settings, fleet):
    """Silence is not written down: the time that stands there says it."""
    settings.OFFLINE_AFTER_S = 0.03
    registry: Any = Registry()
    registry.add(SimpleNamespace(charge_point_id=fleet[0].pk, last_sign_at=0.0, forget_answers=lambda: rounds.append(1)))
    rounds: list[int] = []

    async def story():
        workers: Any = Noting(1)
        task = asyncio.create_task(registry.tell_presence(workers))
        async with asyncio.timeout(60):
            while len(rounds) < 3:  # noqa: ASYNC110 - the registry tells nobody
                await asyncio.sleep(0.005)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return workers.asked

    assert async_to_sync(story)() == []
