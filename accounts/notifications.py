"""What we tell people: a row in the inbox at once, an e-mail when housekeeping comes by."""

import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from smtplib import SMTPException
from typing import Any, TypeVar

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.template import Context
from django.template.loader import get_template
from django.urls import reverse
from django.utils import timezone, translation

from accounts import devices, ways
from accounts.models import Letter, Notification, Push, User
from chargeshare import sentences

logger = logging.getLogger(__name__)

ATTEMPTS = 6
PER_PASS = 200
READ_KEPT = timedelta(days=90)
KEPT = timedelta(days=365)

SLOT = ("begins_at", "ends_at", "slot")  # moments as ISO 8601 has them; `slot` is what older rows say instead
MEMBERS: dict[str, frozenset[str]] = {
    Notification.Kind.SESSION_STARTED: frozenset({"place", "card"}),
    Notification.Kind.SESSION_FINISHED: frozenset({"place", "energy_wh", "total_minor", "currency", "reason"}),
    Notification.Kind.SESSION_FAILED: frozenset({"place", "reason"}),
    Notification.Kind.SESSION_REVIEW: frozenset({"place", "energy_wh"}),
    Notification.Kind.SESSION_CORRECTED: frozenset({"place", "total_minor", "currency", "reason"}),
    Notification.Kind.CREDIT_LOW: frozenset({"available_minor", "currency"}),
    Notification.Kind.EARNED: frozenset({"place", "energy_wh", "earned_minor", "currency", "reason"}),
    Notification.Kind.UNPAID_ENERGY: frozenset({"place", "energy_wh"}),
    Notification.Kind.TOP_UP_PAID: frozenset({"amount_minor", "balance_minor", "currency"}),
    Notification.Kind.AUTO_TOP_UP_ON: frozenset({"amount_minor", "currency", "consent"}),
    Notification.Kind.AUTO_TOP_UP_ENDED: frozenset({"amount_minor", "currency"}),
    Notification.Kind.DISPUTE_OPENED: frozenset({"place", "amount_minor", "currency"}),
    Notification.Kind.DISPUTE_DECIDED: frozenset({"place", "amount_minor", "currency"}),
    Notification.Kind.REFUND_DONE: frozenset({"amount_minor", "currency"}),
    Notification.Kind.REFUND_FAILED: frozenset({"amount_minor", "currency"}),
    Notification.Kind.CHARGER_ALERT: frozenset({"place", "reason"}),
    Notification.Kind.CARD_PAIRED: frozenset({"card", "place"}),
    Notification.Kind.CARD_USED: frozenset({"card", "place"}),
    Notification.Kind.ACCOUNT_CHANGED: frozenset({"change"}),
    Notification.Kind.PAYOUT_REQUESTED: frozenset({"amount_minor", "currency", "account"}),
    Notification.Kind.PAYOUT_PAID: frozenset({"amount_minor", "currency", "account"}),
    Notification.Kind.PAYOUT_FAILED: frozenset({"amount_minor", "currency", "reason"}),
    Notification.Kind.BANK_ACCOUNT_CHANGED: frozenset({"account"}),
    Notification.Kind.SELLER_DATA_WANTED: frozenset({"days"}),
    Notification.Kind.RESERVATION_BOOKED: frozenset({"place", *SLOT, "guest", "count"}),
    Notification.Kind.RESERVATION_CANCELLED: frozenset({"place", *SLOT, "guest", "count", "by_host", "fee_minor", "currency"}),
    Notification.Kind.RESERVATION_SOON: frozenset({"place", *SLOT}),
    Notification.Kind.RESERVATION_EXPIRED: frozenset(
        {"place", *SLOT, "guest", "count", "unanswered", "by_charger", "fee_minor", "currency"}
    ),
    Notification.Kind.RESERVATION_REQUESTED: frozenset({"place", *SLOT, "guest", "count"}),
    Notification.Kind.RESERVATION_REJECTED: frozenset({"place", *SLOT, "guest", "count"}),
    Notification.Kind.RESERVATION_CHANGED: frozenset({"place", *SLOT, "guest", "count"}),
    Notification.Kind.RESERVATION_TROUBLE: frozenset({"place", *SLOT, "guest", "reason"}),
    Notification.Kind.WAITLIST_OFFERED: frozenset({"place", *SLOT, "until"}),
    Notification.Kind.CIRCLE_INVITED: frozenset({"host", "circle"}),
    Notification.Kind.AREA_CHARGER: frozenset({"place", "area", "offers_more"}),
    Notification.Kind.REVIEW_WRITTEN: frozenset({"place", "guest", "is_open"}),
    Notification.Kind.MESSAGE_RECEIVED: frozenset({"place", "sender"}),
    Notification.Kind.REVIEW_ANSWERED: frozenset({"place", "host"}),
    Notification.Kind.LEDGER_ALERT: frozenset({"count", "first"}),
}
"""What the texts of each kind can say; a caller leaves out what it does not know. Amounts are integers in minor units."""

