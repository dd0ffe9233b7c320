"""The one place where a balance changes: post(). And money set aside: hold(), extend(), release().

A person's balances are positive while she has money; her debt is negative while she owes; the entries of a transaction
sum to zero, so what is hers is owed by somebody: the gateway's clearing account, the platform, another person.

Locks: whatever looks at a balance and then acts on it locks the accounts first, all of them at once and in one order:
people's before the platform's, each in ascending id. So who waits for a locked wallet keeps nobody else waiting.
"""

import logging
import random
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial, wraps
from typing import Any, ParamSpec, TypeVar

from django.conf import settings
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models import F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from billing import money
from billing.models import Hold, LedgerAccount, LedgerEntry, LedgerTransaction
from chargeshare import sentences
from chargeshare.errors import DomainError
from chargeshare.sentences import Change, Question

logger = logging.getLogger(__name__)
Kind = LedgerAccount.Kind
P = ParamSpec("P")
R = TypeVar("R")

WALLET_KINDS = (Kind.CASH, Kind.PROMO, Kind.DEBT)
TRIES = 3
_ACCOUNT = LedgerAccount._meta.db_table
_MOVE = (
    f"UPDATE {_ACCOUNT} SET balance_minor = {_ACCOUNT}.balance_minor + moved.column2"  # noqa: S608 - a name of ours
    " FROM (VALUES {moved}) AS moved WHERE id = moved.column1"
)


class CreditTooLow(DomainError):
    """The wallet does not hold what is asked of it."""

    code = "credit_too_low"
    message = gettext_lazy("There is not enough credit in the wallet.")


InsufficientCredit = CreditTooLow


@dataclass(frozen=True)
class Wallet:
    """What a person has, read at one moment. `debt_minor` is negative while she owes."""

    cash_minor: int
    promo_minor: int
    held_minor: int
    debt_minor: int
    currency: str

    @property
    def balance_minor(self) -> int:
        """Own money and promo credit, what is held included."""
        return self.cash_minor + self.promo_minor

    @property
    def available_minor(self) -> int:
        """What may be spent now."""
        return self.balance_minor - self.held_minor


def retried(function: Callable[P, R]) -> Callable[P, R]:
    """Run a function that owns its transaction again when the database asked for it: a deadlock or a lost serialization.

    Inside of an outer transaction it does nothing: only the outermost can be repeated.
    """

    @wraps(function)
    def patient(*args: P.args, **kwargs: P.kwargs) -> R:
        for attempt in range(1, TRIES + 1):
            try:
                return function(*args, **kwargs)
            except OperationalError as error:
                state = getattr(error.__cause__, "sqlstate", None)
                if connection.in_atomic_block or state not in ("40001", "40P01") or attempt == TRIES:
                    raise
                logger.info("the database asked to repeat %s (%s)", function.__name__, state)
                time.sleep(random.uniform(0.01, 0.05) * attempt)
        raise AssertionError("unreachable")  # pragma: no cover

    return patient


def account(user: User, kind: str) -> LedgerAccount:
    """A person's account of one kind, made at first need."""
    return LedgerAccount.objects.get_or_create(user_id=user.pk, kind=kind, currency=settings.CURRENCY)[0]


def platform_account(kind: str) -> LedgerAccount:
    """The platform's account of one kind, made at first need."""
    return LedgerAccount.objects.get_or_create(user=None, kind=kind, currency=settings.CURRENCY)[0]


def lock(accounts: Iterable[LedgerAccount]) -> dict[int, LedgerAccount]:
    """Lock accounts in the one order and read them afresh; whoever needs several locks them by one call."""
    keys = {one.pk for one in accounts}
    rows = LedgerAccount.objects.select_for_update().filter(pk__in=keys).order_by(F("user").asc(nulls_last=True), "pk")
    return {one.pk: one for one in rows}


def lock_of(wanted: Mapping[str, tuple[User | None, str]]) -> dict[str, LedgerAccount]:
    """The same for accounts of whom and what kind. What is missing is made: once for each, so what that costs in order is bearable."""
    whose = tuple(user is None for user, _kind in wanted.values())
    rows = _accounts_of.setdefault(whose, Question(partial(_accounts, whose)))
    said = [word for user, kind in wanted.values() for word in ((str(kind),) if user is None else (str(kind), user.pk))]
    found = {(one.user_id, one.kind): one for one in rows.all(settings.CURRENCY, *said)}
    missing = [(user, kind) for user, kind in wanted.values() if (user.pk if user else None, kind) not in found]
    if missing:
        for user, kind in missing:
            LedgerAccount.objects.get_or_create(user=user, kind=kind, currency=settings.CURRENCY)
        found = {(one.user_id, one.kind): one for one in rows.all(settings.CURRENCY, *said)}
    return {name: found[user.pk if user else None, kind] for name, (user, kind) in wanted.items()}


