"""Builds a country (`python -m tests.bench.asked build SCALE`) and asks its pages (`… ask`): what is known is printed at once, as JSON.

In process, through Django's test client: what a page costs the server, CPU beside wall, for on a shared machine wall time
measures the neighbours. What PostgreSQL works for it is in the CPU: it is told to work in one process, and that is watched.
"""

import gc
import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chargeshare.settings")
django.setup()

from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret  # noqa: E402
from django.db import connection  # noqa: E402
from django.db.models import Sum  # noqa: E402
from django.db.models.functions import TruncMonth  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import override_settings  # noqa: E402
from django.utils import timezone  # noqa: E402
from rest_framework.renderers import JSONRenderer  # noqa: E402

from accounts.models import User  # noqa: E402
from billing import kept  # noqa: E402
from billing.models import ChargeDetailRecord  # noqa: E402
from chargeshare.management.commands.serve import GC_THRESHOLDS  # noqa: E402
from stations import search  # noqa: E402
from stations.api.serializers import ChargePointSerializer  # noqa: E402
from stations.models import ChargePoint, ChargingSession, MeterValue, Review, Thread  # noqa: E402
from tests.bench import belongings, country  # noqa: E402
from tests.bench.page_list import PAGES  # noqa: E402

ROUNDS = 20
PLACES, SESSIONS, READINGS, FRAMES = 100_000, 200_000, 5_000_000, 1_000_000
STAFF = "bench-staff@example.com"
EUROPE = (9.0, 47.0, 19.0, 54.0)


def cpu_s() -> float:
    """What this process and its PostgreSQL have worked so far."""
    of_database = 0.0
    if connection.vendor == "postgresql" and connection.connection is not None:
        of_database = int(Path(f"/proc/{connection.connection.info.backend_pid}/schedstat").read_text().split()[0]) / 1e9
    return time.process_time() + of_database


