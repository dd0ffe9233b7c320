"""Money for staff: the books and receipts are read, never written; top-ups under review are asked about again."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.paging import Youngest
from billing import money, top_ups
from billing.models import (
    AutoTopUp,
    CdrLine,
    ChargeDetailRecord,
    DemoPayment,
    Dispute,
    FeeDocument,
    FeeSeries,
    GatewayStatement,
    Hold,
    KeptBalance,
    KeptSum,
    LedgerAccount,
    LedgerEntry,
    LedgerProof,
    LedgerTransaction,
    ReceiptSeries,
    Refund,
    Tariff,
    TariffVersion,
    TopUp,
)
from billing.owners import admin as _of_owners  # noqa: F401 - importing registers them
from billing.views import dispute_desk, proof


class _Read:
    """Nothing here is added, changed or deleted by hand."""

    def has_add_permission(self, *_args: Any) -> bool:
        """Never."""
        return False

    def has_change_permission(self, *_args: Any) -> bool:
        """Never."""
        return False

    def has_delete_permission(self, *_args: Any) -> bool:
        """Never."""
        return False


class ReadOnlyAdmin(_Read, admin.ModelAdmin[Any]):
    """A table to look at."""

    paginator = Youngest
    list_per_page = 50
    show_full_result_count = False


class ReadOnlyInline(_Read, admin.TabularInline[Any, Any]):
    """Rows of a table to look at."""

    extra = 0


class EntryInline(ReadOnlyInline):
    """The sides of a transaction."""

    model = LedgerEntry


@admin.register(LedgerAccount)
class LedgerAccountAdmin(ReadOnlyAdmin):
    """Every pot and what is in it."""

    list_display = ["id", "user", "kind", "balance"]
    list_filter = ["kind"]
    search_fields = ["user__email", "user__name"]
    list_select_related = ["user"]

    @admin.display(description=_("balance"), ordering="balance_minor")
    def balance(self, account: LedgerAccount) -> str:
        """With its currency."""
        return money.fmt(account.balance_minor, account.currency)


@admin.register(LedgerTransaction)
class LedgerTransactionAdmin(ReadOnlyAdmin):
    """Every event in the books."""

    list_display = ["key", "kind", "note", "created_at"]
    list_filter = ["kind", "created_at"]
    search_fields = ["key", "note"]
    inlines = [EntryInline]


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ReadOnlyAdmin):
    """Who changed this balance."""

    list_display = ["id", "account", "transaction", "amount", "remained"]
    search_fields = ["transaction__key", "account__user__email"]
    list_select_related = ["account__user", "transaction"]

    @admin.display(description=_("amount"), ordering="amount_minor")
    def amount(self, entry: LedgerEntry) -> str:
        """With its sign."""
        return money.fmt(entry.amount_minor, entry.account.currency, sign=True)

    @admin.display(description=_("remained"))
    def remained(self, entry: LedgerEntry) -> str:
        """The balance afterwards."""
        return money.fmt(entry.balance_after_minor, entry.account.currency)


@admin.register(LedgerProof)
class LedgerProofAdmin(ReadOnlyAdmin):
    """When the books were proved, and what came out."""

    list_display = ["began_at", "night", "asked_by", "took_ms", "transactions", "entries", "findings"]
    list_select_related = ["asked_by"]
    date_hierarchy = "began_at"
    change_list_template = "admin/billing/ledgerproof/change_list.html"

    def get_urls(self) -> list[URLPattern]:
        """The page of the proof, behind the same door as the rest of the administration."""
        guard = self.admin_site.admin_view
        return [
            path("desk/", guard(proof.proof), name="billing_proof"),
            path("desk/now/", guard(proof.prove_now), name="billing_proof_now"),
            *super().get_urls(),
        ]

    @admin.display(description=_("findings"))
    def findings(self, made: LedgerProof) -> int:
        """How many."""
        return len(made.problems)


@admin.register(Hold)
class HoldAdmin(ReadOnlyAdmin):
    """Money set aside."""

    list_display = ["key", "user", "amount", "created_at", "closed_at"]
    list_filter = [("closed_at", admin.EmptyFieldListFilter)]
    search_fields = ["key", "user__email"]
    list_select_related = ["user"]

    @admin.display(description=_("amount"), ordering="amount_minor")
    def amount(self, hold: Hold) -> str:
        """With its currency."""
        return money.fmt(hold.amount_minor, hold.currency)


class LineInline(ReadOnlyInline):
    """The lines of a receipt."""

    model = CdrLine


@admin.register(ChargeDetailRecord)
class ChargeDetailRecordAdmin(ReadOnlyAdmin):
    """Receipts, frozen."""

    list_display = ["number", "driver", "owner", "place_name", "energy_wh", "total", "is_estimated", "created_at"]
    list_filter = ["is_estimated", "created_at"]
    search_fields = ["number", "session_code", "driver__email", "owner__email", "place_name"]
    list_select_related = ["driver", "owner"]
    inlines = [LineInline]

    @admin.display(description=_("total"), ordering="total_minor")
    def total(self, cdr: ChargeDetailRecord) -> str:
        """With its currency."""
        return money.fmt(cdr.total_minor, cdr.currency)


@admin.register(ReceiptSeries)
class ReceiptSeriesAdmin(ReadOnlyAdmin):
    """Where each series of numbers stands."""

    list_display = ["issuer", "year", "last"]


@admin.register(FeeSeries)
class FeeSeriesAdmin(ReadOnlyAdmin):
    """Where the numbers of each year's fee documents stand."""

    list_display = ["year", "last"]


