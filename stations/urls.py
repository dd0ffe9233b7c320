"""Map, chargers, sessions: the addresses of charging."""

from django.urls import path

from stations.api.urls import api_urlpatterns
from stations.views import (
    areas,
    booking_rules,
    charge_points,
    circles,
    disputes,
    favourites,
    filter_profiles,
    history,
    map,  # noqa: A004 - the map is the map
    owner,
    owner_charge_point,
    pairing,
    photos,
    prepaid,
    problems,
    registering,
    reservations,
    reviews,
    sessions,
    sharing,
    stickers,
    threads,
    waiting,
)

__all__ = ["api_urlpatterns", "app_name", "urlpatterns"]

app_name = "stations"

urlpatterns = [
    path("", map.map, name="map"),
    path("share/", sharing.share, name="share"),
    path("charge-points/<str:code>/", charge_points.charge_point_detail, name="charge_point_detail"),
    path("charge-points/<str:code>/connectors/<int:number>/start/", sessions.session_start, name="session_start"),
    path("c/<str:code>/<int:number>/", charge_points.connector_qr, name="connector_qr"),
    path("c/<str:code>/<int:number>/pay/", prepaid.prepay, name="prepay"),
    path("q/<str:short>/", stickers.sticker, name="sticker"),
    path("starts/<uuid:code>/", prepaid.prepaid_start, name="prepaid_start"),
    path("sessions/", sessions.session_list, name="session_list"),
    *(
        path(f"sessions/history.{kind}", history.session_export, {"ending": kind}, name="session_export")
        for kind in ("csv", "xlsx", "json")
    ),
    path("sessions/<uuid:code>/", sessions.session_detail, name="session_detail"),
    path("sessions/<uuid:code>/dispute/", disputes.dispute_open, name="dispute_open"),
    path("sessions/statistics/", history.driver_statistics, name="driver_statistics"),
    path("sessions/<uuid:code>/vehicle/", sessions.session_vehicle, name="session_vehicle"),
    path("sessions/<uuid:code>/stop/", sessions.session_stop, name="session_stop"),
    path("sessions/<uuid:code>/limits/", sessions.session_limits, name="session_limits"),
    path("charge-points/<str:code>/book/", reservations.book, name="book"),
    *(
        path(f"{of}s/<uuid:code>/messages/", threads.messages_of_visit, {"of": of}, name=f"{of}_messages")
        for of in ("reservation", "session")
    ),
    path("messages/<uuid:code>/report/", threads.message_report, name="message_report"),
    *(
        path(f"{of}s/<uuid:code>/problem/", problems.problem_of_visit, {"of": of}, name=f"{of}_problem")
        for of in ("reservation", "session")
    ),
    path("problems/<uuid:code>/mended/", problems.problem_mended, name="problem_mended"),
    path("problems/<uuid:code>/photo.webp", problems.problem_photo, name="problem_photo"),
    path("owner/<str:code>/stickers/", stickers.sticker_list, name="owner_stickers"),
    path("owner/<str:code>/stickers.pdf", stickers.sticker_pdf, name="owner_stickers_pdf"),
    path("owner/<str:code>/stickers/<int:number>/replace/", stickers.sticker_issue, name="sticker_issue"),
    path("owner/<str:code>/problems/", problems.problem_list, name="owner_problems"),
    path("messages/", threads.thread_list, name="threads"),
    path("sessions/<uuid:code>/review/", reviews.review, name="review"),
    path("charge-points/<str:code>/reviews/", reviews.review_list, name="reviews"),
    *(path(f"reviews/<uuid:code>/{deed}/", reviews.review_answer, {"deed": deed}, name=f"review_{deed}") for deed in ("reply", "report")),
    path("photos/<uuid:code>/<str:size>.webp", photos.photo, name="photo"),
    path("photos/<uuid:code>/change/", photos.photo_change, name="photo_change"),
    path("owner/<str:code>/photos/", photos.photo_list, name="owner_photos"),
    path("charge-points/<str:code>/favourite/", favourites.favourite, name="favourite"),
    path("favourites/", favourites.favourite_list, name="favourites"),
    path("filters/", filter_profiles.filter_profile_list, name="filter_profiles"),
    path("filters/new/", filter_profiles.filter_profile_new, name="filter_profile_new"),
    path("filters/<uuid:code>/", filter_profiles.filter_profile, name="filter_profile"),
    path("areas/", areas.area_list, name="areas"),
    path("areas/new/", areas.area, name="area_new"),
    path("areas/<uuid:code>/", areas.area, name="area"),
    path("reservations/", reservations.reservation_list, name="reservation_list"),
    path("reservations/<uuid:code>/", reservations.reservation_detail, name="reservation_detail"),
    path("reservations/<uuid:code>/cancel/", reservations.reservation_cancel, name="reservation_cancel"),
    path("reservations/<uuid:code>/change/", reservations.reservation_change, name="reservation_change"),
    *(
        path(f"reservations/<uuid:code>/{answer}/", reservations.reservation_answer, {"answer": answer}, name=f"reservation_{answer}")
        for answer in ("approve", "reject")
    ),
    path("charge-points/<str:code>/connectors/<int:number>/wait/", waiting.waitlist_join, name="waitlist_join"),
    path("reservations/waiting/<uuid:code>/", waiting.waitlist_place, name="waitlist_place"),
    *(
        path(f"reservations/waiting/<uuid:code>/{answer}/", waiting.waitlist_answer, {"answer": answer}, name=f"waitlist_{answer}")
        for answer in ("claim", "leave")
    ),
    path("reservations/<uuid:code>.ics", reservations.reservation_calendar, name="reservation_calendar"),
    path("owner/reservations/", reservations.hosted_reservation_list, name="owner_reservations"),
    path("owner/", owner.dashboard, name="owner"),
    path("owner/chargers/", owner.charge_point_list, name="owner_charge_points"),
    path("owner/sessions/", owner.hosted_session_list, name="owner_sessions"),
    path("owner/add/", registering.register, name="register"),
    path("owner/add/place/", registering.register_place, name="register_place"),
    path("owner/add/make/", registering.register_make, name="register_make"),
    path("owner/circles/", circles.circle_list, name="circles"),
    path("owner/circles/<int:pk>/", circles.circle, name="circle"),
    path("owner/circles/<int:pk>/change/", circles.circle_change, name="circle_change"),
    path("circles/", circles.my_circles, name="my_circles"),
    path("circles/<int:pk>/answer/", circles.circle_answer, name="circle_answer"),
    path("circles/<str:link>/", circles.circle_join, name="circle_join"),
    path("owner/<str:code>/", owner_charge_point.charge_point, name="owner_charge_point"),
    path("owner/<str:code>/booking/", booking_rules.rules, name="owner_booking_rules"),
    path("owner/<str:code>/booking/closures/", booking_rules.closure_add, name="owner_closure_add"),
    path("owner/<str:code>/booking/closures/<int:pk>/remove/", booking_rules.closure_remove, name="owner_closure_remove"),
    path("owner/<str:code>/arrival/", booking_rules.arrival_pack, name="owner_arrival"),
    path("owner/<str:code>/edit/", owner_charge_point.edit, name="owner_edit"),
    path("owner/<str:code>/connectors/<int:number>/", owner_charge_point.connector, name="owner_connector"),
    path("owner/<str:code>/ask/", owner_charge_point.ask, name="owner_ask"),
    path("owner/<str:code>/publish/", owner_charge_point.publish, name="owner_publish"),
    path("owner/<str:code>/pause/", owner_charge_point.pause, name="owner_pause"),
    path("owner/<str:code>/retire/", owner_charge_point.retire, name="owner_retire"),
    path("owner/<str:code>/password/", owner_charge_point.new_password, name="owner_new_password"),
    path("owner/<str:code>/invitations/", owner_charge_point.invite, name="owner_invite"),
    path("owner/<str:code>/invitations/<int:pk>/remove/", owner_charge_point.uninvite, name="owner_uninvite"),
    path("cards/pair/", pairing.pair_card, name="pair_card"),
    path("cards/pair/<int:pk>/", pairing.pair_card_wait, name="pair_card_wait"),
]
