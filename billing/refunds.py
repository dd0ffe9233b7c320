"""Money back to where it came from: out of the wallet first, then to the gateway, and booked by what the gateway says of it.

What is asked for leaves the wallet at once and waits in transit, so it can be neither spent nor asked for twice. Where
the gateway's answer is lost nothing is repeated until its own list of refunds has shown that it knows of none.
"""

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q, QuerySet, Sum
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import notifications
from accounts.models import Notification, User
from billing import ledger, money
from billing.gateway import GatewayAwayError, GatewayError, Payment, PaymentState, RefundSaid, get_gateway
from billing.ledger import Kind
from billing.models import Refund, TopUp
from chargeshare.errors import DomainError, Invalid

logger = logging.getLogger(__name__)
Status = Refund.Status

OPEN = (Status.REQUESTED, Status.SENT)
LOST_AFTER = timedelta(minutes=5)  # what the gateway's list does not show by then, it never took
FIRST_LOOK = timedelta(seconds=30)
LOOK_EVERY = timedelta(hours=1)
TRIES = 3
PER_PASS = 50


class NothingToReturn(DomainError):
    """No payment is left that the money could go back to."""

    code = "nothing_to_return"
    message = gettext_lazy("No payment of yours is left to which money could be returned.")


def returnable_minor(user: User) -> int:
    """How much of a wallet can go back: own money that is neither held nor owed, as far as payments are left for it."""
    purse = ledger.wallet(user)
    return min(_own_minor(purse), sum(rest_minor for _top_up, rest_minor in _rests(_paid_by(user))))


@ledger.retried
def request(user: User, amount_minor: int | None = None, *, asked_by: User | None = None, only: TopUp | None = None) -> list[Refund]:
    """Return own money, all of it or so much, to the payments it came from, the newest first; or to one of them alone.

    Each payment that takes part makes a refund of its own; they are sent when this has been committed.
    """
    with transaction.atomic(durable=True):
        paid = _paid_by(user) if only is None else _paid_by(user).filter(pk=only.pk)
        top_ups = paid.select_for_update().order_by("pk")
        rests = _rests(sorted(top_ups, key=lambda top_up: -top_up.pk))
        purse = ledger.lock_wallet(user)
        most_minor = min(_own_minor(purse), sum(rest_minor for _top_up, rest_minor in rests))
        if purse.debt_minor < 0 or most_minor <= 0:
            raise NothingToReturn
        wanted_minor = most_minor if amount_minor is None else amount_minor
        if not 1 <= wanted_minor <= most_minor:
            problem = _("You can have up to %(most)s returned.") % {"most": money.fmt(most_minor, purse.currency)}
            raise Invalid(problem, fields={"amount": [problem]})
        made = []
        for top_up, rest_minor in rests:
            part_minor = min(rest_minor, wanted_minor)
            if part_minor > 0:
                made.append(_take(top_up, part_minor, asked_by or user))
                wanted_minor -= part_minor
    for refund in made:
        send(refund)
    return made


def of(user: User) -> QuerySet[Refund]:
    """A person's refunds, newest first."""
    return Refund.objects.filter(top_up__user_id=user.pk).select_related("top_up")


def send(refund: Refund, *, now: datetime | None = None) -> None:
    """Ask the gateway, once: whoever counts the row as asked is the one who asks."""
    now = now or timezone.now()
    mine = Refund.objects.filter(pk=refund.pk, status=Status.REQUESTED, sent_at=None)
    if not mine.update(sent_at=now, tries=F("tries") + 1):
        return
    top_up = refund.top_up
    TopUp.objects.filter(pk=top_up.pk).update(refresh_at=now + FIRST_LOOK)
    this = Refund.objects.filter(pk=refund.pk, status=Status.REQUESTED)
    try:
        answer = get_gateway(top_up.gateway).refund_payment(str(top_up.gateway_id), refund.amount_minor)
    except GatewayAwayError as error:
        logger.warning("refund %s: its outcome is unknown: %s", refund.code, error)
        return
    except GatewayError as error:
        logger.error("refund %s refused: %s", refund.code, error)
        give_up(refund.pk)
        return
    if answer.is_failed:
        give_up(refund.pk)
    else:
        this.update(status=Status.SENT, gateway_refund_id=answer.id[:40])


def follow(top_up: TopUp, payment: Payment, asked_at: datetime) -> None:
    """Book what the gateway says has gone back, our own refunds first; the rest somebody made at the gateway itself.

    The caller holds the lock of the top-up and saves it.
    """
    refunded_minor = top_up.amount_minor if payment.state == PaymentState.REFUNDED else min(payment.refunded_minor, top_up.amount_minor)
    fresh_minor = refunded_minor - top_up.refunded_minor
    strangers = _not_ours_yet(top_up, payment)
    failed = {said.id for said in payment.refunds if said.is_failed}
    for refund in Refund.objects.filter(top_up=top_up, status__in=OPEN, sent_at__isnull=False).order_by("number"):
        if not refund.gateway_refund_id:
            _adopt(refund, strangers)
        if refund.gateway_refund_id in failed:
            give_up(refund.pk)
        elif refund.amount_minor <= fresh_minor:
            fresh_minor -= refund.amount_minor
            _finish(top_up, refund, asked_at)
        elif not refund.gateway_refund_id and refund.sent_at is not None and refund.sent_at < asked_at - LOST_AFTER:
            _ask_anew(refund)
    if fresh_minor > 0:
        _book_external(top_up, fresh_minor, asked_at)


def are_open(top_up: TopUp) -> bool:
    """Whether the gateway has to be asked about refunds of this payment."""
    return Refund.objects.filter(top_up=top_up, status__in=OPEN).exists()


