"""Topping up by itself from a saved card: agreed to word for word, capped by the month, ended by a click.

The card is saved at the gateway, never here: the first payment is made by its holder, and the gateway repeats it when
asked. A payment that does not go through rests a day; three in a row end the order.
"""

import logging
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import BigIntegerField, Exists, F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import notifications
from accounts.models import Notification, User
from billing import money
from billing.gateway import GatewayAwayError, GatewayError, get_gateway
from billing.ledger import Kind
from billing.models import AutoTopUp, Hold, LedgerAccount, TopUp
from chargeshare.errors import DomainError, Invalid

logger = logging.getLogger(__name__)
State = AutoTopUp.State

LEAST_MINOR = 20_000  # what is added each time; less would be a payment an hour
RUNS_FOR = timedelta(days=3 * 365)
REST_AFTER_FAILURE = timedelta(days=1)
MOST_FAILURES = 3
FIRST_PAYMENT_WITHIN = timedelta(days=1)
PER_PASS = 50
WAITING = (TopUp.Status.NEW, TopUp.Status.PENDING, TopUp.Status.REVIEW)


class AlreadyOrdered(DomainError):
    """One standing order is enough for one wallet."""

    code = "already_ordered"
    status = 409
    message = gettext_lazy("Your wallet tops itself up already. End that order first.")


def consent_text(*, amount_minor: int, below_minor: int, monthly_cap_minor: int) -> str:
    """What the holder of the card agrees to: why, how much, when, how often at most, and how it ends."""
    amounts = {"amount": amount_minor, "below": below_minor, "cap": monthly_cap_minor}
    return _(
        "I agree that ChargeShare saves my card at the payment gateway and charges it with %(amount)s, always the same amount, "
        "to top up my wallet whenever less than %(below)s is available in it, at most %(cap)s in a calendar month. "
        "It holds until I end it, at most three years. I can end it at any time on the page of the wallet, at once and free of charge."
    ) % {name: money.fmt(amount, settings.CURRENCY) for name, amount in amounts.items()}


def current(user: User) -> AutoTopUp | None:
    """The order that waits for its first payment or runs."""
    return AutoTopUp.objects.filter(user=user).exclude(state=State.ENDED).first()


def order(user: User, *, amount_minor: int, below_minor: int, monthly_cap_minor: int, consent: str, address: str | None) -> AutoTopUp:
    """Write down what somebody agreed to. It begins with a first payment, which she makes herself."""
    problems = {}
    if not LEAST_MINOR <= amount_minor <= settings.WALLET_LIMIT_MINOR:
        problems["amount"] = [_("Between %(least)s and %(most)s.") % _range(LEAST_MINOR, settings.WALLET_LIMIT_MINOR)]
    if not 0 < below_minor <= settings.WALLET_LIMIT_MINOR - amount_minor:
        problems["below"] = [_("More than nothing, and little enough for the amount to fit into the wallet.")]
    if not amount_minor <= monthly_cap_minor <= 10 * settings.WALLET_LIMIT_MINOR:
        problems["monthly_cap"] = [_("At least the amount itself.")]
    if consent != consent_text(amount_minor=amount_minor, below_minor=below_minor, monthly_cap_minor=monthly_cap_minor) and not problems:
        problems["consent"] = [_("The amounts have changed. Read once more what you agree to.")]
    if problems:
        raise Invalid(fields=problems)
    abandoned = AutoTopUp.objects.filter(user=user, state=State.WAITING)
    try:
        with transaction.atomic():
            for plan in abandoned:
                _end(plan)
            made: AutoTopUp = AutoTopUp.objects.create(
                user=user,
                amount_minor=amount_minor,
                below_minor=below_minor,
                monthly_cap_minor=monthly_cap_minor,
                currency=settings.CURRENCY,
                gateway=get_gateway().name,
                consent=consent,
                consent_address=address,
            )
    except IntegrityError as error:
        raise AlreadyOrdered from error
    return made


def end(user: User) -> None:
    """End it at once; the gateway is told now, or by the next pass that reaches it."""
    plan = AutoTopUp.objects.filter(user=user).exclude(state=State.ENDED).first()
    if plan is not None and _end(plan):
        _void(plan)


def is_due(plan: AutoTopUp, *, now: datetime) -> bool:
    """Whether it still is, once its wallet is locked: another process may have begun its payment since, or she has ended it."""
    return _due(now).filter(pk=plan.pk).exists()


def due(*, now: datetime) -> list[AutoTopUp]:
    """The orders whose wallets have run low, within the month's cap, with no payment of theirs under way.

    The database picks them out: a thousand orders whose wallets are full cost a pass one statement.
    """
    return list(_due(now).select_related("user").order_by("pk")[:PER_PASS])