_P = TypeVar("_P", Notification, Letter)


def notify(user: User, kind: str, *, url: str = "", **context: Any) -> Notification:
    """Tell a person something. `url` is the path of the page that says more; `context` holds words and numbers (see MEMBERS)."""
    return sentences.insert(news(user, kind, url=url, **context))


def news(user: User, kind: str, *, url: str = "", **context: Any) -> Notification:
    """The same, for `tell` to tell it together with others."""
    return Notification(user=user, kind=kind, url=url, context=context)


def tell(together: Sequence[Notification]) -> None:
    """Tell several people what happened to all of them at once, by one statement."""
    sentences.insert_all(together)


def title(notification: Notification) -> str:
    """One line that says what happened, in the language that is active: an inbox row, the subject of an e-mail."""
    return " ".join(_render(notification, "_subject.txt").split())


def text(notification: Notification) -> str:
    """The sentence or two under the title."""
    return " ".join(_render(notification, ".txt").split())


def mark_read(user: User, *, now: datetime, ids: list[int] | None = None) -> int:
    """Note that a person has seen these notifications, or all of hers."""
    unread = Notification.objects.filter(user=user, read_at=None)
    return (unread if ids is None else unread.filter(pk__in=ids)).update(read_at=now)


def write(to: str, *, subject: str, body: str, html: str = "") -> Letter:
    """Keep a letter about an account, to be posted."""
    return Letter.objects.create(to=to, subject=" ".join(subject.split())[:200], text=body, html=html)


def post(letter: Letter) -> None:
    """Post a letter at once, for somebody sits and waits for it. If the mail server is away, housekeeping tries again."""
    if _claim(letter, timezone.now()):
        try:
            _letter_message(letter).send()
        except (SMTPException, OSError) as error:
            logger.warning("letter %s not posted: %s", letter.pk, error)
        else:
            letter.delete()


def decide(*, now: datetime) -> int:
    """Decide for what is new by which ways it goes, and when; say for how many. Any number of processes may do this at once.

    It is decided here and not where something happened: settling a session should not ask who wants to be told how. Each row is
    decided once, in the transaction that makes its pushes, so nobody is told twice.
    """
    if not Notification.objects.filter(decided_at=None).exists():
        return 0  # on SQLite a transaction waits for who writes
    with transaction.atomic():
        rows = list(Notification.objects.filter(decided_at=None).select_for_update(skip_locked=True).order_by("pk")[:PER_PASS])
        wishes, hers = ways.of_all(row.user_id for row in rows), devices.of(row.user_id for row in rows)
        pushes = []
        for row in rows:
            wish = wishes.get(row.user_id, ways.Wishes())
            begins = (None if row.kind in ways.URGENT else wish.quiet_until(now)) or now
            row.decided_at, row.is_emailed = now, wish.by_email(row.kind)
            row.email_after = begins if begins > now else None
            if wish.by_push(row.kind):
                until = begins + ways.LIFETIMES.get(row.kind, ways.A_DAY)
                pushes += [Push(notification=row, subscription=device, after=begins, until=until) for device in hers.get(row.user_id, ())]
        Notification.objects.bulk_update(rows, ["decided_at", "is_emailed", "email_after"])
        Push.objects.bulk_create(pushes)
    return len(rows)


def send_unsent(*, now: datetime) -> int:
    """Post the e-mails that are due and say how many went out. Any number of processes may do this at once."""
    while decide(now=now) == PER_PASS:
        pass
    sent = 0
    for letter in _post_due(Letter.objects.all(), _letter_message, now):
        letter.delete()
        sent += 1
    decided = Notification.objects.filter(user__is_active=True, decided_at__isnull=False, is_emailed=True)
    for notification in _post_due(decided, _notification_message, now):
        Notification.objects.filter(pk=notification.pk).update(emailed_at=timezone.now())
        sent += 1
    return sent


