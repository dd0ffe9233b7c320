"""Where people find their account."""

from typing import Any

from django.urls import URLPattern, URLResolver, path

from accounts import views
from accounts.api import auth, me
from accounts.api import notifications as notifications_api
from accounts.api import vehicles as vehicles_api
from accounts.inbox import views as inbox_views

app_name = "accounts"

_one: dict[str, Any] = {"get": "retrieve", "patch": "partial_update", "delete": "destroy"}
_many: dict[str, Any] = {"get": "list", "post": "create"}

urlpatterns: list[URLPattern | URLResolver] = [
    path("accounts/profile/", views.profile, name="profile"),
    path("accounts/cards/", views.cards, name="id_tokens"),
    path("accounts/cards/<int:pk>/edit/", views.card_edit, name="card_edit"),
    path("accounts/cards/<int:pk>/block/", views.card_block, name="card_block"),
    path("accounts/cards/<int:pk>/confirm/", views.card_confirm, name="card_confirm"),
    path("accounts/cards/<int:pk>/remove/", views.card_remove, name="card_remove"),
    path("accounts/vehicles/", views.vehicle_list, name="vehicle_list"),
    path("accounts/vehicles/new/", views.vehicle_new, name="vehicle_new"),
    path("accounts/vehicles/<uuid:code>/", views.vehicle_edit, name="vehicle_edit"),
    path("accounts/vehicles/<uuid:code>/default/", views.vehicle_default, name="vehicle_default"),
    path("accounts/vehicles/<uuid:code>/remove/", views.vehicle_remove, name="vehicle_remove"),
    path("accounts/inbox/", inbox_views.inbox, name="notifications"),
    path("accounts/inbox/read/", inbox_views.inbox_read, name="inbox_read"),
    path("accounts/inbox/<int:pk>/", inbox_views.inbox_open, name="inbox_open"),
    path("accounts/inbox/settings/", inbox_views.inbox_settings, name="inbox_settings"),
    path("accounts/inbox/settings/devices/", inbox_views.device_add, name="device_add"),
    path("accounts/inbox/settings/devices/<uuid:code>/remove/", inbox_views.device_remove, name="device_remove"),
    path("push/renewed/", inbox_views.device_renewed, name="device_renewed"),
    path("accounts/privacy/", views.privacy, name="privacy"),
    path("accounts/privacy/close/", views.close, name="close"),
]

api_urlpatterns: list[URLPattern | URLResolver] = [
    path("auth/register/", auth.RegisterView.as_view(), name="register"),
    path("auth/token/", auth.TokenView.as_view(), name="token"),
    path("auth/token/refresh/", auth.RefreshView.as_view(), name="token_refresh"),
    path("auth/logout/", auth.LogoutView.as_view(), name="logout"),
    path("me/", me.MeView.as_view(), name="me"),
    path("me/id-tokens/", me.IdTokenViewSet.as_view(_many), name="my_id_tokens"),
    path("me/id-tokens/<str:uid>/", me.IdTokenViewSet.as_view(_one), name="my_id_token"),
    path("id-tokens/", me.AnyIdTokenViewSet.as_view(_many), name="id_tokens"),
    path("id-tokens/<str:uid>/", me.AnyIdTokenViewSet.as_view(_one), name="id_token"),
    path("vehicles/", vehicles_api.VehicleViewSet.as_view(_many), name="vehicles"),
    path("vehicles/models/", vehicles_api.VehicleModelsView.as_view(), name="vehicle_models"),
    path("vehicles/<str:code>/", vehicles_api.VehicleViewSet.as_view(_one), name="vehicle"),
    path("notifications/", me.NotificationViewSet.as_view({"get": "list"}), name="notifications"),
    path("notifications/read/", me.NotificationViewSet.as_view({"post": "mark_read"}), name="notifications_read"),
    path("notifications/preferences/", notifications_api.PreferencesView.as_view(), name="notification_preferences"),
    path("notifications/push-subscriptions/", notifications_api.PushSubscriptionViewSet.as_view(_many), name="push_subscriptions"),
    path(
        "notifications/push-subscriptions/<str:code>/",
        notifications_api.PushSubscriptionViewSet.as_view({"get": "retrieve", "delete": "destroy"}),
        name="push_subscription",
    ),
    path("notifications/<int:pk>/", me.NotificationViewSet.as_view({"get": "retrieve", "patch": "partial_update"}), name="notification"),
]
