"""Money out: what an owner asks for, what staff let go, what went to the bank, what arrived or came back.

    requested ─► approved ─► exported ─► paid          each step locks the payout's row and looks again
        └──────────┴────────────┴──────────┴─► failed  the money is among the earnings again
        └─► cancelled

From the wish on the money lies in the account `in payout`, so it cannot be asked for twice. Locks: people's ledger accounts
first, then the payout's row, so that a wish, a correction of a receipt and the bank's word wait for each other in one order.
"""

from collections.abc import Collection
from datetime import date, datetime, timedelta
from uuid import uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import Max, Min, Q, Sum
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import notifications, registration
from accounts.models import Notification, User
from billing import disputes, iban, ledger, money, seller_data
from billing.earnings import PENDING_FOR
from billing.ledger import Kind
from billing.models import BankAccount, ChargeDetailRecord, LedgerAccount, Payout, PayoutBatch
from chargeshare.errors import DomainError, Invalid, NotFound

Status = Payout.Status
ACCOUNTS = (Kind.EARNINGS_PENDING, Kind.EARNINGS_AVAILABLE, Kind.EARNINGS_IN_PAYOUT, *ledger.WALLET_KINDS)
LAST_ONE_EVERY = timedelta(days=30)


class EmailNotConfirmed(DomainError):
    """Nobody knows yet whether letters to this account reach its owner."""

    code = "email_not_confirmed"
    message = gettext_lazy("Confirm your e-mail first: news about your money goes there.")


class EarningsTooLow(DomainError):
    """More was asked for than can be paid out now."""

    code = "earnings_too_low"
    message = gettext_lazy("You have not earned that much yet.")


class WrongState(DomainError):
    """The payout has gone on meanwhile."""

    code = "payout_moved_on"
    message = gettext_lazy("This payout has moved on meanwhile. Look at it again.")


class NotYet(DomainError):
    """Something still stands in the way of paying."""

    code = "payout_waits"


def require_confirmed_email(owner: User) -> None:
    """Refuse while nobody knows whether letters reach the owner."""
    if not registration.has_confirmed_email(owner):
        raise EmailNotConfirmed


def payable_minor(owner: User) -> int:
    """What an owner may ask for now."""
    found = LedgerAccount.objects.filter(user_id=owner.pk, kind__in=ACCOUNTS, currency=settings.CURRENCY)
    return _payable_minor(owner, found)


def _payable_minor(owner: User, accounts: Collection[LedgerAccount]) -> int:
    """What is available, less what corrections still have to take back, what disputes freeze and what she owes as a driver.

    What is still pending answers for disputes first: while it covers them, all that is available may go.
    """
    of = {one.kind: one.balance_minor for one in accounts}
    covered_minor = min(0, of.get(Kind.EARNINGS_PENDING, 0) - disputes.frozen_minor(owner))
    return of.get(Kind.EARNINGS_AVAILABLE, 0) + covered_minor + min(0, of.get(Kind.DEBT, 0))


def is_last_one(owner: User) -> bool:
    """Whether the rest of her earnings, below the minimum, may be paid out so that she can leave: nothing else is on its way."""
    of = dict(LedgerAccount.objects.filter(user_id=owner.pk, currency=settings.CURRENCY).values_list("kind", "balance_minor"))
    recent = Payout.objects.filter(owner_id=owner.pk, created_at__gt=timezone.now() - LAST_ONE_EVERY).exclude(
        status__in=[Status.CANCELLED, Status.FAILED]
    )
    return not of.get(Kind.EARNINGS_PENDING) and not of.get(Kind.EARNINGS_IN_PAYOUT) and not recent.exists()


@ledger.retried
@transaction.atomic
def request(owner: User, amount_minor: int, account: BankAccount, *, is_automatic: bool = False) -> Payout:
    """Put money aside for a bank account of the owner. It leaves once the account has rested and staff have looked."""
    if account.owner_id != owner.pk or account.replaced_at is not None:
        raise NotFound
    require_confirmed_email(owner)
    seller_data.require(owner)
    pots = _locked(owner)
    payable_minor = _payable_minor(owner, list(pots.values()))
    _check_amount(owner, amount_minor, payable_minor)
    now = timezone.now()
    payout: Payout = Payout.objects.create(
        owner_id=owner.pk,
        bank_account=account,
        amount_minor=amount_minor,
        currency=settings.CURRENCY,
        iban=account.iban,
        name=account.name,
        is_automatic=is_automatic,
        created_at=now,
        not_before=_not_before(owner, amount_minor, payable_minor, now),
    )
    _post(payout, "", {Kind.EARNINGS_AVAILABLE: -amount_minor, Kind.EARNINGS_IN_PAYOUT: amount_minor}, now)
    notifications.notify(
        owner,
        Notification.Kind.PAYOUT_REQUESTED,
        url=payout.get_absolute_url(),
        amount_minor=amount_minor,
        currency=payout.currency,
        account=iban.masked(payout.iban),
    )
    return payout


