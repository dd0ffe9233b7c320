"""Money on its way into a wallet: begun here, paid at the gateway, credited once when the gateway says so.

A notification and a returning browser are nudges and prove nothing; what counts is what the gateway answers when asked.
"""

import logging
import uuid
from dataclasses import replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from accounts import notifications
from accounts.models import Notification, User
from billing import auto_top_ups, instruments, ledger, money, refunds
from billing.gateway import Gateway, GatewayAwayError, GatewayError, Payment, PaymentRequest, PaymentState, get_gateway
from billing.ledger import Kind
from billing.models import AutoTopUp, TopUp
from chargeshare.errors import DomainError, Invalid

logger = logging.getLogger(__name__)
Status = TopUp.Status

REST = timedelta(seconds=5)  # between two questions about one payment, however many nudges come
COUNTED = timedelta(minutes=10)
FORGOTTEN_AFTER = timedelta(days=1)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SCHEDULE = (
    *(timedelta(seconds=seconds) for seconds in (10, 20, 40)),
    *(2 * MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR),
    *(hours * HOUR for hours in (6, 12, 18, 24)),
    *(days * DAY for days in range(2, 8)),
)
SCHEDULE_ONCE_PAID = tuple(offset for offset in SCHEDULE if offset > HOUR)  # only a refund can still come
PER_PASS = 100
PATIENCE_S = 5.0  # of a notification that waits for the gateway
PAGE_PATIENCE_S = 1.5  # of a person who does; what the gateway says later shows by itself
FAILURES_PER_PASS = 3


class GatewayUnavailable(DomainError):
    """The gateway did not take the payment; the wallet and the card are as they were."""

    code = "gateway_unavailable"
    status = 503
    message = gettext_lazy("The payment gateway is not answering. No payment was started and nothing left your card.")


class TooManyTopUps(DomainError):
    """A loop, or somebody who tries out cards."""

    code = "too_many_top_ups"
    status = 429
    message = gettext_lazy("Too many top-ups in a short time. Nothing was charged; try again in ten minutes.")


class NotDue(Exception):
    """An automatic payment that another process has begun, or that was called off, since this one looked."""


class WalletDisabled(DomainError):
    """This installation takes no money in advance."""

    code = "wallet_disabled"
    message = gettext_lazy("Topping up is switched off here.")


def begin(
    user: User,
    amount_minor: int,
    *,
    plan: AutoTopUp | None = None,
    return_path: str = "",
    is_prepayment: bool = False,
    instrument: str = "",
) -> TopUp:
    """Write down the wish, commit, and only then ask the gateway; the answer has the address to which the browser goes.

    Where the gateway's answer is lost, the row stays as it is: another try is another order, and an order that nobody
    can reach runs out by itself. With a plan it is the first payment of a standing order. A prepayment is for one session
    and taken where wallets are switched off, too; its browser comes back to a page of its own. `instrument` is how she wants to pay.
    """
    if not (settings.WALLET_ENABLED or is_prepayment):
        raise WalletDisabled
    gateway = get_gateway()
    top_up = _open(user, amount_minor, gateway, plan)
    request = _request(top_up, return_path)
    if plan is not None:
        request = replace(request, may_recur_until=(timezone.now() + auto_top_ups.RUNS_FOR).date())
    if picked := instruments.chosen(instrument):
        request = replace(request, instrument=picked, instruments=tuple(one.code for one in instruments.enabled()))
    try:
        payment = gateway.create_payment(request)
    except GatewayError as error:
        logger.warning("top-up %s not begun: %s", top_up.code, error)
        raise GatewayUnavailable from error
    return _begun(top_up, payment)


def top_up_automatically(*, now: datetime) -> int:
    """Charge the saved cards of those whose wallets have run low. Who does is told like of any other top-up."""
    plans = auto_top_ups.due(now=now) if settings.WALLET_ENABLED else []
    for plan in plans:
        try:
            top_up = _open(plan.user, plan.amount_minor, get_gateway(plan.gateway), plan, due_at=now)
        except NotDue:
            continue
        except DomainError as refusal:
            logger.info("automatic top-up %s not begun: %s", plan.pk, refusal.message)
            continue
        try:
            payment = get_gateway(plan.gateway).repeat_payment(plan.gateway_id, _request(top_up))
        except GatewayError as error:
            # Nobody knows whether a card was charged in silence: staff look it up before it is charged again.
            top_up.status = Status.REVIEW if isinstance(error, GatewayAwayError) else Status.CLOSED
            with transaction.atomic():
                top_up.save(update_fields=["status"])
                auto_top_ups.failed(plan, now)
            logger.error("automatic top-up %s is now %s: %s", top_up.code, top_up.status, error)
            continue
        _begun(top_up, payment)
        refresh(payment.gateway_id, now=now)
    return len(plans)


