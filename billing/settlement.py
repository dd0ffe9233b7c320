"""Turning a finished session into money moved and a receipt frozen; and putting right what a late StopTransaction corrects."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Sum
from django.utils import timezone

from accounts.models import User
from billing import ledger, money, pricing, suppliers
from billing.ledger import Kind
from billing.models import CdrLine, ChargeDetailRecord, Dispute, Hold, LedgerAccount, ReceiptSeries
from billing.pricing import PricedLine, Prices, Usage
from chargeshare import sentences
from chargeshare.sentences import Question

_COUNT_ON = f"UPDATE {ReceiptSeries._meta.db_table} SET last = last + 1"  # noqa: S608 - a name of ours
MOST_DEBT_MINOR = 5_000  # an overrun beyond it is the platform's loss
MOST_CORRECTION_MINOR = 2_000  # dearer than that only after somebody of staff has looked


@dataclass(frozen=True)
class Bill:
    """All that is needed to settle a session, with copies of every text: what they name may be gone tomorrow."""

    session_code: uuid.UUID
    driver: User | None
    owner: User
    usage: Usage
    prices: Prices | None
    is_free: bool
    fee_share: Decimal
    hold: Hold | None
    place_name: str
    charge_point_code: str
    connector_label: str
    place_address: str = ""
    id_token_label: str = ""
    meter_start_wh: int | None = None
    meter_stop_wh: int | None = None
    is_estimated: bool = False
    is_unproven: bool = False
    settled_at: datetime | None = None
    readings: tuple[tuple[datetime, int | None, int | None], ...] = ()  # when, the register in Wh, the power in W
    fees: tuple[PricedLine, ...] = ()  # of a booking nobody used: instead of all that a meter would have counted

    def lines(self) -> list[PricedLine]:
        """What the receipt lists. A free session lists its energy at nothing; one that nobody pays for as well."""
        if self.fees:
            return list(self.fees)
        if self.prices is not None and self.driver is not None and not self.is_free:
            return pricing.price(self.prices, self.usage)
        if self.usage.energy_wh < pricing.FREE_BELOW_WH:
            return []
        return [PricedLine(CdrLine.Kind.ENERGY, "", Decimal(self.usage.energy_wh).scaleb(-3), Decimal(0), 0)]


@dataclass(frozen=True)
class Parts:
    """Where a total comes from; negative parts are given back."""

    promo_minor: int = 0
    cash_minor: int = 0
    debt_minor: int = 0
    loss_minor: int = 0


@dataclass
class _Books:
    """The locked accounts of one settlement."""

    bill: Bill
    accounts: dict[str, LedgerAccount] = field(default_factory=dict)
    purse: ledger.Wallet | None = None
    own_hold_minor: int = 0

    def __post_init__(self) -> None:
        self.accounts = ledger.lock_of(_wanted(self.bill.owner, self.bill.driver))
        if self.bill.driver is not None:
            held = ledger.holds(self.bill.driver)
            self.own_hold_minor = held.get(self.bill.hold.pk, 0) if self.bill.hold is not None else 0
            self.purse = ledger.Wallet(
                cash_minor=self.accounts[Kind.CASH].balance_minor,
                promo_minor=self.accounts[Kind.PROMO].balance_minor,
                debt_minor=self.accounts[Kind.DEBT].balance_minor,
                held_minor=sum(held.values()),
                currency=settings.CURRENCY,
            )

    def post(self, *, key: str, kind: str, cdr: ChargeDetailRecord) -> None:
        """Move the money that the record says has moved."""
        if cdr.total_minor == 0 and not any((cdr.promo_minor, cdr.cash_minor, cdr.debt_minor, cdr.loss_minor, cdr.fee_minor)):
            return
        entries = [
            (self.accounts["pending"], cdr.owner_minor),
            (self.accounts["fee"], cdr.fee_minor),
            (self.accounts["loss"], -cdr.loss_minor),
            (self.accounts[Kind.PROMO], -cdr.promo_minor),
            (self.accounts[Kind.CASH], -cdr.cash_minor),
            (self.accounts[Kind.DEBT], -cdr.debt_minor),
        ]
        url = cdr.get_absolute_url()
        ledger.book(key=key, kind=kind, entries=entries, note=cdr.place_name, url=url, at=cdr.created_at)


def _wanted(owner: User, driver: User | None) -> dict[str, tuple[User | None, str]]:
    """The accounts that settling a session between these two may touch."""
    wanted: dict[str, tuple[User | None, str]] = {
        "pending": (owner, Kind.EARNINGS_PENDING),
        "fee": (None, Kind.PLATFORM_FEE),
        "loss": (None, Kind.LOSS),
    }
    if driver is not None:
        wanted |= {kind: (driver, kind) for kind in ledger.WALLET_KINDS}
    return wanted


def lock(pairs: Iterable[tuple[User, User | None]]) -> None:
    """Lock what settling sessions of these owners and drivers will touch, at once and in the one order.

    For whoever settles one session and then looks at another wallet in the same transaction: locking the second one only
    then would be out of order.
    """
    ledger.lock_of({f"{turn} {name}": of for turn, pair in enumerate(pairs) for name, of in _wanted(*pair).items()})


_first_record = Question[ChargeDetailRecord](
    lambda session_code: ChargeDetailRecord.objects.filter(session_code=session_code, corrects=None)
)


@ledger.retried
@transaction.atomic(savepoint=False)
def settle(bill: Bill) -> ChargeDetailRecord:
    """Price a session, move the money, close the hold, freeze the receipt. Any number of calls settle once.

    Promo credit goes first, then own money, as far as it is not held for other sessions; a shortfall becomes a debt up to
    a limit and the platform's loss beyond it. The owner is paid in full whatever the driver could pay.
    """
    books = _Books(bill)
    settled = _first_record.first(bill.session_code)
    if settled is not None:
        return settled
    lines = bill.lines()
    total_minor = pricing.total(lines)
    parts = _cover(books, total_minor, debt_so_far_minor=0)
    if bill.hold is not None:
        ledger.release(bill.hold)
    fee_minor = money.share_down(total_minor, bill.fee_share)
    cdr = _freeze(bill, lines, parts, total_minor=total_minor, fee_minor=fee_minor)
    books.post(key=f"session:{bill.session_code}:settle", kind="settle", cdr=cdr)
    return cdr


@ledger.retried
@transaction.atomic
def correct(cdr: ChargeDetailRecord, bill: Bill, *, approved: bool = False) -> ChargeDetailRecord | None:
    """Put right a receipt whose session turned out otherwise: a credit of the earlier one and the new lines.

    Cheaper is done at once. Dearer by up to 20 Kč as well; dearer than that returns None and waits for staff, who call it
    with `approved`. Where nothing changes, the latest record is returned and nothing is booked.
    """
    books = _Books(bill)
    records, so_far = _so_far(cdr.session_code)
    lines = bill.lines()
    total_minor = pricing.total(lines)
    difference_minor = total_minor - so_far["total_minor"]
    latest: ChargeDetailRecord = records[-1]
    if difference_minor == 0:
        return latest
    if difference_minor > 0 and not approved and (difference_minor > MOST_CORRECTION_MINOR or _was_disputed(cdr)):
        return None
    if difference_minor > 0:
        parts = _cover(books, difference_minor, debt_so_far_minor=so_far["debt_minor"])
    else:
        parts = _give_back(books, -difference_minor, so_far)
    fee_minor = money.share_down(total_minor, bill.fee_share) - so_far["fee_minor"]
    if so_far["total_minor"]:
        credit_minor = -so_far["total_minor"]
        lines = [PricedLine(CdrLine.Kind.CREDIT, latest.number, Decimal(1), money.decimal(credit_minor), credit_minor), *lines]
    correction = _freeze(bill, lines, parts, total_minor=difference_minor, fee_minor=fee_minor, corrects=latest, so_far=so_far)
    books.post(key=f"session:{bill.session_code}:correct:{len(records)}", kind="correct", cdr=correction)
    return correction


@ledger.retried
@transaction.atomic
def credit(cdr: ChargeDetailRecord, amount_minor: int) -> ChargeDetailRecord:
    """Give a driver back a part of what a session has cost her, or all of it, by a credit note; fee and earnings shrink alike."""
    prices = Prices.from_snapshot(cdr.tariff) if cdr.tariff else None
    bill = Bill(
        session_code=cdr.session_code,
        driver=cdr.driver,
        owner=cdr.owner,
        usage=Usage(cdr.energy_wh, cdr.started_at, cdr.stopped_at, int((cdr.stopped_at - cdr.started_at).total_seconds())),
        prices=prices,
        is_free=False,
        fee_share=Decimal(0),
        hold=None,
        place_name=cdr.place_name,
        place_address=cdr.place_address,
        charge_point_code=cdr.charge_point_code,
        connector_label=cdr.connector_label,
        id_token_label=cdr.id_token_label,
        meter_start_wh=cdr.meter_start_wh,
        meter_stop_wh=cdr.meter_stop_wh,
        is_estimated=cdr.is_estimated,
        is_unproven=cdr.is_unproven,
    )
    books = _Books(bill)
    records, so_far = _so_far(cdr.session_code)
    if not 0 < amount_minor <= so_far["total_minor"]:
        raise ValueError(f"{amount_minor} cannot be given back of {so_far['total_minor']}.")
    latest = records[-1]
    lines = [PricedLine(CdrLine.Kind.CREDIT, latest.number, Decimal(1), money.decimal(-amount_minor), -amount_minor)]
    fee_minor = _fee_of(so_far["total_minor"] - amount_minor, so_far) - so_far["fee_minor"]
    parts = _give_back(books, amount_minor, so_far)
    note = _freeze(bill, lines, parts, total_minor=-amount_minor, fee_minor=fee_minor, corrects=latest, so_far=so_far)
    books.post(key=f"session:{cdr.session_code}:correct:{len(records)}", kind="correct", cdr=note)
    return note


def owner_share_minor(session_code: uuid.UUID, amount_minor: int) -> int:
    """How much of an amount a driver paid for a session is the owner's."""
    _records, so_far = _so_far(session_code)
    return amount_minor - _fee_of(amount_minor, so_far)


