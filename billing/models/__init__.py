"""The tables of money."""

from billing.models.auto_top_up import AutoTopUp
from billing.models.bank_statement import BankStatement, BankStatementLine
from billing.models.cdr import CdrLine, ChargeDetailRecord, ReceiptSeries
from billing.models.dispute import Dispute
from billing.models.fee_document import FeeDocument, FeeSeries
from billing.models.gateway_statement import GatewayStatement
from billing.models.kept import KeptBalance, KeptSum
from billing.models.ledger import Hold, LedgerAccount, LedgerEntry, LedgerTransaction
from billing.models.ledger_proof import LedgerProof
from billing.models.payout import BankAccount, Payout, PayoutBatch, PayoutPlan
from billing.models.refund import Refund
from billing.models.seller import SellerData
from billing.models.tariff import Tariff, TariffVersion
from billing.models.top_up import DemoPayment, TopUp

__all__ = [
    "AutoTopUp",
    "BankAccount",
    "BankStatement",
    "BankStatementLine",
    "CdrLine",
    "ChargeDetailRecord",
    "DemoPayment",
    "Dispute",
    "FeeDocument",
    "FeeSeries",
    "GatewayStatement",
    "Hold",
    "KeptBalance",
    "KeptSum",
    "LedgerAccount",
    "LedgerEntry",
    "LedgerProof",
    "LedgerTransaction",
    "Payout",
    "PayoutBatch",
    "PayoutPlan",
    "ReceiptSeries",
    "Refund",
    "SellerData",
    "Tariff",
    "TariffVersion",
    "TopUp",
]
