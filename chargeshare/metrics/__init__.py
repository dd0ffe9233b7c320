"""What `/metrics` tells of the house itself, beside what the libraries tell of pages and of the process.

Three sources: what this process counts and holds (`process`), what lies in the tables (`tables`), and whether the database and
the channel layer answer at all (`reachability`). The last two are asked in threads of their own, never longer than a moment, and
kept for some seconds; what cannot be found out is left out, so that the endpoint answers whatever is the matter.
"""

from collections.abc import Iterator
from time import monotonic

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from chargeshare.metrics import kept, process, reachability, tables
from chargeshare.metrics.kept import Kept
from ocpp_core.workers import own_connection

_tables = Kept(tables.gather, own_connection)
_parts = {name: Kept(ask) for name, ask in reachability.PARTS.items()}


class House(Collector):
    """All of it, as the library wants it."""

    def describe(self) -> list[Metric]:
        """Nothing beforehand: registering must ask no database."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Everything that can be told now."""
        until = monotonic() + kept.PATIENCE_S
        _look_at_all()
        yield from process.tell()
        up = GaugeMetricFamily("chargeshare_up", "Whether a part that is needed answers in time.", labels=["part"])
        for name, part in _parts.items():
            up.add_metric([name], float(part.get(until) is not None))
        yield up
        yield from _tables.get(until) or []


def told() -> bytes:
    """All this as Prometheus reads it."""
    return generate_latest(_house)


_house = CollectorRegistry()
_house.register(House())


def forget() -> None:
    """Find everything out anew at the next question."""
    _tables.forget()
    for part in _parts.values():
        part.forget()


def _look_at_all() -> None:
    """All at the same time, so that waiting for one is waiting for all."""
    _tables.look()
    for part in _parts.values():
        part.look()
