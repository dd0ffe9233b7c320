"""/api/v1/charge-points/, /api/v1/sessions/ and /api/v1/reservations/."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from stations.api.reservation_views import ReservationViewSet
from stations.api.session_views import SessionViewSet
from stations.api.views import ChargePointViewSet, ConnectorView

router = SimpleRouter()
router.register("charge-points", ChargePointViewSet, basename="charge-point")
router.register("sessions", SessionViewSet, basename="session")
router.register("reservations", ReservationViewSet, basename="reservation")

api_urlpatterns = [
    path("charge-points/<str:code>/connectors/<int:number>/", ConnectorView.as_view(), name="connector"),
    *router.urls,
]