def send_unsent(*, now: datetime) -> int:
    """Send what a process left behind that died before it could ask."""
    unsent = Refund.objects.filter(status=Status.REQUESTED, sent_at=None, created_at__lt=now - FIRST_LOOK).select_related("top_up")
    due = list(unsent.order_by("pk")[:PER_PASS])
    for refund in due:
        send(refund, now=now)
    return len(due)


@ledger.retried
@transaction.atomic
def give_up(pk: int) -> None:
    """The gateway will not return it: the money is back in the wallet, and the person and staff hear of it."""
    refund = Refund.objects.select_for_update(of=("self",)).select_related("top_up__user").get(pk=pk)
    if not refund.is_open:
        return
    user = refund.top_up.user
    ledger.post(
        key=f"{refund.key}:failed",
        kind="refund_failed",
        entries=[
            (ledger.platform_account(Kind.REFUND_TRANSIT), -refund.amount_minor),
            (ledger.account(user, Kind.CASH), refund.amount_minor),
        ],
        note=get_gateway(refund.top_up.gateway).label,
    )
    Refund.objects.filter(pk=pk).update(status=Status.FAILED, done_at=timezone.now())
    context = {"amount_minor": refund.amount_minor, "currency": refund.top_up.currency}
    notifications.notify(user, Notification.Kind.REFUND_FAILED, url=reverse("billing:wallet"), **context)
    logger.error("refund %s of %s failed: pay it out by bank transfer", refund.code, refund.amount_minor)


def _take(top_up: TopUp, amount_minor: int, asked_by: User) -> Refund:
    refund: Refund = Refund.objects.create(top_up=top_up, number=_next_number(top_up), amount_minor=amount_minor, asked_by=asked_by)
    ledger.post(
        key=refund.key,
        kind="refund",
        entries=[
            (ledger.account(top_up.user, Kind.CASH), -amount_minor),
            (ledger.platform_account(Kind.REFUND_TRANSIT), amount_minor),
        ],
        note=get_gateway(top_up.gateway).label,
        url=top_up.get_absolute_url(),
    )
    return refund


def _finish(top_up: TopUp, refund: Refund, now: datetime) -> None:
    ledger.post(
        key=f"{refund.key}:done",
        kind="refund_done",
        entries=[
            (ledger.platform_account(Kind.REFUND_TRANSIT), -refund.amount_minor),
            (ledger.platform_account(Kind.GATEWAY_CLEARING), refund.amount_minor),
        ],
        note=get_gateway(top_up.gateway).label,
    )
    Refund.objects.filter(pk=refund.pk).update(status=Status.DONE, done_at=now)
    top_up.refunded_minor += refund.amount_minor
    top_up.status = TopUp.Status.REFUNDED
    context = {"amount_minor": refund.amount_minor, "currency": top_up.currency}
    notifications.notify(top_up.user, Notification.Kind.REFUND_DONE, url=reverse("billing:wallet"), **context)


def _not_ours_yet(top_up: TopUp, payment: Payment) -> list[RefundSaid]:
    known = set(Refund.objects.filter(top_up=top_up).exclude(gateway_refund_id="").values_list("gateway_refund_id", flat=True))
    return [said for said in payment.refunds if said.id not in known]


def _adopt(refund: Refund, strangers: list[RefundSaid]) -> None:
    """The answer to our question was lost, the refund was not: the gateway's list has one of that amount that nobody else made."""
    for said in strangers:
        if said.amount_minor == refund.amount_minor:
            strangers.remove(said)
            refund.gateway_refund_id, refund.status = said.id[:40], Status.SENT
            refund.save(update_fields=["gateway_refund_id", "status"])
            return


def _ask_anew(refund: Refund) -> None:
    """The gateway's own list has not got it: what we asked never arrived, and may be asked again."""
    if refund.tries >= TRIES:
        give_up(refund.pk)
    else:
        Refund.objects.filter(pk=refund.pk, status=Status.REQUESTED).update(sent_at=None)


def _book_external(top_up: TopUp, amount_minor: int, now: datetime) -> None:
    """Money that is gone, even where it has been spent here already."""
    refund = Refund.objects.create(
        top_up=top_up, number=_next_number(top_up), amount_minor=amount_minor, is_external=True, status=Status.DONE, done_at=now
    )
    ledger.post(
        key=refund.key,
        kind="refund",
        entries=[
            (ledger.platform_account(Kind.GATEWAY_CLEARING), amount_minor),
            (ledger.account(top_up.user, Kind.CASH), -amount_minor),
        ],
        note=get_gateway(top_up.gateway).label,
        url=top_up.get_absolute_url(),
    )
    top_up.refunded_minor += amount_minor
    top_up.status = TopUp.Status.REFUNDED


def _next_number(top_up: TopUp) -> int:
    return Refund.objects.filter(top_up=top_up).count() + 1


def _own_minor(purse: ledger.Wallet) -> int:
    return max(0, min(purse.cash_minor, purse.available_minor))


def _paid_by(user: User) -> QuerySet[TopUp]:
    return TopUp.objects.filter(user_id=user.pk, paid_at__isnull=False, gateway_id__isnull=False).order_by("-pk")


def _rests(top_ups: QuerySet[TopUp] | list[TopUp]) -> list[tuple[TopUp, int]]:
    """What of each payment has neither gone back nor is on its way."""
    chosen = list(top_ups)
    open_minor = dict(
        Refund.objects.filter(Q(top_up__in=chosen), status__in=OPEN).order_by().values_list("top_up_id").annotate(sum=Sum("amount_minor"))
    )
    rests = [(top_up, top_up.amount_minor - top_up.refunded_minor - open_minor.get(top_up.pk, 0)) for top_up in chosen]
    return [(top_up, rest_minor) for top_up, rest_minor in rests if rest_minor > 0]