def timed(once: Callable[[], object]) -> dict[str, float]:
    """The 95th of a hundred, in ms, of wall time and of CPU, and the middle one's CPU."""
    once()
    walls, cpus = [], []
    for _round in range(ROUNDS):
        wall, cpu = time.perf_counter(), cpu_s()
        once()
        walls.append((time.perf_counter() - wall) * 1000)
        cpus.append((cpu_s() - cpu) * 1000)
    walls.sort()
    cpus.sort()
    late = int(ROUNDS * 0.95) - 1
    return {"wall_p95_ms": round(walls[late], 2), "cpu_p95_ms": round(cpus[late], 2), "cpu_p50_ms": round(cpus[ROUNDS // 2], 2)}


def page(client: Client, path: str) -> Callable[[], object]:
    """One look at a page."""

    def look() -> None:
        answer = client.get(path, secure=True)
        if answer.status_code != 200:
            raise SystemExit(f"{path}: {answer.status_code}")

    return look


def naive_map(box: tuple[float, ...]) -> Callable[[], object]:
    """What one would write first: rows as objects through a serializer, by columns without an index."""
    west, south, east, north = box

    def look() -> None:
        found = ChargePoint.objects.published().filter(latitude__range=(south, north), longitude__range=(west, east), access="public")
        found = found.prefetch_related("connectors__tariff__current__tariff")
        JSONRenderer().render(ChargePointSerializer(found, many=True).data)

    return look


def naive_pages(owner: User, driver: User) -> dict[str, Callable[[], object]]:
    """The same for lists and sums: pages by OFFSET, months by asking the calendar about each row, rows added up in Python."""
    hosted = ChargingSession.objects.filter(owner=owner).select_related("charge_point", "connector", "driver", "cdr", "hold")
    earned = ChargeDetailRecord.objects.filter(owner=owner).annotate(month=TruncMonth("created_at")).order_by()
    charged = ChargingSession.objects.filter(driver=driver).select_related("connector", "cdr")
    receipts = ChargeDetailRecord.objects.filter(owner=owner, created_at__gte=timezone.now() - timedelta(days=20))
    return {
        "hosted-sessions-last": lambda: list(hosted[max(0, hosted.count() - 25) :]),
        "earnings": lambda: list(earned.values("month").annotate(sum=Sum("owner_minor"))),
        "statement": lambda: list(receipts.order_by("pk")),
        "statistics": lambda: sum(session.cdr.total_minor for session in charged.all() if session.cdr is not None),
        "staff-readings": MeterValue.objects.count,
    }


def build(scale: float) -> Iterator[dict[str, Any]]:
    """All of it, and what the jobs of the night make of it."""
    began = time.monotonic()
    owner, driver = country.places(max(1000, int(PLACES * scale)))
    yield {"stage": "places", "seconds": time.monotonic() - began}
    sessions = max(1000, int(SESSIONS * scale))
    country.history(owner, driver, sessions=sessions, readings=int(READINGS * scale), frames=int(FRAMES * scale))
    yield {"stage": "sessions, readings and messages", "seconds": time.monotonic() - began}
    belongings.everything(owner, driver, scale)
    yield {"stage": "what else there is", "seconds": time.monotonic() - began}
    counting = timed_once(lambda: search.count_map(now=timezone.now()))
    keeping = timed_once(lambda: kept.keep(now=timezone.now()))
    TOTP.activate(User.objects.create_superuser(STAFF, None, name="Staff"), generate_totp_secret())
    country.analyse()
    connection.close()
    yield {"built_s": time.monotonic() - began, "counting_ms": counting, "keeping_ms": keeping}


def ask(only: Sequence[str] = ()) -> Iterator[dict[str, Any]]:
    """Each page, and the naive way to the same beside it."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET max_parallel_workers_per_gather = 0")
    owner, driver, staff = (User.objects.get(email=email) for email in (country.OWNER, country.DRIVER, STAFF))
    clients = {"anybody": Client(), "owner": logged_in(owner), "driver": logged_in(driver), "staff": logged_in(staff)}
    named = names(owner)
    screen = tuple(float(edge) for edge in named["screen"].split(","))
    naive = {
        "screen": naive_map(screen),
        "country": lambda: search.clusters(None, search.Box(*EUROPE), search.Wanted()),
        **naive_pages(owner, driver),
    }
    gc.collect()  # as `serve` does once it has started: what is alive by then is not looked through in the midst of an answer
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    for name, one in PAGES.items():
        if not only or name in only:
            times = timed(page(clients[one.who], one.path.format(**named)))
            yield {"page": name, **times, "naive": timed(naive[name])["cpu_p95_ms"] if name in naive else None}


def names(owner: User) -> dict[str, str]:
    """What the addresses of the pages are made of."""
    middle = ChargePoint.objects.get(code="c00000003")
    screen = country.viewport(float(middle.public_latitude), float(middle.public_longitude), 500)
    this_month = timezone.localdate().replace(day=1)
    reviewed = Review.objects.filter(charge_point__is_published=True, charge_point__access="public").select_related("charge_point")
    talk = Thread.objects.select_related("session").order_by("pk")[0].session
    return {
        "screen": ",".join(map(str, screen)),
        "country": ",".join(map(str, EUROPE)),
        "box": ChargePoint.objects.filter(owner=owner).order_by("pk").values_list("code", flat=True)[0],
        "session": str(ChargingSession.objects.filter(owner=owner).order_by("pk").values_list("code", flat=True)[0]),
        "talk": str(talk.code if talk else ""),
        "reviewed": reviewed.order_by("pk")[0].charge_point.code,
        "month": f"{this_month:%Y-%m}",
        "earlier": f"{this_month - timedelta(days=1):%Y-%m}",
    }


def timed_once(once: Callable[[], object]) -> float:
    """Its CPU in ms."""
    began = cpu_s()
    once()
    return (cpu_s() - began) * 1000


def logged_in(user: User) -> Client:
    """A browser of this person."""
    client = Client()
    client.force_login(user)
    return client


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    with override_settings(ALLOWED_HOSTS=["testserver"]):
        for known in build(float(sys.argv[2])) if sys.argv[1] == "build" else ask(sys.argv[2:]):
            print(json.dumps(known), flush=True)  # noqa: T201 - the result