def _locked(owner: User) -> dict[str, LedgerAccount]:
    rows = ledger.lock([ledger.account(owner, kind) for kind in ACCOUNTS])
    return {one.kind: one for one in rows.values()}


def _check_amount(owner: User, amount_minor: int, payable_minor: int) -> None:
    least_minor = settings.PAYOUT_MINIMUM_MINOR
    is_rest = 0 < amount_minor == payable_minor < least_minor and is_last_one(owner)
    if amount_minor < max(1, least_minor) and not is_rest:
        said = _("The least that is paid out is %(least)s.") % {"least": money.fmt(max(1, least_minor), settings.CURRENCY)}
        raise Invalid(fields={"amount": [said]})
    if amount_minor > payable_minor:
        available = money.fmt(max(0, payable_minor), settings.CURRENCY)
        raise EarningsTooLow(_("You can have %(available)s paid out now.") % {"available": available})


def _not_before(owner: User, amount_minor: int, payable_minor: int, now: datetime) -> datetime:
    """Until when what may be false waits: whoever invents sessions should not be gone with the money before anybody complains.

    Earnings of a new charger wait, and each of a charger without a password, for anybody could have spoken in its name.
    """
    rests, open_rests = timedelta(days=settings.PAYOUT_NEW_CHARGER_DAYS), timedelta(days=settings.PAYOUT_OPEN_CHARGER_DAYS)
    mine = ChargeDetailRecord.objects.filter(owner_id=owner.pk).order_by()
    firsts = mine.filter(total_minor__gt=0).values("charge_point_code").annotate(first=Min("created_at")).filter(first__gt=now - rests)
    young: dict[str, datetime] = {row["charge_point_code"]: row["first"] for row in firsts}
    is_unproven = Q(is_unproven=True, created_at__gt=now - open_rests)
    waiting = mine.filter(Q(charge_point_code__in=list(young)) | is_unproven, created_at__lte=now - PENDING_FOR).aggregate(
        sum=Sum("owner_minor"), last=Max("created_at", filter=is_unproven)
    )
    last: datetime | None = waiting["last"]
    ends = [first + rests for first in young.values()] + ([last + open_rests] if last else [])
    if not ends or amount_minor <= payable_minor - int(waiting["sum"] or 0):
        return now
    return max(ends)


def _post(payout: Payout, ending: str, amounts: dict[str, int], at: datetime) -> None:
    """Book one step of a payout; its key makes the step happen once."""
    entries = [
        (ledger.platform_account(kind) if kind == Kind.BANK else ledger.account(payout.owner, kind), amount_minor)
        for kind, amount_minor in amounts.items()
    ]
    ledger.post(
        key=f"payout:{payout.code}{ending}",
        kind="payout",
        entries=entries,
        note=f"{iban.masked(payout.iban)} · {payout.variable_symbol}",
        url=payout.get_absolute_url(),
        at=at,
    )


def _again(payout: Payout, *allowed: str) -> Payout:
    """The payout as it stands now, locked, after its owner's accounts; refused where it has moved on."""
    _locked(payout.owner)
    fresh: Payout = Payout.objects.select_for_update(of=("self",)).select_related("owner", "bank_account").get(pk=payout.pk)
    if fresh.status not in allowed:
        raise WrongState
    return fresh


@ledger.retried
@transaction.atomic
def cancel(payout: Payout, *, reason: str = "") -> Payout:
    """Take a wish back, as its owner; once staff have approved it only they can."""
    fresh = _again(payout, Status.REQUESTED)
    return _give_back(fresh, Status.CANCELLED, reason)


def cancel_all(account: BankAccount) -> None:
    """Take back what was asked for to a bank account that is given up; what is at the bank already goes its way."""
    for payout in Payout.objects.filter(bank_account=account, status__in=[Status.REQUESTED, Status.APPROVED]).select_related("owner"):
        _give_back(_again(payout, Status.REQUESTED, Status.APPROVED), Status.CANCELLED, _("The bank account was given up."))


@ledger.retried
@transaction.atomic
def approve(payout: Payout, staff: User) -> Payout:
    """Let a payout go into the next batch, after everything that may stand in its way was looked at again. Nobody approves her own."""
    fresh = _again(payout, Status.REQUESTED)
    now = timezone.now()
    if hindrance := hindrance_of(fresh, now=now):
        raise NotYet(hindrance)
    if fresh.owner_id == staff.pk:
        raise NotYet(_("Somebody else has to approve what you asked for yourself."))
    fresh.status, fresh.approved_at, fresh.approved_by = Status.APPROVED, now, staff
    fresh.save(update_fields=["status", "approved_at", "approved_by"])
    return fresh


