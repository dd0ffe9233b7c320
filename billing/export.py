"""All that this floor holds about one person."""

from typing import Any

from django.db.models import Q

from accounts.models import User
from billing import tariffs
from billing.models import (
    AutoTopUp,
    BankAccount,
    CdrLine,
    ChargeDetailRecord,
    Dispute,
    FeeDocument,
    Hold,
    LedgerAccount,
    LedgerEntry,
    Payout,
    PayoutPlan,
    Refund,
    SellerData,
    Tariff,
    TopUp,
)

CDR_FIELDS = (
    *("number", "session_code", "owner_name", "place_name", "place_address", "charge_point_code", "connector_label", "id_token_label"),
    *("started_at", "stopped_at", "meter_start_wh", "meter_stop_wh", "energy_wh", "currency", "total_minor", "promo_minor", "cash_minor"),
    *("debt_minor", "loss_minor", "fee_minor", "owner_minor", "tariff", "is_estimated", "created_at"),
    *("supply_model", "supplier_name", "supplier_address", "supplier_company_id", "supplier_vat_id", "vat_percent", "vat_minor"),
)
VERSION_FIELDS = (*tariffs.PRICES, "valid_from", "created_at")

PAYOUT_FIELDS = (
    *("code", "amount_minor", "currency", "iban", "name", "variable_symbol", "status", "is_automatic"),
    *("created_at", "approved_at", "paid_at", "ended_at", "reason"),
)
SELLER_FIELDS = (
    *("kind", "name", "street", "city", "postcode", "country", "birth_date", "company_id", "tin", "vat_id", "is_vat_payer"),
    *("completed_at", "asked_at", "reminded_at"),
)

DISPUTE_FIELDS = (
    *("code", "cdr__number", "side", "reason", "text", "disputed_minor", "status", "created_at", "reply_by", "reply", "replied_at"),
    *("decision", "returned_minor", "decided_at"),
)
AUTO_TOP_UP_FIELDS = (
    *("state", "amount_minor", "below_minor", "monthly_cap_minor", "currency", "consent", "consent_address", "consented_at", "ended_at"),
)
REFUND_FIELDS = ("code", "top_up__code", "amount_minor", "status", "created_at", "done_at")


def everything_about(user: User) -> dict[str, Any]:
    """Wallet, journal, top-ups, receipts on both sides, what was said of them, and tariffs, ready for JSON; amounts in minor units."""
    return {
        "accounts": list(LedgerAccount.objects.filter(user=user).order_by("pk").values("kind", "currency", "balance_minor")),
        "entries": list(
            LedgerEntry.objects.filter(account__user=user)
            .order_by("pk")
            .values(
                "account__kind", "amount_minor", "balance_after_minor", "transaction__key", "transaction__note", "transaction__created_at"
            )
        ),
        "holds": list(Hold.objects.filter(user=user).order_by("pk").values("key", "amount_minor", "currency", "created_at", "closed_at")),
        "top_ups": list(
            TopUp.objects.filter(user=user)
            .order_by("pk")
            .values("code", "amount_minor", "currency", "status", "gateway", "gateway_id", "refunded_minor", "created_at", "paid_at")
        ),
        "automatic_top_ups": list(AutoTopUp.objects.filter(user=user).order_by("pk").values(*AUTO_TOP_UP_FIELDS)),
        "refunds": list(Refund.objects.filter(top_up__user=user).order_by("pk").values(*REFUND_FIELDS)),
        "disputes": list(
            Dispute.objects.filter(Q(opened_by=user) | Q(cdr__driver=user) | Q(cdr__owner=user)).order_by("pk").values(*DISPUTE_FIELDS)
        ),
        "bank_accounts": list(
            BankAccount.objects.filter(owner=user)
            .order_by("pk")
            .values("iban", "name", "created_at", "confirmed_at", "usable_from", "replaced_at")
        ),
        "payouts": list(Payout.objects.filter(owner=user).order_by("pk").values(*PAYOUT_FIELDS)),
        "fee_documents": list(
            FeeDocument.objects.filter(owner=user)
            .order_by("pk")
            .values("number", "month", "issued_at", "issuer", "customer", "sums", "currency")
        ),
        "payout_plan": PayoutPlan.objects.filter(owner=user).values("rhythm", "keep_minor", "next_on").first(),
        "seller_data": SellerData.objects.filter(owner=user).values(*SELLER_FIELDS).first(),
        "receipts": [_receipt(cdr, user) for cdr in ChargeDetailRecord.objects.filter(Q(driver=user) | Q(owner=user)).order_by("pk")],
        "tariffs": [
            {
                "name": tariff.name,
                "currency": tariff.currency,
                "created_at": tariff.created_at,
                "deleted_at": tariff.deleted_at,
                "versions": list(tariff.versions.order_by("number").values(*VERSION_FIELDS)),
            }
            for tariff in Tariff.objects.filter(owner=user).order_by("pk")
        ],
    }


def _receipt(cdr: ChargeDetailRecord, user: User) -> dict[str, Any]:
    """A receipt as one side of it knows it: an owner is not told which card her guest used."""
    values = {field: getattr(cdr, field) for field in CDR_FIELDS}
    if cdr.driver_id != user.pk:
        values.pop("id_token_label")
    lines = CdrLine.objects.filter(cdr=cdr).order_by("pk")
    return {**values, "lines": list(lines.values("kind", "text", "quantity", "unit_price", "amount_minor"))}
