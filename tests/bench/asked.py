"""Builds a country and asks its pages: `python -m tests.bench.asked SCALE` prints each page's times in ms as JSON.

In process, through Django's test client: what a page costs the server, CPU beside wall, for on a shared machine wall time
measures the neighbours. PostgreSQL's own work is in the wall time alone.
"""

import json
import logging
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chargeshare.settings")
django.setup()

from django.test import Client  # noqa: E402
from django.test.utils import override_settings  # noqa: E402
from django.utils import timezone  # noqa: E402
from rest_framework.renderers import JSONRenderer  # noqa: E402

from accounts.models import User  # noqa: E402
from stations import search  # noqa: E402
from stations.api.serializers import ChargePointSerializer  # noqa: E402
from stations.models import ChargePoint, ChargingSession  # noqa: E402
from tests.bench import country  # noqa: E402

ROUNDS = 20
PLACES, SESSIONS, READINGS, FRAMES = 100_000, 200_000, 5_000_000, 1_000_000
EUROPE = (9.0, 47.0, 19.0, 54.0)


def timed(once: Callable[[], object]) -> dict[str, float]:
    """The 95th of a hundred, in ms, of wall time and of CPU, and the middle one's CPU."""
    once()
    walls, cpus = [], []
    for _round in range(ROUNDS):
        wall, cpu = time.perf_counter(), time.process_time()
        once()
        walls.append((time.perf_counter() - wall) * 1000)
        cpus.append((time.process_time() - cpu) * 1000)
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


def measure(scale: float) -> dict[str, Any]:
    """Build and ask. Times of building are told as well."""
    began = time.monotonic()
    owner, driver = country.places(max(1000, int(PLACES * scale)))
    sessions = max(1000, int(SESSIONS * scale))
    country.history(owner, driver, sessions=sessions, readings=int(READINGS * scale), frames=int(FRAMES * scale))
    built_s = time.monotonic() - began
    counting = timed_once(lambda: search.count_map(now=timezone.now()))
    anybody, hers, drivers = Client(), logged_in(owner), logged_in(driver)
    middle = ChargePoint.objects.get(code="c00000003")
    screen = country.viewport(float(middle.public_latitude), float(middle.public_longitude), 480)
    code = ChargePoint.objects.filter(owner=owner).order_by("pk").values_list("code", flat=True)[0]
    session = ChargingSession.objects.filter(owner=owner).values_list("code", flat=True)[0]
    api = "/api/v1/charge-points/?bbox="
    figures = {
        "screen": timed(page(anybody, api + ",".join(map(str, screen)))),
        "screen-of-a-driver": timed(page(drivers, api + ",".join(map(str, screen)))),
        "country": timed(page(anybody, api + ",".join(map(str, EUROPE)))),
        "world": timed(page(anybody, api + "-180,-85,180,85")),
        "dashboard": timed(page(hers, "/owner/")),
        "chargers": timed(page(hers, "/owner/chargers/")),
        "hosted-sessions": timed(page(hers, "/owner/sessions/")),
        "earnings": timed(page(hers, "/owner/earnings/")),
        "history": timed(page(drivers, "/sessions/")),
        "frames": timed(page(hers, f"/owner/{code}/messages/")),
        "readings": timed(page(hers, f"/api/v1/sessions/{session}/meter-values/")),
    }
    naive = {
        "screen": timed(naive_map(screen)),
        "country": timed(lambda: search.clusters(None, search.Box(*EUROPE), search.Wanted())),
    }
    return {"built_s": built_s, "counting": counting, "figures": figures, "naive": naive}


def timed_once(once: Callable[[], object]) -> float:
    """Its CPU in ms."""
    began = time.process_time()
    once()
    return (time.process_time() - began) * 1000


def logged_in(user: User) -> Client:
    """A browser of this person."""
    client = Client()
    client.force_login(user)
    return client


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    with override_settings(ALLOWED_HOSTS=["testserver"]):
        print(json.dumps(measure(float(sys.argv[1]))))  # noqa: T201 - the result
