"""Map, chargers, sessions: the addresses of charging."""

from django.urls import path

from stations.api.urls import api_urlpatterns
from stations.views import charge_points, map, sessions

__all__ = ["api_urlpatterns", "app_name", "urlpatterns"]

app_name = "stations"

urlpatterns = [
    path("", map.map, name="map"),
    path("charge-points/<str:code>/", charge_points.charge_point_detail, name="charge_point_detail"),
    path("charge-points/<str:code>/connectors/<int:number>/start/", sessions.session_start, name="session_start"),
    path("c/<str:code>/<int:number>/", charge_points.connector_qr, name="connector_qr"),
    path("sessions/", sessions.session_list, name="session_list"),
    path("sessions/<uuid:code>/", sessions.session_detail, name="session_detail"),
    path("sessions/<uuid:code>/stop/", sessions.session_stop, name="session_stop"),
]
