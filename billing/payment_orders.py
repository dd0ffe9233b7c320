"""A batch of payouts as banks read it: ISO 20022 pain.001, ABO (KPC), Fio's XML; and one payout as a QR payment.

Everything is made from what the batch and its payouts have frozen, so the same batch is the same file at every download,
down to the byte, and a bank that refuses files it has seen before will refuse it.
"""

import re
import unicodedata
from datetime import UTC
from xml.etree import ElementTree as ET

from django.utils.translation import gettext as _

from billing import iban, money
from billing.models import Payout, PayoutBatch
from chargeshare.errors import DomainError

PAIN = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.03"
FIO_SCHEMA = "http://www.fio.cz/schema/importIB.xsd"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
FIO_STANDARD_ORDER = "431001"
_NOT_SEPA = re.compile(r"[^A-Za-z0-9/\-?:().,'+ ]")


class NotInThisFormat(DomainError):
    """A payout of the batch cannot be said in this format."""

    code = "not_in_this_format"


def payouts_of(batch: PayoutBatch) -> list[Payout]:
    """What the batch holds, always in the same order: also those that came back since."""
    return list(Payout.objects.filter(batch=batch).order_by("pk"))


def plain(text: str, most: int) -> str:
    """A text in the letters every bank can print."""
    without_marks = "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
    return " ".join(_NOT_SEPA.sub(" ", without_marks).split())[:most].strip()


def message(payout: Payout) -> str:
    """What the owner reads on her statement."""
    return f"ChargeShare vyplata {payout.variable_symbol}"


def pain_001(batch: PayoutBatch) -> bytes:
    """ISO 20022 customer credit transfer initiation, version 3, which every Czech bank reads."""
    payouts = payouts_of(batch)
    document = ET.Element("Document", xmlns=PAIN)
    initiation = ET.SubElement(document, "CstmrCdtTrfInitn")
    header = ET.SubElement(initiation, "GrpHdr")
    _add(header, "MsgId", f"CHARGESHARE-{batch.number}")
    _add(header, "CreDtTm", f"{batch.created_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}")
    _add(header, "NbOfTxs", str(len(payouts)))
    _add(header, "CtrlSum", str(money.decimal(batch.total_minor)))
    _add(header, "InitgPty/Nm", plain(batch.from_name, 70))
    block = ET.SubElement(initiation, "PmtInf")
    _add(block, "PmtInfId", f"CHARGESHARE-{batch.number}")
    _add(block, "PmtMtd", "TRF")
    _add(block, "NbOfTxs", str(len(payouts)))
    _add(block, "CtrlSum", str(money.decimal(batch.total_minor)))
    _add(block, "ReqdExctnDt", batch.due_on.isoformat())
    _add(block, "Dbtr/Nm", plain(batch.from_name, 70))
    account = ET.SubElement(block, "DbtrAcct")
    _add(account, "Id/IBAN", batch.from_iban)
    _add(account, "Ccy", batch.currency)
    _add(block, "DbtrAgt/FinInstnId/Othr/Id", "NOTPROVIDED")
    for payout in payouts:
        _add_transfer(block, payout)
    return _xml(document)


def _add_transfer(block: ET.Element, payout: Payout) -> None:
    transfer = ET.SubElement(block, "CdtTrfTxInf")
    names = ET.SubElement(transfer, "PmtId")
    _add(names, "InstrId", payout.variable_symbol)
    _add(names, "EndToEndId", f"/VS{payout.variable_symbol}")
    _add(transfer, "Amt/InstdAmt", str(money.decimal(payout.amount_minor))).set("Ccy", payout.currency)
    _add(transfer, "Cdtr/Nm", plain(payout.name, 70) or payout.variable_symbol)
    _add(transfer, "CdtrAcct/Id/IBAN", payout.iban)
    _add(transfer, "RmtInf/Ustrd", message(payout))


def abo(batch: PayoutBatch) -> bytes:
    """The file of payment orders (KPC) that Czech banks have read since their clearing centre began."""
    payouts = payouts_of(batch)
    _require_crowns(batch, "ABO")
    ours = _czech(batch.from_iban, "ABO")
    made = f"{batch.created_at.astimezone(UTC):%d%m%y}"
    name = plain(batch.from_name, 20).upper()
    lines = [
        f"UHL1{made}{name:<20}{0:010d}{1:03d}{999:03d}{0:06d}{0:06d}",
        f"1 1501 001000 {ours.bank}",
        f"2 {ours.prefix}-{ours.number} {batch.total_minor:015d} {batch.due_on:%d%m%y}",
    ]
    for payout in payouts:
        account = _czech(payout.iban, "ABO")
        lines.append(
            f"{account.prefix}-{account.number} {payout.amount_minor:015d} {payout.variable_symbol:0>10} {account.bank}0000 {0:010d} "
            f"AV:{plain(message(payout), 35)}"
        )
    return "".join(f"{line}\r\n" for line in [*lines, "3 +", "5 +"]).encode("ascii")


def fio_xml(batch: PayoutBatch) -> bytes:
    """Payment orders as Fio banka imports them."""
    _require_crowns(batch, "Fio")
    ours = _czech(batch.from_iban, "Fio")
    document = ET.Element("Import", {"xmlns:xsi": XSI, "xsi:noNamespaceSchemaLocation": FIO_SCHEMA})
    orders = ET.SubElement(document, "Orders")
    for payout in payouts_of(batch):
        account = _czech(payout.iban, "Fio")
        order = ET.SubElement(orders, "DomesticTransaction")
        _add(order, "accountFrom", str(ours).partition("/")[0])
        _add(order, "currency", payout.currency)
        _add(order, "amount", str(money.decimal(payout.amount_minor)))
        _add(order, "accountTo", str(account).partition("/")[0])
        _add(order, "bankCode", account.bank)
        _add(order, "vs", payout.variable_symbol)
        _add(order, "date", batch.due_on.isoformat())
        _add(order, "messageForRecipient", message(payout))
        _add(order, "paymentType", FIO_STANDARD_ORDER)
    return _xml(document)


def spayd(payout: Payout) -> str:
    """One payout as a Czech QR payment, for whoever pays by hand."""
    parts = {
        "ACC": payout.iban,
        "AM": str(money.decimal(payout.amount_minor)),
        "CC": payout.currency,
        "RN": plain(payout.name, 35).upper(),
        "MSG": plain(message(payout), 60).upper(),
        "X-VS": payout.variable_symbol,
    }
    return "SPD*1.0*" + "*".join(f"{name}:{value}" for name, value in parts.items() if value)


FORMATS = {"pain.001": (pain_001, "xml"), "abo": (abo, "kpc"), "fio": (fio_xml, "xml")}


def _require_crowns(batch: PayoutBatch, name: str) -> None:
    if batch.currency != "CZK":
        raise NotInThisFormat(_("%(format)s pays crowns alone. Use pain.001.") % {"format": name})


def _czech(number: str, name: str) -> iban.CzechAccount:
    account = iban.czech(number)
    if account is None:
        raise NotInThisFormat(
            _("%(format)s knows Czech accounts alone, and %(iban)s is none. Use pain.001.") % {"format": name, "iban": iban.written(number)}
        )
    return account


def _add(parent: ET.Element, path: str, text: str) -> ET.Element:
    """Add an element, and those it lies in."""
    node = parent
    for name in path.split("/"):
        node = ET.SubElement(node, name)
    node.text = text
    return node


def _xml(document: ET.Element) -> bytes:
    ET.indent(document)
    written: bytes = ET.tostring(document, encoding="utf-8", xml_declaration=True)
    return written + b"\n"
