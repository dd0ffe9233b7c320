"""Pages and API of what only the chargers' door knows."""

from django.urls import URLPattern, URLResolver, path

from ocpp_core.api import commands, frames, records
from ocpp_core.views import configuration, connection, deviations
from ocpp_core.views import frames as frame_pages

app_name = "ocpp_core"

urlpatterns: list[URLPattern | URLResolver] = [
    path("owner/<str:code>/connection/", connection.connection, name="connection"),
    path("owner/<str:code>/messages/", frame_pages.frame_list, name="messages"),
    path("owner/<str:code>/configuration/", configuration.configuration, name="configuration"),
    path("owner/<str:code>/deviations/", deviations.deviation_list, name="deviations"),
]

api_urlpatterns: list[URLPattern | URLResolver] = [
    path("charge-points/<str:code>/commands/", commands.CommandsView.as_view(), name="commands"),
    path("charge-points/<str:code>/commands/<int:pk>/", commands.CommandView.as_view(), name="command"),
    path("commands/<int:pk>/", commands.CommandView.as_view(), name="command_by_id"),
    path("charge-points/<str:code>/messages/", frames.FramesView.as_view(), name="messages"),
    path("charge-points/<str:code>/connections/", records.ConnectionsView.as_view(), name="connections"),
    path("charge-points/<str:code>/configuration/", records.ConfigurationView.as_view(), name="configuration"),
    path("charge-points/<str:code>/deviations/", records.DeviationsView.as_view(), name="deviations"),
]
