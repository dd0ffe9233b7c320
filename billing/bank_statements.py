"""What the bank says: its statements read, its movements matched with payouts, what does not fit left to staff.

A payout is believed to be paid when money left our account with its variable symbol, its amount and, where the bank says so,
to its account. The same file, and the same movement in two files, count once.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from billing import iban, ledger, payouts
from billing.models import BankStatement, BankStatementLine, Payout
from billing.statement_files import Movement, ReadStatement, read
from chargeshare.errors import DomainError, Invalid

Outcome = BankStatementLine.Outcome
Status = Payout.Status


class OtherAccount(DomainError):
    """The statement is of an account that pays nobody here."""

    code = "other_account"
    message = gettext_lazy("This statement is of another account than PAYOUT_IBAN. Nothing was changed.")


@dataclass(frozen=True)
class Imported:
    """What bringing in a file came to."""

    statement: BankStatement
    is_new: bool
    counts: Counter[str]

    @property
    def skipped(self) -> int:
        """How many of its movements stood in an earlier file."""
        return self.counts["known"]


def bring_in(content: bytes, *, name: str, staff: User) -> Imported:
    """Read a file of the bank and act on what it says. The same file twice changes nothing."""
    digest = hashlib.sha256(content).hexdigest()
    earlier: BankStatement | None = BankStatement.objects.filter(digest=digest).first()
    if earlier is not None:
        return Imported(earlier, is_new=False, counts=Counter(known=earlier.lines.count()))
    found = read(content)
    _check_account(found)
    try:
        return _record(found, digest, name=name, staff=staff)
    except IntegrityError as error:  # somebody brought in the same movements at the same moment
        raise payouts.WrongState(_("Somebody is bringing in the same movements. Look again.")) from error


@ledger.retried
@transaction.atomic
def _record(found: ReadStatement, digest: str, *, name: str, staff: User) -> Imported:
    statement, is_new = BankStatement.objects.get_or_create(
        digest=digest, defaults={"name": name[:100], "format": found.format, "created_by": staff}
    )
    if not is_new:
        return Imported(statement, is_new=False, counts=Counter(known=len(found.movements)))
    return Imported(statement, is_new=True, counts=Counter(_keep(statement, movement) for movement in found.movements))


def _check_account(found: ReadStatement) -> None:
    if not found.accounts or not settings.PAYOUT_IBAN:
        return
    ours = iban.czech(payouts.our_account())
    if ours is not None and f"{ours.prefix}{ours.number}" not in found.accounts:
        raise OtherAccount


def _keep(statement: BankStatement, movement: Movement) -> str:
    if BankStatementLine.objects.filter(key=movement.key).exists():
        return "known"
    line = BankStatementLine(
        statement=statement,
        key=movement.key,
        booked_on=movement.booked_on,
        amount_minor=movement.amount_minor,
        currency=movement.currency,
        counter_account=movement.counter_account[:50],
        counter_name=movement.counter_name[:100],
        variable_symbol=movement.variable_symbol[:10],
        message=movement.message[:200],
    )
    if movement.amount_minor < 0:
        _match_outgoing(line, movement)
    else:
        _match_incoming(line)
    line.save()
    return line.outcome


def _match_outgoing(line: BankStatementLine, movement: Movement) -> None:
    """Money left us: find the payout it was for."""
    payout = _named(line) or _alike(line, movement)
    if payout is None:
        line.note = _("No payout fits.")
    elif payout.amount_minor != -line.amount_minor or payout.currency != line.currency:
        line.note = _("The variable symbol is that of a payout, the amount is not.")
    elif not movement.goes_to(payout.iban):
        line.note = _("The variable symbol is that of a payout, the account is not.")
    elif payout.status == Status.EXPORTED:
        payouts.mark_paid(payout, at=_noon(line))
        line.outcome, line.payout = Outcome.PAID, payout
    elif payout.status == Status.PAID and _is_twin(line, payout):
        line.outcome, line.payout, line.note = Outcome.IGNORED, payout, _("The same movement from another kind of file.")
    elif payout.status == Status.PAID:
        line.note = _("This payout was paid before: has the bank sent it twice?")
    else:
        line.note = _("This payout was not at the bank.")


def _match_incoming(line: BankStatementLine) -> None:
    """Money came to us: a payout that the other bank sent back, or something that is no business of payouts."""
    payout = _named(line)
    if payout is None or payout.amount_minor != line.amount_minor or payout.currency != line.currency:
        line.outcome = Outcome.IGNORED
    elif payout.status in (Status.EXPORTED, Status.PAID):
        payouts.fail(payout, reason=_("The bank sent the money back."))
        line.outcome, line.payout = Outcome.RETURNED, payout
    elif payout.status == Status.FAILED and _is_twin(line, payout):
        line.outcome, line.payout, line.note = Outcome.IGNORED, payout, _("The same movement from another kind of file.")
    else:
        line.note = _("Money with the variable symbol of a payout that was not at the bank.")


def _named(line: BankStatementLine) -> Payout | None:
    symbol = line.variable_symbol.lstrip("0")
    return Payout.objects.filter(variable_symbol=symbol).select_related("owner").first() if symbol else None


def _alike(line: BankStatementLine, movement: Movement) -> Payout | None:
    """Without a symbol: the one payout at the bank with this amount and account, if there is exactly one."""
    if line.variable_symbol.strip("0") or not movement.counter_account:
        return None
    waiting = Payout.objects.filter(status=Status.EXPORTED, amount_minor=-line.amount_minor, currency=line.currency)
    fitting = [payout for payout in waiting.select_related("owner") if movement.goes_to(payout.iban)]
    return fitting[0] if len(fitting) == 1 else None


def _is_twin(line: BankStatementLine, payout: Payout) -> bool:
    """Whether another kind of file has told of this movement before: it has told of more such movements than this kind."""
    same = payout.statement_lines.filter(booked_on=line.booked_on, amount_minor=line.amount_minor)
    told = [kind for (kind,) in same.values_list("statement__format")]
    return told.count(line.statement.format) < len(told) - told.count(line.statement.format)


def _noon(line: BankStatementLine) -> datetime:
    return datetime(line.booked_on.year, line.booked_on.month, line.booked_on.day, 12, tzinfo=UTC)


@transaction.atomic
def settle_by_hand(line: BankStatementLine, payout: Payout) -> BankStatementLine:
    """Staff say which payout a movement is: out, it was paid; in, it came back."""
    line = BankStatementLine.objects.select_for_update().get(pk=line.pk)
    if line.outcome != Outcome.UNMATCHED:
        raise payouts.WrongState
    if abs(line.amount_minor) != payout.amount_minor or line.currency != payout.currency:
        raise Invalid(_("The amounts differ."))
    if line.amount_minor < 0:
        if payout.status != Status.EXPORTED:
            raise payouts.WrongState
        payouts.mark_paid(payout, at=_noon(line))
        line.outcome = Outcome.PAID
    else:
        payouts.fail(payout, reason=_("The bank sent the money back."))
        line.outcome = Outcome.RETURNED
    line.payout = payout
    line.save(update_fields=["outcome", "payout"])
    return line


def dismiss(lines: Iterable[BankStatementLine], *, note: str) -> int:
    """Staff say that movements are no payouts."""
    keys = [line.pk for line in lines]
    return BankStatementLine.objects.filter(pk__in=keys, outcome=Outcome.UNMATCHED).update(outcome=Outcome.IGNORED, note=note[:200])
