"""/api/v1/charge-points/ and /api/v1/sessions/."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from stations.api.session_views import SessionViewSet
from stations.api.views import ChargePointViewSet, ConnectorView

router = SimpleRouter()
router.register("charge-points", ChargePointViewSet, basename="charge-point")
router.register("sessions", SessionViewSet, basename="session")

api_urlpatterns = [
    path("charge-points/<str:code>/connectors/<int:number>/", ConnectorView.as_view(), name="connector"),
    *router.urls,
]