def hindrance_of(payout: Payout, *, now: datetime) -> str:
    """Why a payout cannot leave yet, in a sentence; nothing where it can."""
    account = payout.bank_account
    if account.replaced_at is not None:
        return _("The bank account was given up.")
    if account.confirmed_at is None:
        return _("The owner has not confirmed the bank account.")
    waits_until = max(account.usable_from, payout.not_before)
    if waits_until > now:
        until = timezone.localtime(waits_until)
        return _("It waits until %(day)s %(time)s.") % {"day": f"{until.day}. {until.month}. {until.year}", "time": f"{until:%H:%M}"}
    if not payout.owner.is_active:
        return _("The owner's account is blocked.")
    if payable_minor(payout.owner) < 0:
        return _("The owner owes more than is left: a correction, a dispute or a debt takes it back.")
    return ""


@ledger.retried
@transaction.atomic
def export(chosen: Collection[Payout], staff: User, *, due_on: date | None = None) -> PayoutBatch:
    """Make one batch of approved payouts for the bank. A payout goes into one batch and never into another."""
    ours = our_account()
    for owner in User.objects.filter(pk__in={one.owner_id for one in chosen}).order_by("pk"):
        _locked(owner)
    rows = Payout.objects.select_for_update(of=("self",)).filter(pk__in=[one.pk for one in chosen], status=Status.APPROVED)
    payouts = list(rows.select_related("owner", "bank_account").order_by("pk"))
    if not payouts or len(payouts) != len({one.pk for one in chosen}):
        raise WrongState(_("Only approved payouts go to the bank, each once. Look at the list again."))
    now = timezone.now()
    for payout in payouts:
        if hindrance := hindrance_of(payout, now=now):
            raise NotYet(f"{payout.variable_symbol}: {hindrance}")
    batch: PayoutBatch = PayoutBatch.objects.create(
        number=uuid4().hex[:20],
        created_at=now,
        created_by=staff,
        due_on=due_on or timezone.localdate(),
        from_iban=ours,
        from_name=settings.PAYOUT_NAME[:70],
        currency=settings.CURRENCY,
        total_minor=sum(payout.amount_minor for payout in payouts),
    )
    batch.number = f"{timezone.localdate():%Y%m%d}-{batch.pk:05d}"
    batch.save(update_fields=["number"])
    for payout in payouts:
        payout.status, payout.batch = Status.EXPORTED, batch
        payout.save(update_fields=["status", "batch"])
    return batch


def our_account() -> str:
    """The account owners are paid from; refused where the settings name none."""
    try:
        return iban.read(settings.PAYOUT_IBAN)
    except iban.NotAnIban as error:
        raise NotYet(_("Set PAYOUT_IBAN to the account owners are paid from.")) from error


@ledger.retried
@transaction.atomic
def mark_paid(payout: Payout, *, at: datetime | None = None) -> Payout:
    """Note that the bank has sent the money. Twice does no harm."""
    fresh = _again(payout, Status.EXPORTED, Status.PAID)
    if fresh.status == Status.PAID:
        return fresh
    now = timezone.now()
    _post(fresh, ":paid", {Kind.EARNINGS_IN_PAYOUT: -fresh.amount_minor, Kind.BANK: fresh.amount_minor}, now)
    fresh.status, fresh.paid_at = Status.PAID, at or now
    fresh.save(update_fields=["status", "paid_at"])
    notifications.notify(
        fresh.owner,
        Notification.Kind.PAYOUT_PAID,
        url=fresh.get_absolute_url(),
        amount_minor=fresh.amount_minor,
        currency=fresh.currency,
        account=iban.masked(fresh.iban),
    )
    return fresh


@ledger.retried
@transaction.atomic
def fail(payout: Payout, *, reason: str) -> Payout:
    """Put the money of a payout back among the earnings: staff refused it, the bank did, or it came back. Twice does no harm."""
    fresh = _again(payout, *Payout.OPEN, Status.PAID, Status.FAILED)
    if fresh.status == Status.FAILED:
        return fresh
    return _give_back(fresh, Status.FAILED, reason)


def _give_back(payout: Payout, status: str, reason: str) -> Payout:
    now = timezone.now()
    lies_in = Kind.BANK if payout.status == Status.PAID else Kind.EARNINGS_IN_PAYOUT
    _post(payout, ":returned", {lies_in: -payout.amount_minor, Kind.EARNINGS_AVAILABLE: payout.amount_minor}, now)
    payout.status, payout.ended_at, payout.reason = status, now, reason[:200]
    payout.save(update_fields=["status", "ended_at", "reason"])
    if status == Status.FAILED:
        notifications.notify(
            payout.owner,
            Notification.Kind.PAYOUT_FAILED,
            url=payout.get_absolute_url(),
            amount_minor=payout.amount_minor,
            currency=payout.currency,
            reason=payout.reason,
        )
    return payout
