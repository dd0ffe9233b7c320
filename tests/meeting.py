"""Two that meet at one row: the second waits for what the first has written and not yet committed."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.db import connection, transaction

one_waits_for_the_other = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite lets one write at a time")


@contextmanager
def meeting(second: Callable[[], None], *, then: Callable[[], object] = lambda: None) -> Iterator[None]:
    """What the body writes is committed once `second`, in a thread of its own, waits for it; `then` is done before, meanwhile."""

    def run() -> None:
        try:
            second()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    try:
        with transaction.atomic():
            yield
            thread.start()
            while thread.is_alive() and not _somebody_waits():
                pass
            then()
    finally:
        thread.join()


def _somebody_waits() -> bool:
    """Asked of the locks, which are always those of now: who is connected is remembered for as long as a transaction lasts."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid)))")
        return bool(cursor.fetchone()[0])
