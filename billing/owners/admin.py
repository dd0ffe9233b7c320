"""Owners' money for staff: what was asked for and where it went, to look at."""

from typing import Any

from auditlog.registry import auditlog
from django.contrib import admin
from django.http import HttpRequest
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _

from billing import money
from billing.models import BankAccount, BankStatement, BankStatementLine, Payout, PayoutBatch, PayoutPlan, SellerData
from billing.owners import desk

auditlog.register(Payout, include_fields=["status", "approved_by", "batch", "reason"])
auditlog.register(PayoutBatch, include_fields=["number", "created_by", "total_minor", "from_iban"])
auditlog.register(BankAccount, include_fields=["owner", "iban", "confirmed_at", "usable_from", "replaced_at"])
auditlog.register(BankStatement, include_fields=["name", "digest", "created_by"])
auditlog.register(BankStatementLine, include_fields=["outcome", "payout", "note"])


class ReadOnly(admin.ModelAdmin):
    """Rows that the rules write; staff act on them at the payout desk."""

    list_per_page = 50
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never by hand."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never by hand."""
        return False


@admin.register(Payout)
class PayoutAdmin(ReadOnly):
    """Every payout there was."""

    list_display = ["variable_symbol", "owner", "amount", "status", "created_at", "batch", "paid_at"]
    list_filter = ["status", "is_automatic", "created_at"]
    search_fields = ["variable_symbol", "iban", "name", "owner__email"]
    list_select_related = ["owner", "batch"]
    change_list_template = "admin/billing/payout/change_list.html"

    def get_urls(self) -> list[URLPattern]:
        """The payout desk, behind the same door as the rest of the administration."""
        guard = self.admin_site.admin_view
        return [
            path("desk/", guard(desk.desk), name="billing_payout_desk"),
            path("desk/approve/", guard(desk.approve), name="billing_payout_approve"),
            path("desk/export/", guard(desk.export), name="billing_payout_export"),
            path("desk/statements/", guard(desk.bring_in), name="billing_payout_statement"),
            path("desk/lines/<int:line_id>/", guard(desk.settle_line), name="billing_payout_line"),
            path("desk/sellers/", guard(desk.seller_report), name="billing_payout_sellers"),
            path("desk/batches/<str:number>/", guard(desk.batch), name="billing_payout_batch"),
            path("desk/batches/<str:number>/<str:kind>/", guard(desk.batch_file), name="billing_payout_file"),
            path("desk/<uuid:code>/", guard(desk.look), name="billing_payout_look"),
            path("desk/<uuid:code>/fail/", guard(desk.fail), name="billing_payout_fail"),
            path("desk/<uuid:code>/paid/", guard(desk.mark_paid), name="billing_payout_paid"),
            *super().get_urls(),
        ]

    @admin.display(description=_("amount"), ordering="amount_minor")
    def amount(self, payout: Payout) -> str:
        """With its currency."""
        return money.fmt(payout.amount_minor, payout.currency)


@admin.register(PayoutBatch)
class PayoutBatchAdmin(ReadOnly):
    """What went to the bank in one file."""

    list_display = ["number", "total", "due_on", "created_by", "created_at"]
    list_select_related = ["created_by"]

    @admin.display(description=_("amount"), ordering="total_minor")
    def total(self, batch: PayoutBatch) -> str:
        """With its currency."""
        return money.fmt(batch.total_minor, batch.currency)


@admin.register(BankAccount)
class BankAccountAdmin(ReadOnly):
    """Where owners want their money, now and before."""

    list_display = ["owner", "iban", "name", "created_at", "confirmed_at", "usable_from", "replaced_at"]
    search_fields = ["owner__email", "iban", "name"]
    list_select_related = ["owner"]


@admin.register(PayoutPlan)
class PayoutPlanAdmin(ReadOnly):
    """Who is paid by herself."""

    list_display = ["owner", "rhythm", "next_on"]
    list_filter = ["rhythm"]
    search_fields = ["owner__email"]
    list_select_related = ["owner"]


class LineInline(admin.TabularInline):
    """The movements of a statement."""

    model = BankStatementLine
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never by hand."""
        return False


@admin.register(BankStatement)
class BankStatementAdmin(ReadOnly):
    """What the bank said."""

    list_display = ["name", "format", "created_at", "created_by"]
    list_select_related = ["created_by"]
    inlines = [LineInline]


@admin.register(BankStatementLine)
class BankStatementLineAdmin(ReadOnly):
    """Every movement, also those no payout fits."""

    list_display = ["booked_on", "amount", "counter_account", "variable_symbol", "outcome", "payout"]
    list_filter = ["outcome", "booked_on"]
    search_fields = ["variable_symbol", "counter_account", "message"]
    list_select_related = ["payout"]

    @admin.display(description=_("amount"), ordering="amount_minor")
    def amount(self, line: BankStatementLine) -> str:
        """With its sign."""
        return money.fmt(line.amount_minor, line.currency, sign=True)


@admin.register(SellerData)
class SellerDataAdmin(ReadOnly):
    """What owners declared for the tax office."""

    list_display = ["owner", "kind", "name", "completed_at", "asked_at", "reminded_at"]
    list_filter = ["kind", ("completed_at", admin.EmptyFieldListFilter)]
    search_fields = ["owner__email", "name", "company_id"]
    list_select_related = ["owner"]
