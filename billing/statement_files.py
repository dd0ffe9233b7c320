"""Files in which banks write what happened on an account: Fio's CSV and the ABO statement (GPC). Pure: bytes in, movements out."""

import csv
import hashlib
import re
from collections import Counter
from dataclasses import dataclass, replace
from datetime import date, datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing import iban, money
from billing.models import BankStatement
from chargeshare.errors import Invalid

MOST_BYTES = 5_000_000
CURRENCY_OF_CODE = {"0203": "CZK", "0978": "EUR", "0840": "USD", "0826": "GBP", "0985": "PLN"}  # other words there mean the crown
COLUMNS = {  # the names Fio gives them, in its internet banking and in its API, now and before
    "id": ("id pohybu", "id operace"),
    "date": ("datum",),
    "amount": ("objem", "částka"),
    "currency": ("měna",),
    "account": ("protiúčet",),
    "bank": ("kód banky",),
    "name": ("název protiúčtu",),
    "symbol": ("vs",),
    "message": ("zpráva pro příjemce", "poznámka"),
}


class NotAStatement(Invalid):
    """The file is none of the kinds that can be read."""

    message = gettext_lazy("This file is neither a CSV of Fio banka nor an ABO statement (GPC). Nothing was changed.")


@dataclass(frozen=True)
class Movement:
    """One movement on our account. Negative amounts left us."""

    key: str
    booked_on: date
    amount_minor: int
    currency: str
    counter_account: str = ""
    counter_name: str = ""
    variable_symbol: str = ""
    message: str = ""
    digits: frozenset[str] = frozenset()

    def goes_to(self, number: str) -> bool:
        """Whether the other account is this IBAN. A bank that says nothing about it contradicts nothing."""
        if not self.digits:
            return True
        account = iban.czech(number)
        return number in self.digits or (account is not None and f"{account.prefix}{account.number}" in self.digits)


@dataclass(frozen=True)
class ReadStatement:
    """A file understood: what kind it is, whose account it is of (the ways in which its digits may stand), what happened."""

    format: str
    accounts: frozenset[str]
    movements: list[Movement]


def read(content: bytes) -> ReadStatement:
    """Understand a file, or say that it cannot be understood. A line that cannot be read refuses the whole file."""
    if len(content) > MOST_BYTES:
        raise NotAStatement(_("The file is too large."))
    if re.match(rb"(\xef\xbb\xbf)?074[0-9]{16}", content):
        return _gpc(content)
    text = _text(content)
    if "protiúčet" in text.lower():
        return _fio(text)
    raise NotAStatement


def _text(content: bytes) -> str:
    content = content.replace(b"\0", b"")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1250", errors="replace")


# ── Fio ──


def _fio(text: str) -> ReadStatement:
    try:
        rows = [[cell.strip() for cell in row] for row in csv.reader(text.splitlines(), delimiter=";")]
    except csv.Error as error:
        raise NotAStatement from error
    begins = next((at for at, row in enumerate(rows) if "protiúčet" in [cell.lower() for cell in row]), None)
    if begins is None:
        raise NotAStatement
    facts = {row[0].lower(): row[1] for row in rows[:begins] if len(row) >= 2}
    names = [cell.lower() for cell in rows[begins]]
    place = {column: next((names.index(one) for one in known if one in names), None) for column, known in COLUMNS.items()}
    if any(place[needed] is None for needed in ("date", "amount", "account")):
        raise NotAStatement
    own = facts.get("accountid", "")
    seen: Counter[str] = Counter()
    movements = []
    for number, row in enumerate(rows[begins + 1 :], start=begins + 2):
        if any(row):
            of = {column: row[at] if at is not None and at < len(row) else "" for column, at in place.items()}
            movements.append(_fio_movement(of, own, facts.get("currency", "CZK"), seen, number))
    return ReadStatement(BankStatement.Format.FIO_CSV, _ways(own) if own else frozenset(), movements)


