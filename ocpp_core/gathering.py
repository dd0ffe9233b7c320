"""What many chargers ask at the same moment is asked of the database together, so that a storm costs statements by the batch.

Nobody waits for company: one that comes alone is heard alone, at once. While a batch is under way the next one gathers, so it
grows with the load. A batch takes only what is plain; what is not, and what somebody else holds locked, it leaves to be asked
alone, beside it, so that one who must wait keeps nobody else.
"""

import logging
from asyncio import Future
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from itertools import islice
from typing import Final, Generic, Literal, TypeAlias, TypeVar

from ocpp_core.workers import DatabaseAway, InOtherHands, Workers

logger = logging.getLogger(__name__)

MOST_TOGETHER = 500
MOST_AT_ONCE = 25  # answers in one turn of the loop: others shall be heard in between
MOST_ALONE = 2  # at once; if more come meanwhile, they come together

Question = TypeVar("Question")
Answer = TypeVar("Answer")


class _Left(Enum):
    ALONE = "alone"


ALONE: Final = _Left.ALONE
"""What a batch answers where it leaves one to be asked alone."""
Left: TypeAlias = Literal[_Left.ALONE]


Together: TypeAlias = Callable[[Sequence[Question]], Sequence[Answer | Exception | Left]]


class Gathering(Generic[Question, Answer]):
    """One kind of question. `together` answers a batch in one transaction, in order; an exception among the answers is one's own."""

    def __init__(
        self,
        workers: Workers,
        together: Together[Question, Answer],
        alone: Callable[[Question], Answer],
    ) -> None:
        self._workers = workers
        self._together = together
        self._alone = alone
        self._waiting: deque[tuple[Question, Future[Answer]]] = deque()
        self._are_alone = 0
        self._is_asking = self._is_due = False

    def ask(self, question: Question) -> Future[Answer]:
        """Have it answered soon. Raises DatabaseAway where there is no database."""
        future: Future[Answer] = self._workers.loop.create_future()
        self._waiting.append((question, future))
        self._begin_soon()
        return future

    def _begin_soon(self) -> None:
        """Let the loop read what has arrived together first."""
        if not self._is_asking and not self._is_due and self._waiting:
            self._is_due = True
            self._workers.loop.call_soon(self._begin)

    def _begin(self) -> None:
        self._is_due = False
        batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), MOST_TOGETHER))]
        if len(batch) == 1 and self._are_alone < MOST_ALONE:
            self._ask_alone(*batch[0])
            return
        self._is_asking = True
        asked = self._workers.run(self._together, [question for question, _future in batch])
        asked.add_done_callback(lambda done: self._answered(batch, done))

    def _answered(self, batch: list[tuple[Question, Future[Answer]]], asked: Future[Sequence[Answer | Exception | Left]]) -> None:
        self._is_asking = False
        error = asked.exception()
        if error is None:
            outcomes = asked.result()
        elif isinstance(error, InOtherHands):
            outcomes = [ALONE] * len(batch)
        elif isinstance(error, DatabaseAway):
            outcomes = [error] * len(batch)
        else:  # one of them spoils it: alone it spoils nothing but its own answer
            logger.error("%d could not be answered together", len(batch), exc_info=error)
            outcomes = [ALONE] * len(batch)
        self._tell(iter(zip(batch, outcomes, strict=True)))
        self._begin_soon()

    def _tell(self, told: Iterator[tuple[tuple[Question, Future[Answer]], Answer | Exception | Left]]) -> None:
        """Give each its answer, some in every turn of the loop: what follows from five hundred handshakes takes it a while."""
        count = 0
        for count, ((question, future), outcome) in enumerate(islice(told, MOST_AT_ONCE), 1):  # noqa: B007 - how many there were
            if isinstance(outcome, _Left):
                self._ask_alone(question, future)
            elif future.done():
                continue
            elif isinstance(outcome, Exception):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)
        if count == MOST_AT_ONCE:
            self._workers.loop.call_soon(self._tell, told)

    def _ask_alone(self, question: Question, future: Future[Answer]) -> None:
        self._are_alone += 1
        self._workers.run(self._alone, question).add_done_callback(lambda done: self._answered_alone(future, done))

    def _answered_alone(self, future: Future[Answer], asked: Future[Answer]) -> None:
        self._are_alone -= 1
        error = asked.exception()
        if future.done():
            return
        if error is None:
            future.set_result(asked.result())
        else:
            future.set_exception(error)
