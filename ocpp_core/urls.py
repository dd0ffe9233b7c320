"""Pages and API of what only the chargers' door knows."""

from django.urls import URLPattern, URLResolver, path

from ocpp_core import api, views

app_name = "ocpp_core"

urlpatterns: list[URLPattern | URLResolver] = [
    path("owner/<str:code>/connection/", views.connection, name="connection"),
    path("owner/<str:code>/messages/", views.frame_list, name="messages"),
    path("owner/<str:code>/configuration/", views.configuration, name="configuration"),
    path("owner/<str:code>/deviations/", views.deviation_list, name="deviations"),
]

api_urlpatterns: list[URLPattern | URLResolver] = [
    path("charge-points/<str:code>/commands/", api.CommandsView.as_view(), name="commands"),
    path("charge-points/<str:code>/commands/<int:pk>/", api.CommandView.as_view(), name="command"),
    path("commands/<int:pk>/", api.CommandView.as_view(), name="command_by_id"),
    path("charge-points/<str:code>/messages/", api.FramesView.as_view(), name="messages"),
    path("charge-points/<str:code>/connections/", api.ConnectionsView.as_view(), name="connections"),
    path("charge-points/<str:code>/configuration/", api.ConfigurationView.as_view(), name="configuration"),
    path("charge-points/<str:code>/deviations/", api.DeviationsView.as_view(), name="deviations"),
]
