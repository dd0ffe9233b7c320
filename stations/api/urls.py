"""/api/v1/charge-points/, sessions/, reservations/, favourites/, reviews/, problems/, circles/ and circle-memberships/."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from stations.api.booking_views import ArrivalView, BookingRulesView, ClosuresView, ClosureView, FreeTimesView
from stations.api.circle_views import CircleViewSet, MembershipViewSet
from stations.api.finding_views import AreaViewSet, FilterProfileViewSet, PlaceViewSet
from stations.api.people_views import FavouriteViewSet, ReviewViewSet
from stations.api.photo_views import PhotosView, PhotoView
from stations.api.problem_views import ProblemViewSet, StickerView
from stations.api.reservation_views import ReservationViewSet, SeriesViewSet, WaitlistViewSet
from stations.api.session_views import SessionViewSet
from stations.api.thread_views import ReservationMessagesView, SessionMessagesView, ThreadsView
from stations.api.views import ChargePointViewSet, ConnectorView

router = SimpleRouter()
router.register("charge-points", ChargePointViewSet, basename="charge-point")
router.register("sessions", SessionViewSet, basename="session")
router.register("circles", CircleViewSet, basename="circle")
router.register("circle-memberships", MembershipViewSet, basename="circle-membership")
router.register("reservations", ReservationViewSet, basename="reservation")
router.register("reservation-series", SeriesViewSet, basename="reservation-series")
router.register("waitlist", WaitlistViewSet, basename="waitlist")
router.register("areas", AreaViewSet, basename="area")
router.register("places", PlaceViewSet, basename="place")
router.register("filter-profiles", FilterProfileViewSet, basename="filter-profile")
router.register("favourites", FavouriteViewSet, basename="favourite")
router.register("problems", ProblemViewSet, basename="problem")
router.register("reviews", ReviewViewSet, basename="review")

api_urlpatterns = [
    path("charge-points/<str:code>/connectors/<int:number>/", ConnectorView.as_view(), name="connector"),
    path("charge-points/<str:code>/booking-rules/", BookingRulesView.as_view(), name="booking-rules"),
    path("charge-points/<str:code>/closures/", ClosuresView.as_view(), name="closures"),
    path("charge-points/<str:code>/closures/<int:pk>/", ClosureView.as_view(), name="closure"),
    path("charge-points/<str:code>/arrival/", ArrivalView.as_view(), name="arrival"),
    path("charge-points/<str:code>/connectors/<int:number>/free-times/", FreeTimesView.as_view(), name="free-times"),
    path("charge-points/<str:code>/connectors/<int:number>/sticker/", StickerView.as_view(), name="sticker"),
    path("charge-points/<str:code>/photos/", PhotosView.as_view(), name="photos"),
    path("threads/", ThreadsView.as_view(), name="threads"),
    path("reservations/<uuid:code>/messages/", ReservationMessagesView.as_view(), name="reservation-messages"),
    path("sessions/<uuid:code>/messages/", SessionMessagesView.as_view(), name="session-messages"),
    path("photos/<uuid:code>/", PhotoView.as_view(), name="photo"),
    *router.urls,
]