def _fee_of(amount_minor: int, so_far: dict[str, int]) -> int:
    return so_far["fee_minor"] * amount_minor // so_far["total_minor"] if so_far["total_minor"] else 0


def _so_far(session_code: uuid.UUID) -> tuple[list[ChargeDetailRecord], dict[str, int]]:
    """The records of a session, oldest first, and what they come to."""
    records = list(ChargeDetailRecord.objects.filter(session_code=session_code).order_by("pk"))
    names = ("total_minor", "fee_minor", "promo_minor", "cash_minor", "debt_minor", "loss_minor", "vat_minor", "fee_vat_minor")
    return records, {name: sum(getattr(record, name) for record in records) for name in names}


def _was_disputed(cdr: ChargeDetailRecord) -> bool:
    """Whether staff gave something back: what a charger says later does not take it away again by itself."""
    return Dispute.objects.filter(cdr__session_code=cdr.session_code, status=Dispute.Status.DECIDED, returned_minor__gt=0).exists()


def _cover(books: _Books, amount_minor: int, *, debt_so_far_minor: int) -> Parts:
    purse = books.purse
    if purse is None or amount_minor == 0:
        return Parts(loss_minor=amount_minor)
    payable_minor = min(amount_minor, max(0, purse.available_minor + books.own_hold_minor))
    promo_minor = min(payable_minor, max(0, purse.promo_minor))
    short_minor = amount_minor - payable_minor
    debt_minor = min(short_minor, max(0, MOST_DEBT_MINOR - debt_so_far_minor))
    return Parts(promo_minor, payable_minor - promo_minor, debt_minor, short_minor - debt_minor)


