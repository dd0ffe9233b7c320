"""Wallet, receipts, tariffs: the addresses of money."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from billing import api, views
from billing.owners import urls as of_owners

app_name = "billing"

urlpatterns = [
    path("wallet/", views.wallet, name="wallet"),
    path("wallet/automatic/", views.auto_top_up, name="auto_top_up"),
    path("wallet/automatic/end/", views.auto_top_up_end, name="auto_top_up_end"),
    path("wallet/refund/", views.refund, name="refund"),
    path("wallet/top-ups/<uuid:code>/return/", views.top_up_return, name="top_up_return"),
    path("wallet/demo-gateway/<str:gateway_id>/", views.demo_gateway, name="demo_gateway"),
    path("gopay/notification/", views.gopay_notification, name="gopay_notification"),
    path("receipts/<str:number>.pdf", views.receipt_pdf, name="receipt_pdf"),
    path("receipts/<str:number>/", views.receipt, name="receipt"),
    path("receipts/<str:number>/verify/", views.receipt_verify, name="receipt_verify"),
    path("owner/tariffs/", views.tariff_list, name="tariff_list"),
    path("owner/tariffs/new/", views.tariff_edit, name="tariff_new"),
    path("owner/tariffs/<int:tariff_id>/", views.tariff_edit, name="tariff_edit"),
    path("owner/tariffs/<int:tariff_id>/delete/", views.tariff_delete, name="tariff_delete"),
    *of_owners.urlpatterns,
]

router = SimpleRouter()
router.register("wallet/top-ups", api.TopUpViewSet, basename="top-up")
router.register("receipts", api.ReceiptViewSet, basename="receipt")
router.register("tariffs", api.TariffViewSet, basename="tariff")

api_urlpatterns = [
    path("wallet/", api.WalletView.as_view(), name="wallet"),
    path("wallet/entries/", api.EntryListView.as_view(), name="wallet-entries"),
    path("wallet/refunds/", api.RefundsView.as_view(), name="refunds"),
    path("earnings/", api.EarningsView.as_view(), name="earnings"),
    *of_owners.api_urlpatterns,
    *router.urls,
]
