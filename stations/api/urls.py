"""/api/v1/charge-points/, sessions/, reservations/, circles/ and circle-memberships/."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from stations.api.circle_views import CircleViewSet, MembershipViewSet
from stations.api.reservation_views import ReservationViewSet
from stations.api.session_views import SessionViewSet
from stations.api.views import ChargePointViewSet, ConnectorView

router = SimpleRouter()
router.register("charge-points", ChargePointViewSet, basename="charge-point")
router.register("sessions", SessionViewSet, basename="session")
router.register("circles", CircleViewSet, basename="circle")
router.register("circle-memberships", MembershipViewSet, basename="circle-membership")
router.register("reservations", ReservationViewSet, basename="reservation")

api_urlpatterns = [
    path("charge-points/<str:code>/connectors/<int:number>/", ConnectorView.as_view(), name="connector"),
    *router.urls,
]
