"""What this process holds and has counted since it began."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from time import time
from typing import Any

from django.conf import settings
from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

from chargeshare import tally
from chargeshare.tally import Spread
from ocpp_core import door


def tell() -> Iterator[Metric]:
    """All of it. Reads what other threads write, which may be a moment old and no more."""
    yield from _counted()
    yield from _spread()
    yield from _jobs()
    yield from _spool()
    here = door.opened()
    if here is not None:
        yield from of_door(here)


def _counted() -> Iterator[Metric]:
    about = "CALLs of chargers by action and by what became of them."
    yield _counter("chargeshare_charger_messages", about, ["action", "outcome"], tally.messages)
    about = "CALLs that were put off, because somebody held what they need."
    yield _counter("chargeshare_charger_messages_put_off", about, ["action"], tally.put_off)
    yield _counter("chargeshare_charger_cut_off", "Chargers whose sockets were ended, by why.", ["reason"], tally.cut_off)
    yield _counter("chargeshare_charger_handshakes", "Chargers that knocked, by the status they got.", ["status"], tally.handshakes)
    yield _counter("chargeshare_spooled_messages", "Messages kept in files for want of a database.", ["action"], tally.spooled)
    yield _counter("chargeshare_pushes", "Pushes to devices, by what became of them.", ["outcome"], tally.pushes)
    yield _counter("chargeshare_gateway_calls", "Calls to the payment gateway.", ["call", "outcome"], tally.gateway_calls)


def _counter(name: str, about: str, labels: list[str], counts: Mapping[Any, float]) -> Metric:
    family = CounterMetricFamily(name, about, labels=labels)
    for values, count in sorted(dict(counts).items()):
        family.add_metric([values] if isinstance(values, str) else list(values), count)
    return family


def _spread() -> Iterator[Metric]:
    yield _histogram("chargeshare_batch_readings", "MeterValues that share a commit.", [([], tally.batch_readings)])
    yield _histogram("chargeshare_batch_wait_seconds", "From the first reading of a batch to its answer.", [([], tally.batch_wait_s)])
    yield _histogram("chargeshare_commit_seconds", "What the database takes for a batch of readings and frames.", [([], tally.commit_s)])
    gateway = [([call], spread) for call, spread in sorted(dict(tally.gateway_s).items())]
    yield _histogram("chargeshare_gateway_seconds", "How long calls to the payment gateway take.", gateway, labels=["call"])


def _histogram(name: str, about: str, spreads: Iterable[tuple[list[str], Spread]], labels: Iterable[str] = ()) -> Metric:
    family = HistogramMetricFamily(name, about, labels=list(labels))
    for values, spread in spreads:
        bounds = [*(f"{bound:g}" for bound in spread.bounds), "+Inf"]
        family.add_metric(values, list(zip(bounds, accumulate(spread.counts), strict=True)), spread.total)
    return family


def _jobs() -> Iterator[Metric]:
    done = GaugeMetricFamily("chargeshare_job_done_timestamp_seconds", "When a periodic job last came to a good end.", labels=["job"])
    for name, at in sorted(dict(tally.jobs_done_at).items()):
        done.add_metric([name], at)
    yield done
    failures = CounterMetricFamily("chargeshare_job_failures", "Periodic jobs that failed.", labels=["job"])
    for name in sorted({*tally.jobs_done_at, *tally.job_failures}):
        failures.add_metric([name], tally.job_failures[name])
    yield failures
    yield _counter("chargeshare_job_seconds", "What the periodic jobs took altogether.", ["job"], tally.jobs_s)
    about = "How often somebody has set the clock of this machine by more than it drifts."
    yield CounterMetricFamily("chargeshare_clock_steps", about, value=tally.clock_steps)


def _spool() -> Iterator[Metric]:
    """What lies in the files of all processes that share the directory; a file is named after the moment it was begun."""
    sizes = []
    for path in settings.SPOOL_DIR.glob("*.jsonl"):
        try:
            sizes.append((int(path.name.partition("-")[0]) / 1e9, path.stat().st_size))
        except (OSError, ValueError):
            continue  # told and gone meanwhile, or none of ours
    yield GaugeMetricFamily("chargeshare_spool_files", "Files of messages that the database has not been told.", value=len(sizes))
    yield GaugeMetricFamily("chargeshare_spool_bytes", "How long they are together.", value=sum(size for _at, size in sizes))
    age = max(0.0, time() - min(at for at, _size in sizes)) if sizes else 0.0
    yield GaugeMetricFamily("chargeshare_spool_oldest_seconds", "How long ago the oldest of them was begun.", value=age)


def of_door(here: door.Door) -> Iterator[Metric]:
    """What the chargers' door of this process holds."""
    sockets = list(here.registry)
    yield GaugeMetricFamily("chargeshare_charger_sockets", "Chargers connected to this process.", value=len(sockets))
    asking = sum(connection.asker.is_busy for connection in sockets)
    yield GaugeMetricFamily("chargeshare_charger_calls_in_flight", "Chargers that this process is asking something.", value=asking)
    tasks = len(asyncio.all_tasks(here.backstage.loop))
    yield GaugeMetricFamily("chargeshare_tasks", "Tasks of the event loop: of sockets, pages and what is asked of chargers.", value=tasks)
    threads, busy, queued = here.backstage.workers.load
    yield GaugeMetricFamily("chargeshare_worker_threads", "Threads in which chargers meet the database.", value=threads)
    yield GaugeMetricFamily("chargeshare_worker_threads_busy", "Those that work.", value=busy)
    yield GaugeMetricFamily("chargeshare_worker_queue", "Messages and questions that wait for one of them.", value=queued)
    away = here.backstage.workers.database_is_away
    yield GaugeMetricFamily("chargeshare_database_away", "Whether chargers are served without a database now.", value=float(away))
    readings, frames = here.backstage.writer.waiting
    waiting = GaugeMetricFamily("chargeshare_writer_waiting", "What waits for its batch to begin.", labels=["kind"])
    waiting.add_metric(["readings"], readings)
    waiting.add_metric(["frames"], frames)
    yield waiting
