"""What the charger threads make of the database's complaints."""

import asyncio

import psycopg
import pytest
from asgiref.sync import async_to_sync
from django.db import OperationalError

import ocpp_core.workers
from ocpp_core.workers import DatabaseAway, InOtherHands, Workers


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


def held(times):
    calls = []

    def work():
        calls.append(1)
        if len(calls) <= times:
            error = OperationalError("canceling statement due to lock timeout")
            error.__cause__ = psycopg.errors.LockNotAvailable("lock timeout")
            raise error
        return len(calls)

    return work


@pytest.mark.django_db(transaction=True)
def test_what_is_in_other_hands_is_given_back_at_once_and_nobody_calls_the_database_away(workers):
    work = held(1)
    with pytest.raises(InOtherHands):
        workers.guard(work)
    assert not workers.database_is_away
    assert workers.guard(work) == 2


@pytest.mark.django_db(transaction=True)
def test_what_nobody_would_say_again_is_tried_until_it_is_free(monkeypatch):
    monkeypatch.setattr(ocpp_core.workers, "AGAIN_AFTER_S", (0.0, 0.01))

    async def story():
        made = Workers(asyncio.get_running_loop())
        try:
            return await made.run_patiently(held(3))
        finally:
            await asyncio.to_thread(made.close)

    assert async_to_sync(story)() == 4
