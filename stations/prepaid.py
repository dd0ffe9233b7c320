"""Charging without stored credit: one payment, one session, and what it did not use goes back at once.

So charge guests, who have no account and get one that lives as long as their visit, and everybody where wallets are
switched off. The payment is a top-up like any other, so everything that guards those guards these.
"""

import contextlib
import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override

from accounts import closing, notifications, registration
from accounts.models import User
from billing import ledger, money, receipts, refunds, settlement, top_ups
from billing.ledger import CreditTooLow
from billing.models import TopUp
from chargeshare.errors import DomainError, Invalid
from stations import authorization, sessions
from stations.models import ChargingSession, Connector, PrepaidStart

logger = logging.getLogger(__name__)
Status = PrepaidStart.Status

LEAST_MINOR, MOST_MINOR = 10_000, 100_000
STARTED_WITHIN = timedelta(hours=2)  # whoever pays later than that has driven on
PER_PASS = 100
CLAIMED_FOR = timedelta(minutes=5)
GUESTS_KEPT = timedelta(days=21)  # while a receipt can be disputed and decided


class WalletInUse(DomainError):
    """Here credit is topped up, not paid for each visit."""

    code = "wallet_in_use"
    message = gettext_lazy("Top up your wallet to charge here.")


def begin(driver: User, connector: Connector, amount_minor: int, *, instrument: str = "") -> PrepaidStart:
    """Begin a payment for one visit, by the way she picked. What would stop the start afterwards stops it here, before anybody pays."""
    if settings.WALLET_ENABLED and not driver.is_guest:
        raise WalletInUse
    if not LEAST_MINOR <= amount_minor <= MOST_MINOR:
        least, most = (money.fmt(limit, settings.CURRENCY, decimals=0) for limit in (LEAST_MINOR, MOST_MINOR))
        raise Invalid(fields={"amount": [_("Between %(least)s and %(most)s.") % {"least": least, "most": most}]})
    with contextlib.suppress(CreditTooLow):  # that is what the payment is for
        authorization.check_driver(driver, connector)
    start: PrepaidStart = PrepaidStart.objects.create(driver=driver, connector=connector, amount_minor=amount_minor)
    start.top_up = top_ups.begin(driver, amount_minor, return_path=start.get_absolute_url(), is_prepayment=True, instrument=instrument)
    start.save(update_fields=["top_up"])
    return start


def guest(email: str, language: str) -> User:
    """An account for one visit: without a password, known by the address its receipt goes to."""
    return registration.register_guest(email, language=language)


def follow(start: PrepaidStart, *, now: datetime) -> PrepaidStart:
    """Take the next step, if its time has come: start what is paid, return what is over. Any number of calls take it once."""
    moved = _step(start.pk, now)
    if moved.status in (Status.DONE, Status.FAILED) and moved.returned_at is None:
        _return_the_rest(moved, now)
    return moved


@ledger.retried
@transaction.atomic
def _step(pk: int, now: datetime) -> PrepaidStart:
    locked = PrepaidStart.objects.select_for_update(of=("self",)).select_related("driver", "connector__charge_point").get(pk=pk)
    if locked.status == Status.WAITING:
        _start_if_paid(locked, now)
    elif locked.status == Status.STARTED and locked.session is not None and _is_over(locked.session):
        locked.status = Status.DONE
        locked.save(update_fields=["status"])
    elif locked.status == Status.CANCELLED and locked.top_up is not None and locked.top_up.paid_at is not None:
        # Paid after the gateway had said that it would not be: nothing starts any more, and the money goes back.
        locked.status, locked.returned_at = Status.FAILED, None
        locked.save(update_fields=["status", "returned_at"])
    return locked


def pursue(*, now: datetime) -> int:
    """Follow every visit whose next step is due, and finish what a process left behind that died in between."""
    given_up = Q(top_up__status=TopUp.Status.CLOSED) | Q(top_up=None, created_at__lt=now - STARTED_WITHIN)
    due = (
        (Q(status=Status.WAITING) & (Q(top_up__paid_at__isnull=False) | given_up))
        | Q(status=Status.STARTED, session__status__in=[ChargingSession.Status.COMPLETED, ChargingSession.Status.INVALID])
        | Q(status__in=[Status.DONE, Status.FAILED], returned_at=None)
        | Q(status=Status.CANCELLED, top_up__paid_at__isnull=False)
    )
    moved = list(PrepaidStart.objects.filter(due).order_by("pk")[:PER_PASS])
    return sum(follow(start, now=now).status != start.status for start in moved)


