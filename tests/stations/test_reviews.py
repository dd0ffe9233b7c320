"""Reviews: of real visits alone, blind until both have written, and never telling more of a person than a first name."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Notification
from chargeshare.errors import Invalid, NotFound
from stations import closing, export, reviews
from stations.models import ChargePoint, ChargingSession, Review, ReviewReport
from stations.reviews import AlreadyReplied, AlreadyReviewed, NotReviewable
from tests import factories
from tests.stations.acting import begin, session_of, stop
from tests.stations.test_api_sessions import client_of

URL = "/api/v1/reviews/"
MARKUP = "<script>alert(1)</script> & fine"
Kind = Notification.Kind


def visit(driver, charge_point, wh=5_000, days=0):
    """A visit that ended so many days ago."""
    at = timezone.now() - timedelta(days=days, hours=2)
    started = begin(charge_point, factories.make_id_token(driver).uid, meter=1000, at=at)
    stop(charge_point, started.transaction_id, meter=1000 + wh, at=at + timedelta(hours=1))
    return session_of(started)


@pytest.fixture
def visited(driver, charge_point):
    return visit(driver, charge_point)


def told(user, kind):
    return list(user.notifications.filter(kind=kind).values_list("context", flat=True))


def test_blind_until_both_have_written(driver, owner, stranger, visited, client):
    place = f"{URL}?charge_point={visited.charge_point.code}"
    hers = reviews.write(user=driver, session=visited, rating=4, text=MARKUP, tags=["easy_to_find"])
    assert reviews.write(user=driver, session=visited, rating=4, text=MARKUP, tags=["easy_to_find"]) == hers  # a double click
    with pytest.raises(AlreadyReviewed):
        reviews.write(user=driver, session=visited, rating=1)
    assert [one["is_open"] for one in told(owner, Kind.REVIEW_WRITTEN)] == [False]
    assert [client_of(user).get(place).json()["count"] for user in (driver, owner, stranger)] == [0, 0, 0]
    assert client_of(owner).get(URL).json()["count"] == 0
    assert client_of(driver).get(URL).json()["results"][0]["is_open"] is False
    assert client_of(owner).get(f"{URL}{hers.code}/").status_code == 404
    assert reviews.rating_of(visited.charge_point) is None

    reviews.write(user=owner, session=visited, rating=5, tags=["careful"])

    assert [one["is_open"] for one in told(driver, Kind.REVIEW_WRITTEN)] == [True]
    assert client.get(place).json()["results"] == [
        {
            "code": str(hers.code),
            "charge_point": visited.charge_point.code,
            "session": None,
            "side": "driver",
            "author": "Tereza",
            "rating": 4,
            "text": MARKUP,
            "tags": ["easy_to_find"],
            "reply": "",
            "replied_at": None,
            "is_open": True,
            "created_at": client.get(place).json()["results"][0]["created_at"],
        }
    ]
    mine = client_of(driver).get(URL).json()["results"]
    assert [(one["side"], one["session"]) for one in mine] == [("owner", str(visited.code)), ("driver", str(visited.code))]
    assert client_of(stranger).get(f"{URL}{owner.reviews_written.get().code}/").status_code == 404  # of a guest only she reads
    assert client.get(f"/api/v1/charge-points/{visited.charge_point.code}/").json()["rating"] == {"average": "4.00", "count": 1}


def test_alone_it_opens_after_fourteen_days(driver, owner, charge_point):
    session = visit(driver, charge_point, days=13)
    review = reviews.write(user=driver, session=session, rating=2)
    assert not reviews.of_place(charge_point).exists()
    assert review.opens_at == reviews.ends_at(session)
    Review.objects.update(opens_at=timezone.now() - timedelta(seconds=1))
    assert reviews.of_place(charge_point).exists()
    late = visit(driver, charge_point, days=15)
    with pytest.raises(NotReviewable):
        reviews.write(user=driver, session=late, rating=2)


def test_only_who_was_there_and_got_energy(driver, owner, stranger, staff, charge_point, visited):
    for somebody in (stranger, staff):
        with pytest.raises(NotFound):
            reviews.write(user=somebody, session=visited, rating=1)
    for next_to_nothing in (0, 99):  # what is billed as nothing was no visit either, or a stranger could judge a place by a watt-hour
        nothing = visit(driver, charge_point, wh=next_to_nothing)
        with pytest.raises(NotReviewable):
            reviews.write(user=driver, session=nothing, rating=1)
    own = visit(owner, charge_point)
    with pytest.raises(NotFound):
        reviews.write(user=owner, session=own, rating=5)
    ChargingSession.objects.filter(pk=visited.pk).update(status="REVIEW")
    with pytest.raises(NotReviewable):
        reviews.write(user=driver, session=visited, rating=1)
    assert not Review.objects.exists()


@pytest.mark.parametrize("said", [{"rating": 0}, {"rating": 6}, {"rating": 3, "text": "x" * 2001}, {"rating": 3, "tags": ["late"]}])
def test_bad_words(driver, visited, said):
    with pytest.raises(Invalid):
        reviews.write(user=driver, session=visited, **said)
    body = {"session": str(visited.code), **said}
    assert client_of(driver).post(URL, body, format="json").status_code == 400


def test_reviews_over_http(driver, owner, stranger, visited):
    body = {"session": str(visited.code), "rating": 5, "text": "Fine"}
    answer = client_of(driver).post(URL, body, format="json")
    assert (answer.status_code, answer.json()["side"], answer.json()["session"]) == (201, "driver", str(visited.code))
    assert client_of(driver).post(URL, {**body, "rating": 1}, format="json").json()["code"] == "already_reviewed"
    assert client_of(stranger).post(URL, body, format="json").status_code == 404
    assert client_of(driver).post(URL, {**body, "session": "x"}, format="json").status_code == 400
    code = answer.json()["code"]
    assert client_of(owner).post(f"{URL}{code}/reply/", {"text": "Thanks"}, format="json").status_code == 404  # not open yet
    assert client_of(owner).post(URL, {"session": str(visited.code), "rating": 4}, format="json").status_code == 201
    assert client_of(stranger).post(f"{URL}{code}/reply/", {"text": "Thanks"}, format="json").status_code == 404
    assert client_of(owner).post(f"{URL}{code}/reply/", {"text": "Thanks"}, format="json").json()["reply"] == "Thanks"
    assert client_of(owner).post(f"{URL}{code}/reply/", {"text": "Or not"}, format="json").json()["code"] == "already_replied"
    assert told(driver, Kind.REVIEW_ANSWERED) == [{"place": visited.charge_point.name, "host": "Pavel"}]
    assert client_of(stranger).post(f"{URL}{code}/report/", {"reason": "Rude"}, format="json").status_code == 204
    assert client_of(stranger).post(f"{URL}{code}/report/", {"reason": "Rude"}, format="json").status_code == 204
    assert client_of(stranger).post(f"{URL}{code}/report/", {"reason": " "}, format="json").status_code == 400
    assert ReviewReport.objects.get().reporter == stranger
    assert client_of(stranger).get(URL + "nonsense/").status_code == 404


def test_staff_hide_and_show(driver, owner, staff, stranger, visited, client):
    review = reviews.write(user=driver, session=visited, rating=1, text="Rude words")
    reviews.write(user=owner, session=visited, rating=5)
    review.refresh_from_db()
    reviews.report(user=stranger, review=review, reason="Rude")
    client.force_login(staff)
    listed = "/admin/stations/review/"
    assert b"Rude words" in client.get(f"{listed}?reported=waiting").content
    client.post(listed, {"action": "hide", "_selected_action": [review.pk]})
    assert (reviews.of_place(visited.charge_point).count(), reviews.rating_of(ChargePoint.objects.get())) == (0, None)
    assert ReviewReport.objects.get().resolved_at is not None
    client.post(listed, {"action": "show", "_selected_action": [review.pk]})
    assert reviews.of_place(visited.charge_point).count() == 1


def test_staff_see_once_what_many_reported(driver, owner, staff, stranger, visited, client):
    review = reviews.write(user=driver, session=visited, rating=1, text="Rude words")
    reviews.write(user=owner, session=visited, rating=5, text="Kind words")
    review.refresh_from_db()
    for reader in (stranger, owner):
        reviews.report(user=reader, review=review, reason="Rude")
    client.force_login(staff)
    page = client.get("/admin/stations/review/?reported=waiting").context["cl"]
    assert [(one.pk, one.open_count) for one in page.result_list] == [(review.pk, 2)]
    everything = client.get("/admin/stations/review/").context["cl"].result_list
    assert [(one.text, one.open_count) for one in everything] == [("Kind words", 0), ("Rude words", 2)]
    of_stars = {stars: client.get(f"/admin/stations/review/?rating={stars}").context["cl"].result_list for stars in ("1", "5", "9", "x")}
    assert {stars: {one.rating for one in rows} for stars, rows in of_stars.items()} == {"1": {1}, "5": {5}, "9": {1, 5}, "x": {1, 5}}


def test_the_pages(driver, owner, stranger, visited, client):
    page = f"/sessions/{visited.code}/review/"
    client.force_login(stranger)
    assert (client.get(page).status_code, client.post(page, {"rating": 1}).status_code) == (404, 404)
    client.force_login(driver)
    assert page in client.get(f"/sessions/{visited.code}/").content.decode()
    assert client.post(page, {"rating": "9"}).status_code == 400
    assert client.post(page, {"rating": "4", "text": MARKUP, "tags": ["easy_to_find"]}).status_code == 302
    assert client.post(page, {"rating": "1"}).status_code == 400  # already said
    client.force_login(owner)
    assert MARKUP.split(" & ")[1] not in client.get(page).content.decode().split("<main")[1]
    assert client.post(page, {"rating": "5"}).status_code == 302
    for address in (page, f"/charge-points/{visited.charge_point.code}/reviews/", visited.charge_point.get_absolute_url()):
        shown = client.get(address).content.decode()
        assert "&lt;script&gt;alert(1)" in shown
        assert "<script>alert(1)" not in shown
    code = driver.reviews_written.get().code
    assert client.post(f"/reviews/{code}/reply/", {"text": "Thank you"}).status_code == 302
    client.force_login(stranger)
    client.post(f"/reviews/{code}/report/", {"text": "A reason"})
    assert client.post(f"/reviews/{code}/reply/", {"text": "No"}).status_code == 404
    assert "Thank you" in client.get(f"/charge-points/{visited.charge_point.code}/reviews/").content.decode()
    assert ReviewReport.objects.count() == 1
    assert client.get("/").context["places"][0].rating == reviews.Rating(4.0, 1)


def test_one_answer_a_review(driver, owner, visited):
    review = reviews.write(user=driver, session=visited, rating=3)
    reviews.write(user=owner, session=visited, rating=3)
    assert reviews.reply(user=owner, review=review, text="So") == reviews.reply(user=owner, review=review, text="So")
    with pytest.raises(AlreadyReplied):
        reviews.reply(user=owner, review=review, text="Otherwise")
    with pytest.raises(NotFound):
        reviews.report(user=driver, review=Review.objects.get(pk=review.pk), reason="mine")


def test_what_goes_with_an_account(driver, owner, visited):
    reviews.write(user=driver, session=visited, rating=3, text="my own words")
    reviews.write(user=owner, session=visited, rating=2, text="words on a guest")
    hers, his = (json.dumps(export.everything_about(user), default=str) for user in (driver, owner))
    assert "my own words" in hers
    assert "words on a guest" in hers
    assert "words on a guest" in his
    closing.prepare_closing(None, user=driver)
    assert list(Review.objects.values_list("side", "rating", "text")) == [("driver", 3, "")]


def test_of_many_places_one_question(owner, driver, django_assert_num_queries):
    chargers = [factories.make_charge_point(owner) for _ in range(3)]
    with django_assert_num_queries(1):
        reviews.look_up(chargers)
        assert [reviews.rating_of(one) for one in chargers] == [None, None, None]
