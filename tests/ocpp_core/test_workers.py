"""What the charger threads make of the database's complaints."""

import psycopg
import pytest
from django.db import OperationalError

from ocpp_core.workers import DatabaseAway, Workers


@pytest.fixture
def workers():
    made = Workers(None)  # type: ignore[arg-type]  # guard() needs no event loop
    yield made
    made.close()


def collision():
    error = OperationalError("deadlock detected")
    error.__cause__ = psycopg.errors.DeadlockDetected("deadlock detected")
    return error


def failing(times):
    calls = []

    def work():
        calls.append(1)
        if len(calls) <= times:
            raise collision()
        return len(calls)

    return work


@pytest.mark.django_db(transaction=True)
def test_who_collides_is_tried_again_and_nobody_calls_the_database_away(workers):
    assert workers.guard(failing(3)) == 4
    assert not workers.database_is_away


@pytest.mark.django_db(transaction=True)
def test_what_collides_every_time_is_kept_and_the_others_go_on(workers):
    with pytest.raises(DatabaseAway):
        workers.guard(failing(100))
    assert not workers.database_is_away
    assert workers.guard(lambda: "served") == "served"