_accounts_of: dict[tuple[bool, ...], Question[LedgerAccount]] = {}
"""By which of the accounts are the platform's: of one kind of event these are always the same."""


def _accounts(are_the_platform_s: tuple[bool, ...], currency: str, *said: Any) -> QuerySet[LedgerAccount]:
    words, which = iter(said), Q()
    for is_the_platform_s in are_the_platform_s:
        which |= Q(kind=next(words), user_id=None if is_the_platform_s else next(words))
    rows = LedgerAccount.objects.select_for_update().filter(which, currency=currency)
    return rows.order_by(F("user").asc(nulls_last=True), "pk")


@retried
@transaction.atomic
def post(
    *, key: str, kind: str, entries: Sequence[tuple[LedgerAccount, int]], note: str = "", url: str = "", at: datetime | None = None
) -> LedgerTransaction:
    """Book one business event. The second post with the same key returns the first and changes nothing.

    Amounts on the same account are added up and zeros left out; what remains must sum to zero.
    """
    _amounts(entries)
    locked = lock(one for one, _amount in entries)
    booked: LedgerTransaction | None = LedgerTransaction.objects.filter(key=key).first()
    if booked is not None:
        return booked
    try:
        with transaction.atomic():
            afresh = [(locked[one.pk], amount_minor) for one, amount_minor in entries]
            return book(key=key, kind=kind, entries=afresh, note=note, url=url, at=at)
    except IntegrityError:  # somebody else came first between our look and our write
        first: LedgerTransaction | None = LedgerTransaction.objects.filter(key=key).first()
        if first is None:
            raise
        return first


def book(
    *, key: str, kind: str, entries: Sequence[tuple[LedgerAccount, int]], note: str = "", url: str = "", at: datetime | None = None
) -> LedgerTransaction:
    """The same for whoever has locked the accounts in this transaction, read them by that, and seen that nothing was booked yet."""
    amounts = _amounts(entries)
    accounts = {one.pk: one for one, _amount in entries}
    booked = sentences.insert(LedgerTransaction(key=key, kind=kind, note=note[:200], url=url[:200], created_at=at or timezone.now()))
    rows = []
    for pk, amount_minor in sorted(amounts.items()):
        one = accounts[pk]
        one.balance_minor += amount_minor
        rows.append(LedgerEntry(transaction=booked, account=one, amount_minor=amount_minor, balance_after_minor=one.balance_minor))
    moved = ", ".join(["(CAST(%s AS bigint), CAST(%s AS bigint))"] * len(amounts))
    with connection.cursor() as cursor:
        cursor.execute(_MOVE.format(moved=moved), [word for pair in sorted(amounts.items()) for word in pair])
    sentences.insert_all(rows)
    return booked


def _amounts(entries: Sequence[tuple[LedgerAccount, int]]) -> dict[int, int]:
    amounts: dict[int, int] = {}
    for one, amount_minor in entries:
        if type(amount_minor) is not int or abs(amount_minor) > money.MOST_MINOR:
            raise ValueError(f"{amount_minor!r} is no amount that can be booked.")
        amounts[one.pk] = amounts.get(one.pk, 0) + amount_minor
    amounts = {pk: amount_minor for pk, amount_minor in amounts.items() if amount_minor}
    if len(amounts) < 2 or sum(amounts.values()) != 0 or len({one.currency for one, _amount in entries}) != 1:
        raise ValueError("A transaction has at least two entries in one currency that sum to zero.")
    return amounts


_set_aside = Hold.objects.filter(user_id=OuterRef("user_id"), closed_at=None, currency=OuterRef("currency")).order_by().values("user_id")
_balances = Question(
    lambda user_id, currency: (
        LedgerAccount.objects.filter(user_id=user_id, kind__in=WALLET_KINDS, currency=currency)
        .annotate(held_minor=Coalesce(Subquery(_set_aside.annotate(sum=Sum("amount_minor")).values("sum")), 0))
        .values_list("kind", "balance_minor", "held_minor")
    )
)
_held = Question(
    lambda user_id, currency: (
        Hold.objects.filter(user_id=user_id, closed_at=None, currency=currency).order_by().values_list("pk", "amount_minor")
    )
)


