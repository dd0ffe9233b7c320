"""The tables of money."""

from billing.models.cdr import CdrLine, ChargeDetailRecord, ReceiptSeries
from billing.models.ledger import Hold, LedgerAccount, LedgerEntry, LedgerTransaction
from billing.models.tariff import Tariff, TariffVersion
from billing.models.top_up import DemoPayment, TopUp

__all__ = [
    "CdrLine",
    "ChargeDetailRecord",
    "DemoPayment",
    "Hold",
    "LedgerAccount",
    "LedgerEntry",
    "LedgerTransaction",
    "ReceiptSeries",
    "Tariff",
    "TariffVersion",
    "TopUp",
]