def _give_back(books: _Books, amount_minor: int, so_far: dict[str, int]) -> Parts:
    """Return money in the opposite order: first the platform's loss, then the debt, then own money, then promo credit.

    A debt that has been paid since comes back as own money.
    """
    loss_minor = min(amount_minor, max(0, so_far["loss_minor"]))
    rest_minor = amount_minor - loss_minor
    owed_minor = -books.purse.debt_minor if books.purse else 0
    debt_minor = min(rest_minor, max(0, so_far["debt_minor"]), max(0, owed_minor))
    rest_minor -= debt_minor
    promo_minor = max(0, rest_minor - max(0, so_far["cash_minor"] + so_far["debt_minor"] - debt_minor))
    return Parts(-promo_minor, -(rest_minor - promo_minor), -debt_minor, -loss_minor)


def _freeze(
    bill: Bill,
    lines: Sequence[PricedLine],
    parts: Parts,
    *,
    total_minor: int,
    fee_minor: int,
    corrects: ChargeDetailRecord | None = None,
    so_far: dict[str, int] | None = None,
) -> ChargeDetailRecord:
    now = bill.settled_at or timezone.now()
    supplier = suppliers.of_record(corrects) if corrects else suppliers.of(bill.owner, bill.place_name)
    fee_vat_percent = corrects.fee_vat_percent if corrects else suppliers.fee_vat_percent()
    cdr = ChargeDetailRecord(
        number=_next_number(bill.owner, now, supplier.model),
        session_code=bill.session_code,
        corrects=corrects,
        driver=bill.driver,
        owner=bill.owner,
        owner_name=(bill.owner.name or bill.place_name)[:100],
        supply_model=supplier.model,
        supplier_name=supplier.name,
        supplier_address=supplier.address,
        supplier_company_id=supplier.company_id,
        supplier_vat_id=supplier.vat_id,
        vat_percent=supplier.vat_percent,
        vat_minor=_vat(total_minor, supplier.vat_percent, so_far, "total_minor", "vat_minor"),
        fee_vat_percent=fee_vat_percent,
        fee_vat_minor=_vat(fee_minor, fee_vat_percent, so_far, "fee_minor", "fee_vat_minor"),
        place_name=bill.place_name[:100],
        place_address=bill.place_address[:200],
        charge_point_code=bill.charge_point_code[:20],
        connector_label=bill.connector_label[:60],
        id_token_label=bill.id_token_label[:60],
        started_at=bill.usage.started_at,
        stopped_at=bill.usage.stopped_at,
        meter_start_wh=bill.meter_start_wh,
        meter_stop_wh=bill.meter_stop_wh,
        energy_wh=bill.usage.energy_wh,
        currency=settings.CURRENCY,
        total_minor=total_minor,
        fee_minor=fee_minor,
        owner_minor=total_minor - fee_minor,
        promo_minor=parts.promo_minor,
        cash_minor=parts.cash_minor,
        debt_minor=parts.debt_minor,
        loss_minor=parts.loss_minor,
        tariff=bill.prices.snapshot() if bill.prices is not None else {},
        readings=[[at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), wh, w] for at, wh, w in bill.readings],
        is_estimated=bill.is_estimated,
        is_unproven=bill.is_unproven,
        created_at=now,
    )
    sentences.insert(cdr)
    for line in lines:
        sentences.insert(CdrLine(cdr=cdr, **vars(line)))
    return cdr


