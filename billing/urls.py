"""Wallet, receipts, tariffs: the addresses of money."""

from django.urls import path

from billing import views

app_name = "billing"

urlpatterns = [
    path("receipts/<str:number>/", views.receipt, name="receipt"),
]
api_urlpatterns: list[object] = []