def _request(top_up: TopUp, return_path: str = "") -> PaymentRequest:
    return PaymentRequest(
        order_number=top_up.order_number,
        amount_minor=top_up.amount_minor,
        currency=top_up.currency,
        description=_("Charging at ChargeShare") if return_path else _("ChargeShare wallet top-up"),
        email=top_up.user.contact,
        language=get_language() or settings.LANGUAGE_CODE,
        return_url=settings.PUBLIC_URL + (return_path or top_up.get_absolute_url()),
        notification_url=settings.PUBLIC_URL + reverse("billing:gopay_notification"),
    )


def _begun(top_up: TopUp, payment: Payment) -> TopUp:
    top_up.status, top_up.gateway_state = Status.PENDING, payment.state
    top_up.gateway_id, top_up.gateway_url = payment.gateway_id, payment.url
    top_up.refresh_at = top_up.created_at + SCHEDULE[0]
    top_up.save(update_fields=["status", "gateway_state", "gateway_id", "gateway_url", "refresh_at"])
    return top_up


@ledger.retried
@transaction.atomic(durable=True)
def _open(user: User, amount_minor: int, gateway: Gateway, plan: AutoTopUp | None, *, due_at: datetime | None = None) -> TopUp:
    purse = ledger.lock_wallet(user)
    if due_at is not None and plan is not None and not auto_top_ups.is_due(plan, now=due_at):
        raise NotDue
    _check_amount(amount_minor, purse)
    recent = TopUp.objects.filter(user_id=user.pk, created_at__gt=timezone.now() - COUNTED)
    if recent.count() >= settings.LIMIT_TOP_UPS:
        raise TooManyTopUps
    code = uuid.uuid4()
    return TopUp.objects.create(
        code=code,
        user_id=user.pk,
        amount_minor=amount_minor,
        currency=purse.currency,
        gateway=gateway.name,
        plan=plan,
        order_number=f"{code}-1",
    )


def room_minor(purse: ledger.Wallet) -> int:
    """How much may be added: up to the limit of own money, after a debt has been paid."""
    return max(0, settings.WALLET_LIMIT_MINOR - purse.cash_minor - min(0, purse.debt_minor))


def _check_amount(amount_minor: int, purse: ledger.Wallet) -> None:
    least_minor = max(1, settings.TOP_UP_MINIMUM_MINOR)
    problem = ""
    if amount_minor < least_minor:
        problem = _("The least you can top up is %(least)s.") % {"least": money.fmt(least_minor, purse.currency)}
    elif amount_minor > room_minor(purse):
        problem = _("A wallet holds up to %(most)s of your own money, so you can add at most %(room)s.") % {
            "most": money.fmt(settings.WALLET_LIMIT_MINOR, purse.currency, decimals=0),
            "room": money.fmt(room_minor(purse), purse.currency),
        }
    if problem:
        raise Invalid(problem, fields={"amount": [problem]})


def refresh(gateway_id: str, *, now: datetime | None = None, budget_s: float | None = None) -> TopUp | None:
    """Ask the gateway how a payment stands and credit it if it has been paid; None for a payment that is not ours.

    Safe to call any number of times: from the gateway's notification, from the returning browser, from housekeeping.
    Asked again within five seconds, or while the gateway is away, it leaves a mark, and housekeeping asks.
    """
    top_up = TopUp.objects.filter(gateway_id=gateway_id).first()
    if top_up is not None:
        try:
            _refresh(top_up, now or timezone.now(), budget_s)
        except GatewayAwayError as error:
            logger.warning("top-up %s not refreshed: %s", top_up.code, error)
        top_up.refresh_from_db()
    return top_up


def _refresh(top_up: TopUp, now: datetime, budget_s: float | None) -> None:
    this = TopUp.objects.filter(pk=top_up.pk)
    if not this.filter(Q(refreshed_at=None) | Q(refreshed_at__lte=now - REST)).update(refreshed_at=now):
        rested = F("refreshed_at") + REST
        this.filter(Q(refresh_at=None) | Q(refresh_at__gt=rested)).update(refresh_at=rested)
        return
    try:
        gateway, with_refunds = get_gateway(top_up.gateway), refunds.are_open(top_up)
        payment = gateway.fetch_payment(str(top_up.gateway_id), with_refunds=with_refunds, budget_s=budget_s)
    except GatewayAwayError:
        this.update(refresh_at=now + REST)
        raise
    except GatewayError as error:
        logger.error("top-up %s: %s", top_up.code, error)
        this.update(refresh_at=_next_question(top_up, now))
        return
    _apply(top_up.pk, payment, now)


