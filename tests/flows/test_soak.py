"""Many chargers for a long time: memory stays where it is, no socket is lost, no task is left behind.

Ten minutes with 2 000 by default; SOAK_CHARGERS and SOAK_SECONDS say otherwise, 3600 for an hour.
"""

import asyncio
import os

import psutil
import pytest

from tests.flows import fleet as fleets
from tests.flows.fleet import Fleet, assert_kept, is_told, unexplained
from tests.ocpp_core.conftest import until

CHARGERS = int(os.environ.get("SOAK_CHARGERS", "2000"))
SECONDS = float(os.environ.get("SOAK_SECONDS", "600"))
WARM_UP = 0.2  # of the time: meanwhile every thread has met every statement, and every charger the threads
BETWEEN_WORDS_S = 20.0
MOST_GROWTH = 1.10


def state_of(server):
    """Memory of the process, and how many sockets and tasks it says it has."""
    told = server.told()
    return psutil.Process(server.process.pid).memory_info().rss, told["chargeshare_charger_sockets"], told["chargeshare_tasks"]


@pytest.mark.slow
def test_soak(serve_process, owner, monkeypatch):
    monkeypatch.setattr(fleets, "LONGEST_DAY_S", SECONDS + 3_600)
    server = serve_process(EMAIL_URL="dummymail://")
    fleet = Fleet(server, owner, CHARGERS, pause_s=min(BETWEEN_WORDS_S, SECONDS / 10))
    seen = []

    async def story():
        async with fleet.living():
            await fleet.goes_on("StartTransaction")
            await asyncio.sleep(SECONDS * WARM_UP)
            for _ in range(8):
                seen.append(await asyncio.to_thread(state_of, server))
                await asyncio.sleep(SECONDS * (1 - WARM_UP) / 8)
            seen.append(await asyncio.to_thread(state_of, server))

    asyncio.run(story())
    until(lambda: is_told(fleet), 120)
    memory, sockets, tasks = zip(*seen, strict=True)
    assert fleet.falls == 0
    assert set(sockets) == {CHARGERS}
    assert memory[-1] < MOST_GROWTH * memory[0], memory
    assert tasks[-1] <= MOST_GROWTH * tasks[0] + 10, tasks
    assert_kept(fleet)
    assert unexplained(server) == []
