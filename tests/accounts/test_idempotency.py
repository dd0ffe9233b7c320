"""The same key, the same answer, the deed once."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts import idempotency
from accounts.models import IdempotentAnswer, User
from chargeshare.errors import Invalid
from tests import factories


class Deed:
    """Something that must happen once."""

    def __init__(self, answer: idempotency.Answer = (201, {"code": "x"})) -> None:
        self.done = 0
        self.answer = answer

    def __call__(self) -> idempotency.Answer:
        self.done += 1
        return self.answer


def test_the_second_request_gets_the_first_answer(driver: User) -> None:
    deed = Deed()

    answers = [idempotency.answer_once(driver, "key-1", "same", deed) for _ in range(3)]

    assert answers == [(201, {"code": "x"})] * 3
    assert deed.done == 1


def test_a_refusal_is_remembered_too(driver: User) -> None:
    deed = Deed((409, {"code": "charger_offline"}))

    assert [idempotency.answer_once(driver, "key-1", "same", deed)[0] for _ in range(2)] == [409, 409]
    assert deed.done == 1


@pytest.mark.parametrize("status", [429, 503])
def test_what_passes_by_itself_is_not_remembered(driver: User, status: int) -> None:
    deed = Deed((status, {"code": "gateway_unavailable"}))

    for _ in range(2):
        assert idempotency.answer_once(driver, "key-1", "same", deed)[0] == status
    assert deed.done == 2


def test_after_a_crash_of_ours_the_key_is_free(driver: User) -> None:
    def crash() -> Any:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        idempotency.answer_once(driver, "key-1", "same", crash)
    deed = Deed()
    idempotency.answer_once(driver, "key-1", "same", deed)
    assert deed.done == 1


def test_another_request_under_the_same_key_is_refused(driver: User) -> None:
    idempotency.answer_once(driver, "key-1", "one", Deed())
    deed = Deed()

    with pytest.raises(idempotency.KeyReused):
        idempotency.answer_once(driver, "key-1", "other", deed)
    assert deed.done == 0


def test_keys_of_two_people_are_two_keys(driver: User, stranger: User) -> None:
    deed = Deed()
    idempotency.answer_once(driver, "key-1", "same", deed)
    idempotency.answer_once(stranger, "key-1", "same", deed)
    assert deed.done == 2


def test_a_key_lives_for_a_day(driver: User) -> None:
    deed = Deed()
    idempotency.answer_once(driver, "key-1", "same", deed)
    IdempotentAnswer.objects.update(created_at=timezone.now() - timedelta(hours=24, seconds=1))

    idempotency.answer_once(driver, "key-1", "same", deed)
    assert deed.done == 2

    assert idempotency.prune(now=timezone.now()) == 0
    assert idempotency.prune(now=timezone.now() + timedelta(hours=25)) == 1


def test_while_the_first_runs_the_second_is_told_to_wait(driver: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idempotency, "WAIT_S", 0.1)
    IdempotentAnswer.objects.create(user=driver, key="key-1", fingerprint="same")

    with pytest.raises(idempotency.InProgress) as refusal:
        idempotency.answer_once(driver, "key-1", "same", Deed())
    assert refusal.value.code == "in_progress"


def test_a_process_that_died_does_not_hold_a_key_for_ever(driver: User) -> None:
    long_ago = timezone.now() - idempotency.ABANDONED_AFTER - timedelta(seconds=1)
    IdempotentAnswer.objects.create(user=driver, key="key-1", fingerprint="same", created_at=long_ago)
    deed = Deed()

    idempotency.answer_once(driver, "key-1", "same", deed)
    assert deed.done == 1


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "klíč", "a\nb"])
def test_a_key_has_to_be_one(driver: User, key: str) -> None:
    with pytest.raises(Invalid):
        idempotency.answer_once(driver, key, "same", Deed())


@pytest.mark.django_db(transaction=True)
def test_eight_at_once_do_it_once() -> None:
    user = factories.make_user("Tereza")
    deed = Deed()
    slow = threading.Event()
    barrier = threading.Barrier(8)
    answers: list[idempotency.Answer] = []

    def deed_that_takes_its_time() -> idempotency.Answer:
        slow.wait(0.3)
        return deed()

    def ask() -> None:
        barrier.wait()
        try:
            answers.append(idempotency.answer_once(user, "key-1", "same", deed_that_takes_its_time))
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == [(201, {"code": "x"})] * 8
    assert deed.done == 1
