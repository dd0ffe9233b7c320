"""The addresses of owners' money."""

from django.urls import path, register_converter
from django.urls.converters import StringConverter
from rest_framework.routers import SimpleRouter

from billing.owners import api, views


class Ending(StringConverter):
    """The kinds of file a table is given as."""

    regex = "csv|xlsx"


class Document(StringConverter):
    """The kinds of file a statement is given as."""

    regex = "csv|xlsx|pdf"


class Month(StringConverter):
    """A month: 2026-11."""

    regex = "20[0-9]{2}-(?:0[1-9]|1[0-2])"


class Year(StringConverter):
    """A year of this century."""

    regex = "20[0-9]{2}"

    def to_python(self, value: str) -> int:  # type: ignore[override]
        """As a number."""
        return int(value)


register_converter(Ending, "ending")
register_converter(Document, "document")
register_converter(Month, "month")
register_converter(Year, "year")

urlpatterns = [
    path("owner/payouts/", views.payout_list, name="payouts"),
    path("owner/payouts/plan/", views.payout_plan, name="payout_plan"),
    path("owner/payouts/<uuid:code>/cancel/", views.payout_cancel, name="payout_cancel"),
    path("owner/bank-account/", views.bank_account, name="bank_account"),
    path("owner/bank-account/<int:account_id>/remove/", views.bank_account_remove, name="bank_account_remove"),
    path("owner/bank-account/<int:account_id>/letter/", views.bank_account_letter, name="bank_account_letter"),
    path("owner/bank-account/confirm/<str:token>/", views.bank_account_confirm, name="bank_account_confirm"),
    path("owner/earnings/", views.earning_list, name="earnings"),
    path("owner/earnings/<year:year>.<ending:ending>", views.earning_export, name="earning_export"),
    path("owner/statements/<month:number>/", views.monthly_statement, name="monthly_statement"),
    path("owner/statements/<month:number>.<document:ending>", views.monthly_statement_export, name="monthly_statement_export"),
    path("owner/taxes/", views.tax_overview, name="taxes"),
    path("owner/taxes/<year:year>.<ending:ending>", views.tax_export, name="tax_export"),
    path("owner/tax-data/", views.seller_data_edit, name="seller_data"),
]

router = SimpleRouter()
router.register("payouts", api.PayoutViewSet, basename="payout")
api_urlpatterns = router.urls
