"""The sockets of open pages."""

from django.urls import path

from stations.consumers import MapConsumer, OwnerConsumer, SessionConsumer

websocket_urlpatterns = [
    path("live/sessions/<uuid:code>/", SessionConsumer.as_asgi()),
    path("live/charge-points/<str:code>/", OwnerConsumer.as_asgi()),
    path("live/map/", MapConsumer.as_asgi()),
]