def prune(*, now: datetime) -> int:
    """Forget what was read months ago, what is a year old, and letters that could not be posted."""
    old = Q(created_at__lt=now - KEPT) | Q(read_at__lt=now - READ_KEPT)
    return Notification.objects.filter(old).delete()[0] + Letter.objects.filter(created_at__lt=now - timedelta(days=1)).delete()[0]


def _post_due(rows: QuerySet[_P], message: Callable[[_P], EmailMultiAlternatives], now: datetime) -> Iterator[_P]:
    """Claim and post row after row; yield those that went out. Stops, and costs no attempt, where no mail server is to be had."""
    due = rows.filter(Q(email_after=None) | Q(email_after__lte=now), emailed_at=None, email_attempts__lt=ATTEMPTS)
    connection = None
    for row in due.order_by("pk")[:PER_PASS]:
        if connection is None:
            connection = get_connection()
            try:
                connection.open()
            except (SMTPException, OSError) as error:
                logger.warning("mail server not reachable: %s", error)
                return
        if not _claim(row, now):
            continue
        email = message(row)
        email.connection = connection
        try:
            email.send()
        except (SMTPException, OSError) as error:
            logger.warning("%s %s not posted: %s", type(row).__name__, row.pk, error)
            connection.close()
            connection = None
        else:
            yield row
    if connection is not None:
        connection.close()


def _claim(row: _P, now: datetime) -> bool:
    """Whether this process may post the row now: true for exactly one of those that ask. Each attempt doubles the pause.

    Asks of the row alone: a condition on another table would become a subquery, which PostgreSQL does not read again once the other
    claim is committed, and both would have it.
    """
    pause = timedelta(minutes=5 * 2**row.email_attempts)
    mine = type(row).objects.filter(pk=row.pk, emailed_at=None, email_attempts=row.email_attempts)
    return mine.update(email_attempts=F("email_attempts") + 1, email_after=now + pause) == 1


def _letter_message(letter: Letter) -> EmailMultiAlternatives:
    return _message(letter.to, letter.subject, letter.text, letter.html)


def _notification_message(notification: Notification) -> EmailMultiAlternatives:
    with translation.override(notification.user.language):
        words = {"title": title(notification), "text": text(notification), "settings_url": _settings_url(notification)}
        context = {**_context(notification), **words}
        body = _plain("emails/_frame.txt", context)
        html = get_template(f"emails/{notification.kind}.html").render(context)
    return _message(notification.user.contact, context["title"], body, html, settings_url=context["settings_url"])


def _message(to: str, subject: str, body: str, html: str, *, settings_url: str = "") -> EmailMultiAlternatives:
    headers = {"Auto-Submitted": "auto-generated"}
    if settings_url:
        headers["List-Unsubscribe"] = f"<{settings_url}>"
    message = EmailMultiAlternatives(" ".join(subject.split()), body, settings.DEFAULT_FROM_EMAIL, [to], headers=headers)
    if html:
        message.attach_alternative(html, "text/html")
    return message


def _context(notification: Notification) -> dict[str, Any]:
    url = settings.PUBLIC_URL + notification.url if notification.url else ""
    unsaid = {name: None if name.endswith(("_wh", "_minor")) else "" for name in MEMBERS[notification.kind]}
    return {**unsaid, **notification.context, "url": url, "public_url": settings.PUBLIC_URL}


def _settings_url(notification: Notification) -> str:
    """Where one chooses not to get such e-mails; empty where there is no choice, or nobody who could log in to make it."""
    if notification.kind in ways.ALWAYS_BY_EMAIL or notification.user.is_guest:
        return ""
    return settings.PUBLIC_URL + reverse("accounts:inbox_settings")


def _render(notification: Notification, ending: str) -> str:
    return _plain(f"emails/{notification.kind}{ending}", _context(notification))


def _plain(name: str, context: dict[str, Any]) -> str:
    """Render plain text, where an ampersand is an ampersand."""
    template: Any = get_template(name)
    return str(template.template.render(Context(context, autoescape=False)))
