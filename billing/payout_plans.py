"""Payouts that come by themselves, every Monday or every first of the month."""

import logging
from datetime import date, datetime, timedelta

from django.conf import settings
from django.utils import timezone

from accounts.models import User
from billing import bank_accounts, payouts
from billing.models import PayoutPlan
from chargeshare.errors import DomainError

logger = logging.getLogger(__name__)
Rhythm = PayoutPlan.Rhythm


def of(owner: User) -> PayoutPlan:
    """How an owner wants to be paid."""
    kept: PayoutPlan | None = PayoutPlan.objects.filter(owner_id=owner.pk).first()
    return kept or PayoutPlan(owner_id=owner.pk)


def choose(owner: User, rhythm: str, *, keep_minor: int = 0) -> PayoutPlan:
    """Change it. What is kept back stays among the earnings at every payout."""
    next_on = following(rhythm, timezone.localdate())
    plan: PayoutPlan
    plan, _created = PayoutPlan.objects.update_or_create(
        owner_id=owner.pk, defaults={"rhythm": rhythm, "keep_minor": keep_minor, "next_on": next_on}
    )
    return plan


def following(rhythm: str, day: date) -> date | None:
    """The next day of payment after this one."""
    match rhythm:
        case Rhythm.WEEKLY:
            return day + timedelta(days=7 - day.weekday())
        case Rhythm.MONTHLY:
            return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    return None


def request_due(*, now: datetime) -> int:
    """Ask for what owners want by themselves today; how many payouts that made. Each day of a plan is used up once."""
    today = timezone.localdate(now)
    made = 0
    for plan in PayoutPlan.objects.filter(next_on__lte=today, owner__is_active=True).select_related("owner").order_by("pk"):
        claimed = PayoutPlan.objects.filter(pk=plan.pk, next_on=plan.next_on).update(next_on=following(plan.rhythm, today))
        made += bool(claimed) and _pay(plan)
    return made


def _pay(plan: PayoutPlan) -> bool:
    account = bank_accounts.usable(plan.owner)
    amount_minor = payouts.payable_minor(plan.owner) - plan.keep_minor
    if account is None or amount_minor < max(1, settings.PAYOUT_MINIMUM_MINOR):
        return False
    try:
        payouts.request(plan.owner, amount_minor, account, is_automatic=True)
    except DomainError as refusal:
        logger.info("no payout by plan %s: %s", plan.pk, refusal.code)
        return False
    return True
