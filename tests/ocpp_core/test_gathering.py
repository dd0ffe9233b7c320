import asyncio
import itertools
import threading

import pytest
from asgiref.sync import async_to_sync

from ocpp_core.gathering import ALONE, MOST_AT_ONCE, Gathering
from ocpp_core.workers import DatabaseAway, Workers


class Lazy(Workers):
    """Threads that touch no database."""

    def guard(self, function, *args, **kwargs):
        return function(*args, **kwargs)

    def close(self):
        self._pool.shutdown()


def story(scenario, together, alone=lambda question: ("alone", question)):
    async def told():
        workers = Lazy(asyncio.get_running_loop())
        try:
            return await scenario(Gathering(workers, together, alone))
        finally:
            workers.close()

    return async_to_sync(told)()


def test_who_comes_alone_is_heard_alone():
    async def scenario(gathering):
        return await gathering.ask(1)

    assert story(scenario, lambda _questions: pytest.fail("a batch of one")) == ("alone", 1)


def test_who_comes_together_is_heard_together_in_order():
    async def scenario(gathering):
        return await asyncio.gather(*(gathering.ask(number) for number in range(3)))

    assert story(scenario, lambda questions: [number * 10 for number in questions]) == [0, 10, 20]


def test_an_exception_among_the_answers_is_ones_own_and_who_is_left_is_heard_alone():
    async def scenario(gathering):
        return await asyncio.gather(*(gathering.ask(number) for number in range(3)), return_exceptions=True)

    first, second, third = story(scenario, lambda _questions: ["fine", ValueError("mine"), ALONE])
    assert (first, str(second), third) == ("fine", "mine", ("alone", 2))


def test_a_batch_that_fails_is_heard_one_by_one(caplog):
    def together(_questions):
        raise RuntimeError("spoiled")

    async def scenario(gathering):
        return await asyncio.gather(*(gathering.ask(number) for number in range(3)))

    assert story(scenario, together) == [("alone", number) for number in range(3)]
    assert "3 could not be answered together" in caplog.text


def test_a_database_that_is_away_is_said_to_everybody():
    def together(_questions):
        raise DatabaseAway

    async def scenario(gathering):
        return await asyncio.gather(*(gathering.ask(number) for number in range(3)), return_exceptions=True)

    assert [type(answer) for answer in story(scenario, together)] == [DatabaseAway] * 3


def test_who_must_wait_keeps_nobody_else_waiting():
    free = threading.Event()

    def alone(question):
        assert question != "stuck" or free.wait(60)
        return question

    async def scenario(gathering):
        stuck = [gathering.ask("stuck") for _ in range(2)]
        batch = [gathering.ask(number) for number in range(5)]
        answers = await asyncio.gather(*batch)
        were_stuck = not any(one.done() for one in stuck)
        free.set()
        return answers, were_stuck, await asyncio.gather(*stuck)

    def together(questions):
        return [ALONE if question == "stuck" else question for question in questions]

    answers, were_stuck, late = story(scenario, together, alone)
    assert (answers, were_stuck, late) == (list(range(5)), True, ["stuck", "stuck"])


def test_what_comes_meanwhile_gathers():
    begun, go_on, batches = threading.Event(), threading.Event(), []

    def together(questions):
        batches.append(list(questions))
        begun.set()
        assert go_on.wait(60)
        return questions

    async def scenario(gathering):
        first = [gathering.ask(number) for number in range(2)]
        await asyncio.to_thread(begun.wait, 60)
        later = [gathering.ask(number) for number in range(2, 7)]
        await asyncio.sleep(0)
        go_on.set()
        return await asyncio.gather(*first, *later)

    assert story(scenario, together) == list(range(7))
    assert batches == [[0, 1], [2, 3, 4, 5, 6]]


def test_between_the_answers_of_a_long_batch_others_are_heard():
    """What follows from an answer takes the loop a while; five hundred of them in one turn would keep everybody else waiting."""
    told, seen = 0, []

    def one_more(_future):
        nonlocal told
        told += 1

    async def scenario(gathering):
        def look():
            seen.append(told)
            if told < 200:
                loop.call_soon(look)

        loop = asyncio.get_running_loop()
        futures = [gathering.ask(number) for number in range(200)]
        for future in futures:
            future.add_done_callback(one_more)
        look()
        return await asyncio.gather(*futures)

    assert story(scenario, list) == list(range(200))
    assert max(later - before for before, later in itertools.pairwise(seen)) <= 2 * MOST_AT_ONCE