def wallet(user: User) -> Wallet:
    """What a person has now. Nothing was ever set aside for who has no account yet."""
    rows = _balances.all(user.pk, settings.CURRENCY)
    balances = {kind: balance_minor for kind, balance_minor, _held_minor in rows}
    return Wallet(
        cash_minor=balances.get(Kind.CASH, 0),
        promo_minor=balances.get(Kind.PROMO, 0),
        debt_minor=balances.get(Kind.DEBT, 0),
        held_minor=max((held_minor for _kind, _balance_minor, held_minor in rows), default=0),
        currency=settings.CURRENCY,
    )


def held_minor(user: User) -> int:
    """The sum of what is set aside for open sessions."""
    return sum(holds(user).values())


def holds(user: User) -> dict[int, int]:
    """What is set aside for each open session, by the key of the hold."""
    return dict(_held.all(user.pk, settings.CURRENCY))


_wallet_accounts = Question(
    lambda user_id, currency: (
        LedgerAccount.objects.select_for_update().filter(user_id=user_id, kind__in=WALLET_KINDS, currency=currency).order_by("pk")
    )
)


def lock_wallet(user: User) -> Wallet:
    """Lock a person's wallet until the transaction ends, and read it by that: nobody else can spend of it meanwhile."""
    accounts = {one.kind: one for one in _wallet_accounts.all(user.pk, settings.CURRENCY)}
    if len(accounts) < len(WALLET_KINDS):
        accounts = lock_of({kind: (user, kind) for kind in WALLET_KINDS})
    return Wallet(
        cash_minor=accounts[Kind.CASH].balance_minor,
        promo_minor=accounts[Kind.PROMO].balance_minor,
        debt_minor=accounts[Kind.DEBT].balance_minor,
        held_minor=held_minor(user),
        currency=settings.CURRENCY,
    )


@retried
@transaction.atomic
def hold(user: User, amount_minor: int, *, key: str) -> Hold:
    """Set money aside, or refuse. The same key twice is the same hold."""
    purse = lock_wallet(user)
    existing = Hold.objects.filter(key=key).first()
    return set_aside(user, amount_minor, key=key, purse=purse) if existing is None else existing


def set_aside(user: User, amount_minor: int, *, key: str, purse: Wallet) -> Hold:
    """The same for whoever has locked the wallet in this transaction, read `purse` by that, and comes with a new key."""
    if not 0 <= amount_minor <= money.MOST_MINOR:
        raise ValueError(f"{amount_minor!r} cannot be held.")
    require(purse, amount_minor)
    return sentences.insert(Hold(user_id=user.pk, key=key, currency=purse.currency, amount_minor=amount_minor))


def require(purse: Wallet, amount_minor: int) -> None:
    """Refuse, with the sum that is missing, when a wallet owes something or has less than this."""
    if purse.debt_minor < 0:
        raise CreditTooLow(
            _("You owe %(debt)s for an earlier session. Top up at least that much to charge again.")
            % {"debt": money.fmt(-purse.debt_minor, purse.currency)}
        )
    if purse.available_minor < amount_minor:
        raise CreditTooLow(
            _("You need %(needed)s to start and have %(available)s. Top up at least %(missing)s.")
            % {
                "needed": money.fmt(amount_minor, purse.currency, decimals=2 if amount_minor % 100 else 0),
                "available": money.fmt(purse.available_minor, purse.currency),
                "missing": money.fmt(amount_minor - purse.available_minor, purse.currency),
            }
        )


@retried
@transaction.atomic
def extend(held: Hold, to_minor: int) -> Hold:
    """Let a hold grow to `to_minor`, or as far as the credit goes. It never shrinks, and a closed one stays as it was."""
    purse = lock_wallet(held.user)
    held.refresh_from_db(fields=["amount_minor", "closed_at"])
    reachable_minor = min(to_minor, held.amount_minor + max(0, purse.available_minor))
    if held.closed_at is None and held.amount_minor < reachable_minor <= money.MOST_MINOR:
        held.amount_minor = reachable_minor
        held.save(update_fields=["amount_minor"])
    return held


_closing = Change(lambda pk, now: (Hold.objects.filter(pk=pk, closed_at=None), {"closed_at": now}))


def release(held: Hold) -> None:
    """Give back what was set aside. Twice does no harm."""
    now = timezone.now()
    if _closing.apply(held.pk, now):
        held.closed_at = now


def grant(user: User, amount_minor: int, *, reason: str) -> LedgerTransaction:
    """Give promo credit at the platform's cost."""
    if amount_minor <= 0:
        raise money.NotAnAmount(_("An amount must be greater than zero."))
    entries = [(platform_account(Kind.PROMO_COST), -amount_minor), (account(user, Kind.PROMO), amount_minor)]
    return post(key=f"grant:{uuid.uuid4()}", kind="grant", entries=entries, note=reason)
