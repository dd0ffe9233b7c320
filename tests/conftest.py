"""The cast of the tests."""

import asyncio
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import redis
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.db.models.signals import post_save
from django.db.models.sql.compiler import SQLUpdateCompiler

from accounts.models import User
from billing.models import Tariff
from ocpp_core import schemas
from stations.models import ChargePoint, Command, Connector
from tests import evidence, factories, jitter, nursery
from tests.serving import Served

OPENING_CREDIT_MINOR = 50_000
DATABASES = {"db", "transactional_db"}

# How fast examples come says something about the machine alone, and what failed yesterday about yesterday.
hypothesis.settings.register_profile("house", deadline=None, database=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("house")


def pytest_configure(config: pytest.Config) -> None:
    """Under a seed (`tests/jitter.py`) whoever may meet in either order does."""
    if jitter.SEED:
        jitter.install()
        config.pluginmanager.register(jitter.Plugin())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What asks for no table and knows no Redis says the same in both halves of the suite, and is told once."""
    for item in items:
        module = vars(getattr(item, "module", None))
        is_in_redis = module.get("cache") is cache or "get_channel_layer" in module
        if not is_in_redis and not DATABASES & {*getattr(item, "fixturenames", ())} and item.get_closest_marker("django_db") is None:
            item.add_marker("one_database")


def pytest_unconfigure() -> None:
    """No process outlives the tests."""
    nursery.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test tells what its servers said and what stands in the tables."""
    report = yield
    if report.failed and call.when == "call":
        evidence.add_to(report)
    return report


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """SQLite is emptied between tests by DELETE, which the books forbid; PostgreSQL by TRUNCATE, which passes.

    At the end PostgreSQL drops no database that anybody still holds, and a killed server's session may outlive it a little.
    """
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'billing_%_no_delete'")
            for (name,) in cursor.fetchall():
                cursor.execute(f"DROP TRIGGER {name}")
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            cursor.execute(f"SELECT pg_terminate_backend(pid) {others}")


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    """No test pays for the failed log-ins of another.

    On Redis key by key: `clear` empties the whole database, and a server that goes on would be out of the channel layer's groups.
    """
    if not settings.REDIS_URL:
        cache.clear()
        return
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        if kept := list(client.scan_iter(match=cache.make_key("*"))):
            client.delete(*kept)


@pytest.fixture(autouse=True)
def _what_we_ask_passes_its_schema() -> Iterator[None]:
    """Whatever our own code asks of a charger in any test is held against the official schema. People may ask for nonsense."""

    def check(instance: Command, *, created: bool, **_more: Any) -> None:
        if created and instance.source != Command.Source.PERSON:
            fault = schemas.problems(instance.action, instance.payload)
            assert fault is None, f"{instance.action}: {fault}"

    post_save.connect(check, sender=Command)
    yield
    post_save.disconnect(check, sender=Command)


@pytest.fixture(autouse=True)
def _who_claims_a_row_asks_it_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """An UPDATE whose conditions reach another table becomes `id IN (SELECT …)`.

    PostgreSQL does not read such a subquery again after it has waited for somebody else's claim of the row: both have it.
    """

    def as_sql(self: SQLUpdateCompiler) -> Any:
        sql, parameters = compiled(self)
        assert f'(SELECT U0."id" FROM "{self.query.get_meta().db_table}" U0 INNER JOIN' not in sql, sql  # noqa: S608 - looked at, not asked
        return sql, parameters

    compiled = SQLUpdateCompiler.as_sql
    monkeypatch.setattr(SQLUpdateCompiler, "as_sql", as_sql)


@pytest.fixture(autouse=True)
def _threads_give_their_connection_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A story looks at the tables in threads that end with it.

    A connection that ends with its thread is missing in the pool for ever: after forty of them nobody gets one any more.
    """
    in_thread = asyncio.to_thread

    async def to_thread(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        def do() -> Any:
            try:
                return function(*args, **kwargs)
            finally:
                connection.close()

        return await in_thread(do)

    monkeypatch.setattr(asyncio, "to_thread", to_thread)


@pytest.fixture
def driver(db: None) -> User:
    """A driver with 500 Kč of own money."""
    user = factories.make_user("Tereza Malá")
    factories.give_credit(user, OPENING_CREDIT_MINOR)
    return user


@pytest.fixture
def owner(db: None) -> User:
    """The owner of `charge_point`."""
    return factories.make_user("Pavel Novák")


@pytest.fixture
def stranger(db: None) -> User:
    """Somebody who has nothing to do with it."""
    return factories.make_user("Cizí Člověk")


@pytest.fixture
def staff(db: None) -> User:
    """A member of staff."""
    return factories.make_user("Správa", is_staff=True, is_superuser=True)


@pytest.fixture
def tariff(owner: User) -> Tariff:
    """6.50 Kč per kWh."""
    return factories.make_tariff(owner)


@pytest.fixture
def charge_point(owner: User, tariff: Tariff) -> ChargePoint:
    """A published charge point with one connector of 11 kW."""
    return factories.make_charge_point(owner, tariff=tariff)


@pytest.fixture
def connector(charge_point: ChargePoint) -> Connector:
    """The connector of `charge_point`."""
    return charge_point.connectors.get()


@pytest.fixture
def serve_process(transactional_db: None, tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Starts real `manage.py serve` processes on the database of this test: `serve_process(OFFLINE_AFTER_S="2")`."""
    started: list[Served] = []

    def start(**environment: str) -> Served:
        served = Served(tmp_path, **environment)
        started.append(served)
        return served.start()

    yield start
    for served in started:
        served.kill()
