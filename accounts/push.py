"""Sending what was decided to go to devices: housekeeping comes by every few seconds, never a request and never a transaction."""

import logging
from datetime import datetime, timedelta
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import F
from django.utils import timezone, translation

from accounts import codes, devices, notifications, ways
from accounts.models import Notification, Push, PushSubscription
from accounts.push_services import Answer, Messenger, NotReached
from chargeshare import tally

logger = logging.getLogger(__name__)

ATTEMPTS = 5
PER_PASS = 200
PASS_S = 15.0
FIRST_PAUSE = timedelta(minutes=1)
LONGEST_TITLE = 120
LONGEST_TEXT = 300
GONE = (404, 410)


def send_due(*, now: datetime) -> int:
    """Send the pushes that are due and say how many went out. Any number of processes may do this at once.

    A push service that does not answer is not asked again in the same pass, and no pass takes long: what is left waits for the next.
    """
    if not settings.VAPID_PRIVATE_KEY:
        return 0
    notifications.decide(now=now)
    due = Push.objects.filter(after__lte=now).select_related("notification__user", "subscription").order_by("after", "pk")
    began, sent, messenger = monotonic(), 0, Messenger()
    silent: set[str] = set()
    try:
        for push in due[:PER_PASS]:
            service = _service(push.subscription)
            if service in silent:
                continue
            if monotonic() - began > PASS_S:
                break
            if not _is_wanted(push, now):
                push.delete()
                tally.pushes["dropped"] += 1
            elif _claim(push, now):
                outcome = _send(messenger, push, now)
                tally.pushes[outcome] += 1
                sent += outcome == "sent"
                if outcome == "away":
                    silent.add(service)
                    _postpone(service, now)
    finally:
        messenger.close()
    return sent


def message(notification: Notification) -> dict[str, Any]:
    """What a device is shown: a title, a sentence, and the path of the page that says more. Never more than a locked screen may show.

    A push service keeps it while the device is away, and somebody else may have logged in there meanwhile: she is not shown it.
    """
    with translation.override(notification.user.language):
        title, text = notifications.title(notification), notifications.text(notification)
    return {
        "title": _shortened(title, LONGEST_TITLE),
        "body": _shortened(text, LONGEST_TEXT),
        "url": notification.url if notification.url.startswith("/") and not notification.url.startswith("//") else "",
        "tag": f"news-{notification.pk}",
        "lang": notification.user.language,
        "whose": codes.word_for(notification.user),
    }


def _is_wanted(push: Push, now: datetime) -> bool:
    """Whether there is still sense in it: not too late, tried often enough, read meanwhile, or meant for who has the device no more."""
    notification = push.notification
    in_time = push.until > now and push.attempts < ATTEMPTS
    return in_time and notification.read_at is None and devices.is_of(push.subscription, notification.user, now=now)


def _claim(push: Push, now: datetime) -> bool:
    """Whether this process may send it now: true for exactly one of those that ask. Each attempt doubles the pause.

    Asks of the row alone, so that who waited for another claim looks at the row again and has none.
    """
    mine = Push.objects.filter(pk=push.pk, attempts=push.attempts)
    return mine.update(attempts=F("attempts") + 1, after=now + FIRST_PAUSE * 2**push.attempts) == 1


def _postpone(service: str, now: datetime) -> None:
    """Nothing for a push service that does not answer is due for a while, so that it keeps nobody else's waiting."""
    its = PushSubscription.objects.filter(endpoint__startswith=f"https://{service}/").values("pk")
    Push.objects.filter(after__lte=now, subscription__in=its).update(after=now + FIRST_PAUSE)


def _service(device: PushSubscription) -> str:
    return urlsplit(device.endpoint).netloc


def _send(messenger: Messenger, push: Push, now: datetime) -> str:
    """Send one, note what came of it, and say it in a word."""
    notification, device = push.notification, push.subscription
    try:
        answer = messenger.send(
            device,
            message(notification),
            lives_s=max(0, int((push.until - now).total_seconds())),
            is_urgent=notification.kind in ways.URGENT,
            topic=f"news-{notification.pk}",
        )
    except NotReached as error:
        logger.warning("push service %s not reached: %s", _service(device), error)
        return "away"
    return _note(push, answer)


def _note(push: Push, answer: Answer) -> str:
    device = push.subscription
    if 200 <= answer.status < 300:
        at = timezone.now()
        Notification.objects.filter(pk=push.notification_id, pushed_at=None).update(pushed_at=at)
        PushSubscription.objects.filter(pk=device.pk).update(used_at=at)
        push.delete()
        return "sent"
    if answer.status in GONE:
        device.delete()
        return "gone"
    if answer.status == 429 or answer.status >= 500:
        if answer.retry_after_s is not None:
            Push.objects.filter(pk=push.pk).update(after=timezone.now() + timedelta(seconds=min(answer.retry_after_s, 3600)))
        return "busy"
    logger.warning("push service %s refused a push: %s", _service(device), answer.status)
    push.delete()
    return "refused"


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
