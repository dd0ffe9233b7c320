"""What this process counts while it works, for `/metrics` to tell: plain dicts and lists, so that counting costs next to nothing.

Who counts adds to one of these and knows nothing of who reads them. A count is written by one thread, or belongs to work so
rare that two threads do not meet; words that come from outside never become keys. It begins at zero with the process.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter, time

OTHER = "other"
"""In place of an action that is none."""


class Spread:
    """How often something took how long, or was how big: counted by bounds, each of which still belongs to what lies below it."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, *bounds: float) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def note(self, value: float) -> None:
        """Count one."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

messages: Counter[tuple[str, str]] = Counter()
"""CALLs of chargers by action and by what became of them: answered, refused, failed, repeated."""
put_off: Counter[str] = Counter()
"""How often such a CALL was put off, because somebody else held what it needs, by action."""
cut_off: Counter[str] = Counter()
"""Chargers whose sockets we ended because nobody can go on like that, by why: flood, deaf."""
handshakes: Counter[str] = Counter()
"""Chargers that knocked, by what they were told."""
spooled: Counter[str] = Counter()
"""Messages kept in files because there was no database, by action."""
batch_readings = Spread(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)
"""MeterValues that share a commit."""
batch_wait_s = Spread(*_SECONDS)
"""From the first reading of a batch until it is answered."""
commit_s = Spread(*_SECONDS)
"""What the database takes for a batch of readings and frames."""
gateway_calls: Counter[tuple[str, str]] = Counter()
"""Calls to the payment gateway by kind and outcome: ok, refused, away, failed."""
gateway_s: defaultdict[str, Spread] = defaultdict(lambda: Spread(0.1, 0.25, 0.5, 1.0, 1.5, 2.5, 5.0, 10.0, 15.0))
"""How long they take, by kind."""
pushes: Counter[str] = Counter()
"""Pushes by what became of them: sent, gone (the device), refused, busy or away (the push service; it is tried again), dropped."""
job_failures: Counter[str] = Counter()
"""Periodic jobs that failed, by name."""
jobs_done_at: dict[str, float] = {}
"""When each periodic job last came to a good end, in seconds since 1970."""
jobs_s: defaultdict[str, float] = defaultdict(float)
"""What each has taken altogether."""

clock_steps = 0
"""How often somebody has set the clock of this machine under us."""


@contextmanager
def job(name: str) -> Iterator[None]:
    """Count one periodic job that is done inside."""
    began = perf_counter()
    try:
        yield
    except Exception:
        job_failures[name] += 1
        raise
    else:
        jobs_done_at[name] = time()
    finally:
        jobs_s[name] += perf_counter() - began