def _due(now: datetime) -> QuerySet[AutoTopUp]:
    rested = AutoTopUp.objects.filter(Q(rests_until=None) | Q(rests_until__lte=now), state=State.ACTIVE, user__is_active=True)
    purse = LedgerAccount.objects.filter(user=OuterRef("user"), currency=settings.CURRENCY, kind__in=(Kind.CASH, Kind.PROMO))
    holds = Hold.objects.filter(user=OuterRef("user"), currency=settings.CURRENCY, closed_at=None)
    payments = TopUp.objects.filter(plan=OuterRef("pk"))
    month = timezone.localtime(now).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return rested.alias(
        has=_sum(purse, "user", "balance_minor"),
        held=_sum(holds, "user", "amount_minor"),
        added=_sum(payments.filter(paid_at__gte=month), "plan", "amount_minor"),
    ).filter(
        ~Exists(payments.filter(status__in=WAITING)),
        has__lt=F("below_minor") + F("held"),
        added__lte=F("monthly_cap_minor") - F("amount_minor"),
    )


def _sum(rows: QuerySet[Any], of: str, amounts: str) -> Coalesce:
    """What rows of somebody come to, as a part of a larger question."""
    sums = rows.order_by().values(of).annotate(sum=Sum(amounts)).values("sum")
    return Coalesce(Subquery(sums, output_field=BigIntegerField()), 0)


def follow(plan: AutoTopUp, top_up: TopUp, now: datetime) -> None:
    """A payment of the order was decided; the caller holds the lock of its row. Who ends the order meanwhile has ended it."""
    plan = AutoTopUp.objects.select_for_update().get(pk=plan.pk)
    if top_up.paid_at is not None:
        if plan.state == State.WAITING:
            plan.state, plan.gateway_id = State.ACTIVE, str(top_up.gateway_id)
            _tell(plan, Notification.Kind.AUTO_TOP_UP_ON, consent=plan.consent)
        plan.failures, plan.rests_until = 0, None
        plan.save(update_fields=["state", "gateway_id", "failures", "rests_until"])
    elif plan.state == State.WAITING:
        _end(plan)
    elif plan.state == State.ACTIVE:
        failed(plan, now)


def failed(plan: AutoTopUp, now: datetime) -> None:
    """A payment did not go through: rest a day, and give up after some."""
    plan.failures += 1
    plan.rests_until = now + REST_AFTER_FAILURE
    plan.save(update_fields=["failures", "rests_until"])
    if plan.failures >= MOST_FAILURES and _end(plan):
        _tell(plan, Notification.Kind.AUTO_TOP_UP_ENDED)


def tidy(*, now: datetime) -> int:
    """End what ran its time or never began, and tell the gateway of what ended while it was away."""
    old = Q(state=State.ACTIVE, consented_at__lt=now - RUNS_FOR) | Q(state=State.WAITING, consented_at__lt=now - FIRST_PAYMENT_WITHIN)
    for plan in AutoTopUp.objects.filter(old)[:PER_PASS]:
        if _end(plan) and plan.gateway_id:
            _tell(plan, Notification.Kind.AUTO_TOP_UP_ENDED)
    unknown = list(AutoTopUp.objects.filter(state=State.ENDED, is_voided=False)[:PER_PASS])
    return sum(_void(plan) for plan in unknown)


def of(user: User) -> QuerySet[TopUp]:
    """The payments that were made by themselves, newest first."""
    return TopUp.objects.filter(user=user, plan__isnull=False)


def _end(plan: AutoTopUp) -> bool:
    now = timezone.now()
    is_voided = not plan.gateway_id
    ended = AutoTopUp.objects.filter(pk=plan.pk).exclude(state=State.ENDED).update(state=State.ENDED, ended_at=now, is_voided=is_voided)
    plan.state, plan.ended_at, plan.is_voided = State.ENDED, now, is_voided
    return bool(ended)


def _void(plan: AutoTopUp) -> bool:
    """Tell the gateway; one that knows of no such order any more has been told."""
    if plan.is_voided:
        return False
    try:
        get_gateway(plan.gateway).void_recurrence(plan.gateway_id)
    except GatewayAwayError as error:
        logger.warning("automatic top-up %s not voided yet: %s", plan.pk, error)
        return False
    except GatewayError as error:
        logger.error("automatic top-up %s: %s", plan.pk, error)
    return bool(AutoTopUp.objects.filter(pk=plan.pk).update(is_voided=True))


def _tell(plan: AutoTopUp, kind: str, **more: str) -> None:
    notifications.notify(
        plan.user, kind, url=reverse("billing:auto_top_up"), amount_minor=plan.amount_minor, currency=plan.currency, **more
    )


def _range(least_minor: int, most_minor: int) -> dict[str, str]:
    return {
        "least": money.fmt(least_minor, settings.CURRENCY, decimals=0),
        "most": money.fmt(most_minor, settings.CURRENCY, decimals=0),
    }