@admin.register(FeeDocument)
class FeeDocumentAdmin(ReadOnlyAdmin):
    """What the platform billed owners, frozen."""

    list_display = ["number", "owner", "month", "issued_at"]
    list_filter = ["month"]
    search_fields = ["number", "owner__email"]
    list_select_related = ["owner"]


@admin.register(KeptSum)
class KeptSumAdmin(ReadOnlyAdmin):
    """What owners' receipts came to, written down."""

    list_display = ["owner", "of", "month", "charge_point_code", "driver", "sessions", "gross_minor", "earned_minor", "last_receipt"]
    list_select_related = ["owner", "driver"]
    search_fields = ["owner__email", "=charge_point_code"]


@admin.register(KeptBalance)
class KeptBalanceAdmin(ReadOnlyAdmin):
    """What the entries of accounts came to, written down."""

    list_display = ["account", "month", "moved_minor", "last_entry"]
    list_select_related = ["account__user"]
    search_fields = ["account__user__email"]


@admin.register(TopUp)
class TopUpAdmin(ReadOnlyAdmin):
    """Money on its way in."""

    list_display = ["code", "user", "amount", "status", "gateway", "gateway_id", "gateway_state", "created_at", "paid_at"]
    list_filter = ["status", "gateway", "created_at"]
    search_fields = ["code", "order_number", "gateway_id", "user__email"]
    list_select_related = ["user"]
    actions = ["ask_again", "give_up"]

    @admin.display(description=_("amount"), ordering="amount_minor")
    def amount(self, top_up: TopUp) -> str:
        """With its currency."""
        return money.fmt(top_up.amount_minor, top_up.currency)

    @admin.action(description=_("Ask the gateway again (lifts a review)"), permissions=["view"])
    def ask_again(self, request: HttpRequest, chosen: QuerySet[TopUp]) -> None:
        """After somebody has looked at what did not match; the next pass asks, and credits only what matches."""
        marked = top_ups.ask_again(chosen, now=timezone.now())
        self.message_user(request, _("Will be asked about: %(count)s.") % {"count": marked}, messages.SUCCESS)

    @admin.action(description=_("Nothing was charged (no such payment at the gateway)"), permissions=["view"])
    def give_up(self, request: HttpRequest, chosen: QuerySet[TopUp]) -> None:
        """Only where the gateway never answered; its portal is the proof."""
        self.message_user(request, _("Closed: %(count)s.") % {"count": top_ups.give_up(chosen)}, messages.SUCCESS)