def _vat(amount_minor: int, percent: Decimal | None, so_far: dict[str, int] | None, amounts: str, vats: str) -> int:
    """The VAT of an amount; of a correction the difference between what it is now and what it was, so that together they are exact."""
    if percent is None:
        return 0
    before = so_far or {amounts: 0, vats: 0}
    return money.vat_minor(before[amounts] + amount_minor, percent) - before[vats]


def _next_number(owner: User, now: datetime, supply_model: str) -> str:
    """The next number of an issuer's year. The series stays locked until commit, so that no number is ever missing."""
    issuer = owner if supply_model == suppliers.Model.AGENT else None
    year = timezone.localtime(now).year
    last = _count_on(issuer, year)
    if last is None:
        ReceiptSeries.objects.get_or_create(issuer=issuer, year=year)
        last = _count_on(issuer, year)
    return f"{year}-{issuer.pk:04d}-{last:06d}" if issuer else f"{year}-{last:06d}"


def _count_on(issuer: User | None, year: int) -> int | None:
    """Take the next number and lock the series, in one statement; None where there is no series yet."""
    whose, values = ("issuer_id = %s", [issuer.pk]) if issuer else ("issuer_id IS NULL", [])
    with connection.cursor() as cursor:
        cursor.execute(f"{_COUNT_ON} WHERE {whose} AND year = %s RETURNING last", [*values, year])
        row = cursor.fetchone()
    return int(row[0]) if row else None


def spent_minor(session_code: uuid.UUID) -> int:
    """What a session has cost in the end, corrections included."""
    total = ChargeDetailRecord.objects.filter(session_code=session_code).aggregate(sum=Sum("total_minor"))
    return int(total["sum"] or 0)
