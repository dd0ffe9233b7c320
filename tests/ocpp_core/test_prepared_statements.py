"""Chargers' threads keep the plans of their statements, also while a new version of the house moves in."""

import pytest
from django.db import connection

from ocpp_core.workers import Workers


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite plans every time")
def test_a_table_that_changes_under_prepared_statements_is_read_all_the_same():
    """As at a deploy: the old process serves on while the new one brings the tables up to date."""

    def read():
        with connection.cursor() as cursor:
            cursor.execute("SELECT word FROM changing WHERE word <> %s", ["other"])
            return cursor.fetchall()

    workers = Workers(None)  # type: ignore[arg-type]  # guard() needs no event loop
    asked = workers._pool.submit
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE changing (word varchar(5)); INSERT INTO changing VALUES ('said')")
    try:
        for _time in range(8 * 8):
            assert asked(workers.guard, read).result() == [("said",)]
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE changing ALTER word TYPE varchar(50)")

        for _time in range(16):
            assert asked(workers.guard, read).result() == [("said",)]
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE changing")
        workers.close()


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="a file has no pooler before it")
@pytest.mark.parametrize(("has_pooler", "kept"), [(False, True), (True, False)])
def test_behind_a_pooler_nothing_is_left_in_a_connection(settings, has_pooler, kept):
    settings.DATABASE_POOLER = has_pooler

    def look():
        with connection.cursor() as cursor:
            for _time in range(8):
                cursor.execute("SELECT 1 WHERE 1 = %s", [1])
            cursor.execute("SELECT count(*) > 0 FROM pg_prepared_statements")
            (is_prepared,) = cursor.fetchone()
            cursor.execute("SHOW lock_timeout")
            return is_prepared, cursor.fetchone()[0] != "0"

    workers = Workers(None)  # type: ignore[arg-type]
    try:
        assert workers._pool.submit(workers.guard, look).result() == (kept, kept)
    finally:
        workers.close()
