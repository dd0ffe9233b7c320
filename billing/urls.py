"""Wallet, receipts, tariffs: the addresses of money."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from billing import api
from billing.owners import urls as of_owners
from billing.views import disputes, receipts, statements, tariffs, wallet

app_name = "billing"

urlpatterns = [
    path("wallet/", wallet.wallet, name="wallet"),
    path("wallet/automatic/", wallet.auto_top_up, name="auto_top_up"),
    path("wallet/automatic/end/", wallet.auto_top_up_end, name="auto_top_up_end"),
    path("wallet/refund/", wallet.refund, name="refund"),
    path("wallet/statements/<month:number>/", statements.wallet_statement, name="wallet_statement"),
    path("wallet/statements/<month:number>.<document:ending>", statements.wallet_statement_file, name="wallet_statement_file"),
    path("wallet/top-ups/<uuid:code>/return/", wallet.top_up_return, name="top_up_return"),
    path("wallet/demo-gateway/<str:gateway_id>/", wallet.demo_gateway, name="demo_gateway"),
    path("gopay/notification/", wallet.gopay_notification, name="gopay_notification"),
    path("receipts/<str:number>.pdf", receipts.receipt_pdf, name="receipt_pdf"),
    path("receipts/<str:number>/", receipts.receipt, name="receipt"),
    path("receipts/<str:number>/verify/", receipts.receipt_verify, name="receipt_verify"),
    path("disputes/", disputes.dispute_list, name="disputes"),
    path("disputes/<uuid:code>/", disputes.dispute, name="dispute"),
    path("disputes/<uuid:code>/reply/", disputes.dispute_reply, name="dispute_reply"),
    path("disputes/<uuid:code>/withdraw/", disputes.dispute_withdraw, name="dispute_withdraw"),
    path("owner/tariffs/", tariffs.tariff_list, name="tariff_list"),
    path("owner/tariffs/new/", tariffs.tariff_edit, name="tariff_new"),
    path("owner/tariffs/<int:tariff_id>/", tariffs.tariff_edit, name="tariff_edit"),
    path("owner/tariffs/<int:tariff_id>/delete/", tariffs.tariff_delete, name="tariff_delete"),
    *of_owners.urlpatterns,
]

router = SimpleRouter()
router.register("wallet/top-ups", api.TopUpViewSet, basename="top-up")
router.register("receipts", api.ReceiptViewSet, basename="receipt")
router.register("tariffs", api.TariffViewSet, basename="tariff")

api_urlpatterns = [
    path("wallet/", api.WalletView.as_view(), name="wallet"),
    path("wallet/entries/", api.EntryListView.as_view(), name="wallet-entries"),
    path("wallet/instruments/", api.InstrumentsView.as_view(), name="instruments"),
    path("wallet/refunds/", api.RefundsView.as_view(), name="refunds"),
    path("earnings/", api.EarningsView.as_view(), name="earnings"),
    *of_owners.api_urlpatterns,
    *router.urls,
]
