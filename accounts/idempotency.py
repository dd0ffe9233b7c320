"""Idempotency-Key: the same request, the same answer, and the deed done once."""

import re
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import IdempotentAnswer, User
from chargeshare.errors import DomainError, Invalid

KEPT = timedelta(hours=24)
ABANDONED_AFTER = timedelta(seconds=90)  # longer than any request may take; a row that runs longer lost its process
WAIT_S = 10.0
_KEY = re.compile(r"[\x21-\x7e]{1,255}")

Answer: TypeAlias = tuple[int, Any]


class KeyReused(DomainError):
    """The key stands for another request."""

    code = "idempotency_key_reused"
    message = _("This Idempotency-Key was used with another request. Use a new one.")


class InProgress(DomainError):
    """The first request with this key has not ended yet."""

    code = "in_progress"
    message = _("The same request is still being worked on. Ask again in a moment.")


def answer_once(user: User, key: str, fingerprint: str, function: Callable[[], Answer]) -> Answer:
    """Call `function` for the first request with this key; say what it said to every repetition, for a day.

    Refusals are remembered like successes; "too often" (429), an answer of 500 and above, and an exception are not: there the
    same request may be tried again. A repetition that comes while the first one runs waits a little for its answer.
    """
    if not _KEY.fullmatch(key):
        raise Invalid(_("An Idempotency-Key has 1 to 255 visible characters without spaces."))
    deadline = time.monotonic() + WAIT_S
    while (row := _claim(user, key, fingerprint)) is None:
        answer = _wait_for(user, key, fingerprint, deadline)
        if answer is not None:
            return answer
    try:
        status, body = function()
    except BaseException:
        row.delete()
        raise
    if status == 429 or status >= 500:
        row.delete()
    else:
        IdempotentAnswer.objects.filter(pk=row.pk).update(status=status, body=body)
    return status, body


def _claim(user: User, key: str, fingerprint: str) -> IdempotentAnswer | None:
    """Take the key for this request, or None if another request has it."""
    now = timezone.now()
    outlived = Q(created_at__lt=now - KEPT) | Q(status=None, created_at__lt=now - ABANDONED_AFTER)
    IdempotentAnswer.objects.filter(outlived, user=user, key=key).delete()
    try:
        with transaction.atomic():
            return IdempotentAnswer.objects.create(user=user, key=key, fingerprint=fingerprint, created_at=now)
    except IntegrityError:
        return None


def _wait_for(user: User, key: str, fingerprint: str, deadline: float) -> Answer | None:
    """The answer of the request that has the key, or None once it has given the key up."""
    while known := IdempotentAnswer.objects.filter(user=user, key=key).first():
        if known.fingerprint != fingerprint:
            raise KeyReused
        if known.status is not None:
            return known.status, known.body
        if time.monotonic() > deadline:
            raise InProgress
        time.sleep(0.05)
    return None


def prune(*, now: datetime) -> int:
    """Forget answers older than a day."""
    return IdempotentAnswer.objects.filter(created_at__lt=now - KEPT).delete()[0]
