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