@ledger.retried
@transaction.atomic
def _apply(pk: int, payment: Payment, asked_at: datetime) -> None:
    """Let the table follow what the gateway says now, in whatever order it was said."""
    top_up = TopUp.objects.select_for_update().get(pk=pk)
    if top_up.refresh_at is None or top_up.refresh_at <= asked_at:  # else a nudge came while we asked: it stays
        top_up.refresh_at = _next_question(top_up, asked_at)
    problem = _mismatch(top_up, payment)
    top_up.gateway_state = payment.state[:40]
    if problem:
        logger.error("top-up %s does not match its payment: %s", top_up.code, problem)
        if top_up.paid_at is None:
            top_up.status = Status.REVIEW
    elif top_up.status == Status.REVIEW:
        logger.error("top-up %s is under review, the gateway says %s", top_up.code, payment.state)
    elif payment.state in PaymentState.WAS_PAID:
        if top_up.paid_at is None:
            _credit(top_up, asked_at)
        refunds.follow(top_up, payment, asked_at)
    elif top_up.paid_at is not None or payment.state not in PaymentState.WAITING | PaymentState.OVER:
        logger.error("top-up %s is %s, the gateway says %s", top_up.code, top_up.status, payment.state)
    elif payment.state in PaymentState.OVER:
        is_news = top_up.status != Status.CLOSED
        top_up.status = Status.CLOSED
        if is_news and top_up.plan is not None:
            auto_top_ups.follow(top_up.plan, top_up, asked_at)
    top_up.save()


def _mismatch(top_up: TopUp, payment: Payment) -> str:
    expected = {
        "gateway_id": top_up.gateway_id,
        "order_number": top_up.order_number,
        "amount_minor": top_up.amount_minor,
        "currency": top_up.currency,
        "shop": get_gateway(top_up.gateway).shop,
    }
    differing = [f"{name} {getattr(payment, name)!r}" for name, value in expected.items() if getattr(payment, name) != value]
    return ", ".join(differing)


def _credit(top_up: TopUp, now: datetime) -> None:
    """Book the money, a debt before anything else, and tell the person: both once, by whoever holds the row's lock."""
    if top_up.status == Status.CLOSED:
        logger.warning("top-up %s was paid after it had been closed", top_up.code)
    cash, debt = ledger.account(top_up.user, Kind.CASH), ledger.account(top_up.user, Kind.DEBT)
    clearing = ledger.platform_account(Kind.GATEWAY_CLEARING)
    owed_minor = -ledger.lock([cash, debt, clearing])[debt.pk].balance_minor
    repaid_minor = min(owed_minor, top_up.amount_minor)
    ledger.post(
        key=f"top-up:{top_up.code}",
        kind="top_up",
        entries=[(clearing, -top_up.amount_minor), (debt, repaid_minor), (cash, top_up.amount_minor - repaid_minor)],
        note=get_gateway(top_up.gateway).label,
        url=top_up.get_absolute_url(),
    )
    top_up.status, top_up.paid_at = Status.PAID, now
    if top_up.plan is not None:
        auto_top_ups.follow(top_up.plan, top_up, now)
    notifications.notify(
        top_up.user,
        Notification.Kind.TOP_UP_PAID,
        url=reverse("billing:wallet"),
        amount_minor=top_up.amount_minor,
        balance_minor=ledger.wallet(top_up.user).balance_minor,
        currency=top_up.currency,
    )


def _next_question(top_up: TopUp, now: datetime) -> datetime | None:
    """When to ask unprompted: often at first, then ever more seldom, and no more after a week; but while money is on its way back."""
    if refunds.are_open(top_up):
        return now + refunds.LOOK_EVERY
    schedule = SCHEDULE if top_up.paid_at is None else SCHEDULE_ONCE_PAID
    moments = (top_up.created_at + offset for offset in schedule)
    return next((moment for moment in moments if moment > now), None)


def refresh_pending(*, now: datetime) -> int:
    """Ask about every payment whose moment has come. With the gateway away, a few tries and the rest waits for the next pass."""
    asked = failures = 0
    for top_up in TopUp.objects.filter(refresh_at__lte=now, gateway_id__isnull=False).order_by("refresh_at")[:PER_PASS]:
        try:
            _refresh(top_up, now, None)
        except GatewayAwayError as error:
            logger.warning("top-up %s not refreshed: %s", top_up.code, error)
            failures += 1
            if failures >= FAILURES_PER_PASS:
                break
        asked += 1
    unreachable = TopUp.objects.filter(status=Status.NEW, gateway_id=None, created_at__lt=now - FORGOTTEN_AFTER)
    unreachable.update(status=Status.CLOSED)
    return asked


def adopt(top_up: TopUp, gateway_id: str) -> TopUp:
    """Staff found the payment at the gateway whose answer was lost. It is credited only if it is what we asked for."""
    mine = TopUp.objects.filter(pk=top_up.pk, gateway_id=None)
    if not mine.update(gateway_id=gateway_id, status=Status.PENDING, refreshed_at=None):
        raise Invalid(_("This top-up has its payment already."))
    return refresh(gateway_id) or top_up


def give_up(chosen: QuerySet[TopUp]) -> int:
    """Staff looked and found no payment at the gateway: nothing was charged."""
    return chosen.filter(gateway_id=None, status=Status.REVIEW).update(status=Status.CLOSED)


def ask_again(chosen: QuerySet[TopUp], *, now: datetime) -> int:
    """Have the next pass ask about these, one under review included: staff have looked at it. Only what matches is credited."""
    known = chosen.filter(gateway_id__isnull=False)
    known.filter(status=Status.REVIEW, paid_at=None).update(status=Status.PENDING)
    return known.update(refresh_at=now)