def forget_guests(*, now: datetime) -> int:
    """Close the accounts of guests who are long gone: what they paid stays in the books, without a name."""
    gone = User.objects.exclude(guest_email="").filter(closed_at=None, date_joined__lt=now - GUESTS_KEPT)
    forgotten = 0
    for user in gone.order_by("pk")[:PER_PASS]:
        try:
            closing.close_account(user)
        except DomainError as obstacle:
            logger.warning("guest account %s not closed yet: %s", user.pk, obstacle.message)
        else:
            forgotten += 1
    return forgotten


def _start_if_paid(start: PrepaidStart, now: datetime) -> None:
    top_up = start.top_up
    if top_up is None or top_up.status == TopUp.Status.CLOSED:
        if top_up is not None or start.created_at < now - STARTED_WITHIN:
            start.status, start.returned_at = Status.CANCELLED, now
            start.save(update_fields=["status", "returned_at"])
        return
    if top_up.paid_at is None:
        return
    try:
        if start.created_at < now - STARTED_WITHIN:
            raise sessions.SessionTooSmall(_("The payment came too late to start. The money goes back."))
        with transaction.atomic():
            start.session = sessions.request_start(
                driver=start.driver,
                connector=start.connector,
                origin=ChargingSession.Origin.QR,
                max_amount_minor=start.amount_minor,
            )
        start.status = Status.STARTED
    except DomainError as refusal:
        start.status = Status.FAILED
        with override(start.driver.language):
            start.note = str(refusal.message)[:200]
    start.save(update_fields=["status", "session", "note"])


def _is_over(session: ChargingSession) -> bool:
    """Whether nothing more will be charged for it soon: ended and decided, or never begun."""
    return session.has_ended and session.status != ChargingSession.Status.REVIEW


def _return_the_rest(start: PrepaidStart, now: datetime) -> None:
    """Send back what was not used, once: who claims the row does it, and where it died, the next one after some minutes."""
    mine = PrepaidStart.objects.filter(Q(returning_at=None) | Q(returning_at__lt=now - CLAIMED_FOR), pk=start.pk, returned_at=None)
    if not mine.update(returning_at=now):
        return
    spent_minor = settlement.spent_minor(start.session.code) if start.session is not None else 0
    top_up = start.top_up
    if top_up is not None and start.amount_minor > spent_minor and not top_up.refunds.filter(is_external=False).exists():
        try:
            refunds.request(start.driver, start.amount_minor - spent_minor, only=top_up)
        except (Invalid, refunds.NothingToReturn) as obstacle:
            logger.error("prepaid start %s: the rest could not be returned: %s", start.code, obstacle.message)
    with transaction.atomic():  # who dies in between has written to nobody, and the next one does
        if PrepaidStart.objects.filter(pk=start.pk, returned_at=None).update(returned_at=now) and start.driver.is_guest:
            _write_to_guest(start, spent_minor)


def _write_to_guest(start: PrepaidStart, spent_minor: int) -> None:
    """A guest has no inbox: the receipt goes to the address she gave."""
    driver, place = start.driver, start.connector.charge_point.name
    rest = money.fmt(start.amount_minor - spent_minor, settings.CURRENCY, language=driver.language)
    cdr = start.session.cdr if start.session is not None else None
    with override(driver.language):
        if cdr is None:
            subject = _("Charging did not start: %(place)s") % {"place": place}
            body = _("%(note)s\n\nThe whole payment of %(rest)s goes back to the card or the account you paid with.") % {
                "note": start.note or (start.session.note if start.session else ""),
                "rest": rest,
            }
        else:
            subject = _("Receipt %(number)s: %(place)s") % {"number": cdr.number, "place": place}
            body = _(
                "You charged %(energy)s for %(total)s.\n"
                "The rest of your payment, %(rest)s, goes back to the card or the account you paid with.\n\n"
                "Receipt as PDF: %(link)s"
            ) % {
                "energy": receipts.meter(cdr.energy_wh),
                "total": money.fmt(spent_minor, cdr.currency),
                "rest": rest,
                "link": receipts.public_pdf_url(cdr),
            }
    notifications.write(driver.contact, subject=subject, body=body)


def now_follow(start: PrepaidStart) -> PrepaidStart:
    """Ask the gateway about a payment that is awaited, and take the step that follows."""
    if start.status == Status.WAITING and start.top_up is not None and start.top_up.gateway_id is not None:
        top_ups.refresh(start.top_up.gateway_id, budget_s=top_ups.PAGE_PATIENCE_S)
    return follow(start, now=timezone.now())