def _fio_movement(of: dict[str, str], own: str, currency: str, seen: Counter[str], number: int) -> Movement:
    try:
        booked_on = _day(of["date"])
        amount_minor = money.minor(of["amount"])
        money_of = _currency(of["currency"] or currency)
    except (ValueError, Invalid) as error:
        raise NotAStatement(_("Line %(number)s cannot be read. Nothing was changed.") % {"number": number}) from error
    account = of["account"].replace(" ", "")
    return Movement(
        key=_key("fio", own, of["id"] or _nth("|".join(of.values()), seen)),
        booked_on=booked_on,
        amount_minor=amount_minor,
        currency=money_of,
        counter_account=f"{account}/{of['bank']}" if account and of["bank"] and "/" not in account else account,
        counter_name=of["name"],
        variable_symbol=of["symbol"].lstrip("0"),
        message=of["message"],
        digits=_ways(account) if account else frozenset(),
    )


def _currency(written: str) -> str:
    if not re.fullmatch(r"[A-Z]{3}", written):
        raise ValueError(written)
    return written


def _day(written: str) -> date:
    """14.03.2026, or as the newer API writes it, 2026-03-14 and perhaps a time zone."""
    for pattern in ("%d.%m.%Y", "%Y-%m-%d"):
        try:
            return datetime.strptime(written[:10], pattern).date()  # noqa: DTZ007 - a day has no time zone
        except ValueError:
            continue
    raise ValueError(written)


# ── GPC ──


def _gpc(content: bytes) -> ReadStatement:
    movements: list[Movement] = []
    accounts: set[str] = set()
    seen: Counter[str] = Counter()
    for number, raw in enumerate(content.removeprefix(b"\xef\xbb\xbf").replace(b"\0", b" ").splitlines(), start=1):
        line = raw.decode("cp1250", errors="replace")
        if line.startswith("074"):
            accounts |= _ways(line[3:19])
        elif line.startswith("075"):
            try:
                movements.append(_gpc_movement(line, seen))
            except ValueError as error:
                raise NotAStatement(_("Line %(number)s cannot be read. Nothing was changed.") % {"number": number}) from error
        elif line.startswith(("078", "079")) and movements:
            said = f"{movements[-1].message} {line[3:].strip()}".strip()
            movements[-1] = replace(movements[-1], message=said[:200])
    return ReadStatement(BankStatement.Format.GPC, frozenset(accounts), movements)


def _gpc_movement(line: str, seen: Counter[str]) -> Movement:
    """A line of fixed columns: own account, other account, document, amount, side, symbols, day of value, name, currency, day."""
    if len(line.rstrip()) < 97:
        raise ValueError(line)
    other, code = line[19:35], line[60]
    if code not in "1245" or not re.fullmatch(r"[0-9]{12}", line[48:60]):
        raise ValueError(line)
    sign = -1 if code in "15" else 1  # 1 leaves us, 2 comes; 4 takes back what left, 5 what came
    day = line[122:128].strip() or line[91:97]
    bank = line[73:77]
    return Movement(
        key=_key("gpc", line[3:19], _nth(line.rstrip(), seen)),
        booked_on=datetime.strptime(day, "%d%m%y").date(),  # noqa: DTZ007 - a day has no time zone
        amount_minor=sign * int(line[48:60]),
        currency=CURRENCY_OF_CODE.get(line[118:122], "CZK"),
        counter_account=f"{other}/{bank}" if other.strip("0") else "",
        counter_name=line[97:117].strip(),
        variable_symbol=line[61:71].strip().lstrip("0"),
        digits=_ways(other) if other.strip("0") else frozenset(),
    )


# ── both ──


def _ways(account: str) -> frozenset[str]:
    """The ways in which the digits of an account may stand: whole IBAN, prefix and number, and some banks' shuffled order in GPC."""
    compact = account.replace(" ", "").upper()
    if re.fullmatch(r"[A-Z]{2}[0-9]{2}[A-Z0-9]+", compact):
        parts = iban.czech(compact)
        return frozenset({compact} | ({f"{parts.prefix}{parts.number}"} if parts else set()))
    number = compact.partition("/")[0]
    prefix, dash, rest = number.partition("-")
    if dash:
        return frozenset({f"{prefix:0>6}{rest:0>10}"})
    if len(number) != 16:
        return frozenset({f"{number:0>16}"})
    shuffled = number[10:16] + "".join(number[at - 1] for at in (5, 6, 7, 8, 9, 4, 10, 2, 3, 1))
    return frozenset({number, shuffled})


def _nth(said: str, seen: Counter[str]) -> str:
    """Two movements of a file that are alike in everything are two movements all the same."""
    seen[said] += 1
    return f"{said}#{seen[said]}"


def _key(*parts: str) -> str:
    return hashlib.sha256("|".join(parts).encode()).hexdigest()
