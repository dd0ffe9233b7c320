"""Some chargers that are there already and ask for the time all along: run as `python -m tests.bench.witness ws://…`.

How long they wait shows whether a storm harms who takes no part. They have a process of their own, for whoever dials thousands
at once is late herself. Reads [password, identities] from its input, says "ready", and when the input ends the longest wait in
seconds.
"""

import asyncio
import json
import sys
import time
from collections import Counter

import uvloop

from tests.bench.crowd import PATIENCE_S, SAYS, Box

ASKS_EVERY_S = 0.1


class Witness(Box):
    """Asks for the time again and again; the longest wait counts."""

    longest_s = 0.0

    async def ask(self) -> None:
        """Do it for ever."""
        while True:
            self.done = asyncio.get_running_loop().create_future()
            self.says = iter([(b"Heartbeat", b"{}")])
            began = time.monotonic()
            self._say()
            await asyncio.wait_for(self.done, PATIENCE_S)
            self.longest_s = max(self.longest_s, time.monotonic() - began)
            await asyncio.sleep(ASKS_EVERY_S)


async def watch(url: str) -> float:
    """Ask until the input ends; one that is not answered ends it all."""
    password, identities = json.loads(sys.stdin.readline())
    witnesses = [Witness(identity, password, SAYS[:1], Counter()) for identity in identities]
    for witness in witnesses:
        await witness.connect(url, 0)
        await witness.done
    print("ready", flush=True)  # noqa: T201 - the storm may begin
    ended = asyncio.create_task(asyncio.to_thread(sys.stdin.readline))
    asking = [asyncio.create_task(witness.ask()) for witness in witnesses]
    done, _others = await asyncio.wait([ended, *asking], return_when=asyncio.FIRST_COMPLETED)
    for task in asking:
        task.cancel()
    for task in done:
        task.result()
    return max((witness.longest_s for witness in witnesses), default=0.0)


if __name__ == "__main__":
    print(uvloop.run(watch(sys.argv[1])))  # noqa: T201 - the result
