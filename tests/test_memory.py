"""What a process must not hold on to."""

import pytest
from django.conf import LazySettings
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

from chargeshare import memory


def test_no_connection_remembers_what_it_was_asked(db: None, settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads that live as long as the process would keep nine thousand statements each while DEBUG is on, which it is by default."""
    monkeypatch.setattr(BaseDatabaseWrapper, "queries_limit", BaseDatabaseWrapper.queries_limit)
    settings.DEBUG = True
    memory.remember_no_statements()
    own = connection.copy()
    try:
        with own.cursor() as cursor:
            cursor.execute("SELECT 1")
            assert cursor.fetchone() == (1,)
        assert len(own.queries_log) == 0
    finally:
        own.close()


def test_what_connections_leave_behind_is_collected_when_it_is_quiet_or_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1_000.0]
    monkeypatch.setattr(memory, "monotonic", lambda: clock[0])
    tidying = memory.Tidying()

    def is_due() -> bool:
        return tidying.is_due

    for _ in range(memory.TOO_MANY):
        tidying.came()  # a storm of those who stay: they have left next to nothing, and are not to be disturbed
    assert not is_due()
    clock[0] += memory.QUIET_S + 1
    assert is_due()
    tidying.tidy()
    assert not is_due()
    for _ in range(memory.TOO_MANY - 1):
        tidying.went()
    assert not is_due()
    tidying.went()
    assert is_due()
    tidying.tidy()
    assert not is_due()