@admin.register(Dispute)
class DisputeAdmin(ReadOnlyAdmin):
    """Complaints about receipts; they are decided at the desk."""

    list_display = ["cdr", "side", "reason", "status", "created_at", "decided_at", "returned_minor"]
    list_filter = ["status", "side", "reason", "created_at"]
    search_fields = ["code", "cdr__number", "opened_by__email"]
    list_select_related = ["cdr"]
    change_list_template = "admin/billing/dispute/change_list.html"

    def get_urls(self) -> list[URLPattern]:
        """The dispute desk, behind the same door as the rest of the administration."""
        guard = self.admin_site.admin_view
        return [
            path("desk/", guard(dispute_desk.dispute_desk), name="billing_dispute_desk"),
            path("desk/<uuid:code>/", guard(dispute_desk.dispute_case), name="billing_dispute_case"),
            path("desk/<uuid:code>/decide/", guard(dispute_desk.dispute_decide), name="billing_dispute_decide"),
            *super().get_urls(),
        ]


@admin.register(AutoTopUp)
class AutoTopUpAdmin(ReadOnlyAdmin):
    """Standing orders, with what their holders agreed to."""

    list_display = ["user", "state", "amount", "monthly_cap", "failures", "consented_at", "ended_at"]
    list_filter = ["state", "consented_at"]
    search_fields = ["user__email", "gateway_id"]
    list_select_related = ["user"]

    @admin.display(description=_("amount"), ordering="amount_minor")
    def amount(self, plan: AutoTopUp) -> str:
        """With its currency."""
        return money.fmt(plan.amount_minor, plan.currency)

    @admin.display(description=_("a month at most"), ordering="monthly_cap_minor")
    def monthly_cap(self, plan: AutoTopUp) -> str:
        """With its currency."""
        return money.fmt(plan.monthly_cap_minor, plan.currency)


@admin.register(GatewayStatement)
class GatewayStatementAdmin(ReadOnlyAdmin):
    """Days held against the gateway's own statement."""

    list_display = ["day", "gateway", "lines", "problems", "compared_at"]
    list_filter = ["gateway"]


@admin.register(Refund)
class RefundAdmin(ReadOnlyAdmin):
    """Money on its way back. One that failed is paid out by bank transfer."""

    list_display = ["code", "top_up", "amount", "status", "is_external", "tries", "created_at", "done_at"]
    list_filter = ["status", "is_external", "created_at"]
    search_fields = ["code", "gateway_refund_id", "top_up__gateway_id", "top_up__user__email"]
    list_select_related = ["top_up"]

    @admin.display(description=_("amount"), ordering="amount_minor")
    def amount(self, refund: Refund) -> str:
        """With its currency."""
        return money.fmt(refund.amount_minor, refund.top_up.currency)


@admin.register(DemoPayment)
class DemoPaymentAdmin(ReadOnlyAdmin):
    """What the demo gateway knows."""

    list_display = ["gateway_id", "order_number", "amount_minor", "state", "created_at"]
    list_filter = ["state"]


class VersionInline(ReadOnlyInline):
    """Every version of a tariff."""

    model = TariffVersion
    fk_name = "tariff"


@admin.register(Tariff)
class TariffAdmin(ReadOnlyAdmin):
    """Price lists; owners write them."""

    list_display = ["name", "owner", "current", "created_at", "deleted_at"]
    list_filter = [("deleted_at", admin.EmptyFieldListFilter)]
    search_fields = ["name", "owner__email"]
    list_select_related = ["owner", "current__tariff"]
    inlines = [VersionInline]
