"""Chargers that are there before a storm and ask for the time all through it: run as `python -m tests.bench.witness ws://…`.

How long they wait shows whether a storm harms who takes no part. They have a process of their own, for whoever dials ten
thousand at once is late herself and would take that for the server's silence. It reads [password, identities] from its input,
says "ready", and when its input ends it prints one JSON line: the longest wait, from the moment a Heartbeat is written to the
socket until its answer is here, and how late this process itself was at the worst, which is no fault of the server.
"""

import asyncio
import json
import sys
import time
from collections import Counter
from typing import Any

import uvloop
from picows import WSTransport

from tests.bench.crowd import HEARTBEAT, PATIENCE_S, SAYS, Box

ASKS_EVERY_S = 0.1
LOOKS_EVERY_S = 0.01


class Witness(Box):
    """Asks for the time again and again; the longest wait counts."""

    def __init__(self, identity: str, password: str) -> None:
        super().__init__(identity, password, SAYS[:1], Counter())
        self.asked_at = self.heard_at = 0.0
        self.asked = 0
        self.longest_s = 0.0

    def on_ws_frame(self, transport: WSTransport, frame: Any) -> None:
        self.heard_at = time.monotonic()
        super().on_ws_frame(transport, frame)

    async def ask(self) -> None:
        """Do it for ever."""
        while True:
            self.will_say(HEARTBEAT)
            self.asked_at = time.monotonic()
            self.say()
            await asyncio.wait_for(self.done, PATIENCE_S)
            self.asked += 1
            self.longest_s = max(self.longest_s, self.heard_at - self.asked_at)
            await asyncio.sleep(ASKS_EVERY_S)

    def longest_so_far_s(self) -> float:
        """The longest wait, be it the one that is not over."""
        return self.longest_s if self.done.done() else max(self.longest_s, time.monotonic() - self.asked_at)


class Punctuality:
    """How late a process comes to what it meant to do at a certain time."""

    latest_s = 0.0

    async def look(self) -> None:
        """Do it for ever."""
        loop = asyncio.get_running_loop()
        while True:
            due_at = loop.time() + LOOKS_EVERY_S
            await asyncio.sleep(LOOKS_EVERY_S)
            self.latest_s = max(self.latest_s, loop.time() - due_at)


async def watch(url: str) -> dict[str, float]:
    """Ask until the input ends; one that is not answered ends it all."""
    password, identities = json.loads(sys.stdin.buffer.readline())
    witnesses = [Witness(identity, password) for identity in identities]
    for witness in witnesses:
        await witness.connect(url, 0)
        await witness.done
    loop, ended, punctuality = asyncio.get_running_loop(), asyncio.Event(), Punctuality()
    loop.add_reader(sys.stdin.fileno(), ended.set)  # no thread reads: one that is still reading would keep the process from its end
    print("ready", flush=True)  # noqa: T201 - the storm may begin
    tasks = [asyncio.create_task(work) for work in (ended.wait(), punctuality.look(), *(witness.ask() for witness in witnesses))]
    done, others = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    loop.remove_reader(sys.stdin.fileno())
    longest_s = max(witness.longest_so_far_s() for witness in witnesses)
    for task in others:
        task.cancel()
    for task in done:
        task.result()
    return {
        "longest_wait_s": round(longest_s, 3),
        "own_lateness_s": round(punctuality.latest_s, 3),
        "asked": sum(witness.asked for witness in witnesses),
    }


if __name__ == "__main__":
    print(json.dumps(uvloop.run(watch(sys.argv[1]))))  # noqa: T201 - the result
