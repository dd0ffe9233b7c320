"""What drivers find wrong: one report a matter, with its evidence, where it belongs; and nothing for who was not there."""

import json
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from accounts.models import Notification
from billing import audit
from billing.models import Dispute
from chargeshare.errors import Invalid, NotFound
from stations import closing, export, photos, problems, readings, reliability, reservations, sessions
from stations.models import ChargingSession, Command, Connector, Message, Problem, Reliability
from stations.readings import Incoming
from tests import factories
from tests.photographs import make_photo
from tests.stations.acting import MINUTE, NOON, available_minor, begin, go_online, reading, session_of, stop
from tests.stations.test_api_sessions import client_of
from tests.stations.test_photos import SVG, bomb, with_gps
from tests.stations.test_reviews import MARKUP, visit

URL = "/api/v1/problems/"
Kind = Problem.Kind


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


@pytest.fixture
def paid(driver, charge_point):
    """A visit that has been paid for."""
    return visit(driver, charge_point)


@pytest.fixture
def booking(driver, connector):
    now = timezone.now()
    return reservations.book(driver=driver, connector=connector, begins_at=now + timedelta(hours=2), ends_at=now + timedelta(hours=4))


def address(session):
    return reverse("stations:session_problem", args=[session.code])


def alerts(owner):
    return Notification.objects.filter(user=owner, kind="charger_alert", url__endswith="/problems/").count()


def test_one_tap_tells_the_owner_once(client, driver, owner, paid):
    client.force_login(driver)

    for _click in range(2):
        assert client.post(address(paid), {"kind": "broken"}).headers["Location"] == address(paid)

    problem = Problem.objects.get()
    assert (problem.session, problem.charge_point, problem.reporter, problem.dispute) == (paid, paid.charge_point, driver, None)
    assert problem.evidence["session"]["energy_wh"] == 5_000
    assert {"status", "is_online", "error_code"} <= set(problem.evidence["charger"])
    assert alerts(owner) == 1
    assert "Reported" in client.get(address(paid)).content.decode()


def test_the_overview_counts_what_is_open(client, driver, owner, paid):
    for kind in ("broken", "other"):
        problems.report(user=driver, visit=paid, kind=kind, text="The lid is loose.")
    client.force_login(owner)

    def hints():
        return [(hint.title, hint.url) for hint in client.get(reverse("stations:owner")).context["hints"] if hint.icon == "flag"]

    page = reverse("stations:owner_problems", args=[paid.charge_point.code])
    assert hints() == [(f"{paid.charge_point.name}: 2 open problems", page)]
    problems.mend(user=owner, problem=Problem.objects.get(kind="broken"))
    assert hints() == [(f"{paid.charge_point.name}: 1 open problem", page)]
    problems.mend(user=owner, problem=Problem.objects.get(kind="other"))
    assert hints() == []


def test_two_clicks_at_once_are_one_report(driver, owner, paid, media, monkeypatch):
    """Neither has seen the other's row when it looks; the table lets one of them in."""
    first, known, looked = problems.report(user=driver, visit=paid, kind=Kind.BROKEN), problems._known, []

    def too_early(*visit):
        looked.append(visit)
        return None if len(looked) == 1 else known(*visit)

    monkeypatch.setattr(problems, "_known", too_early)

    assert problems.report(user=driver, visit=paid, kind=Kind.BROKEN, photo=make_photo()) == first

    assert (Problem.objects.count(), alerts(owner)) == (1, 1)
    assert not list(media.rglob("*.webp"))


def test_only_who_was_there(client, stranger, owner, staff, paid, booking):
    for somebody in (stranger, owner, staff):
        client.force_login(somebody)
        assert client.post(address(paid), {"kind": "broken"}).status_code == 404
        assert client.get(reverse("stations:reservation_problem", args=[booking.code])).status_code == 404
        with pytest.raises(NotFound):
            problems.report(user=somebody, visit=paid, kind=Kind.BROKEN)
    assert not Problem.objects.exists()


def test_at_ones_own_charger_there_is_nobody_to_tell(owner, charge_point):
    session = visit(owner, charge_point)

    with pytest.raises(NotFound):
        problems.report(user=owner, visit=session, kind=Kind.BROKEN)


@pytest.mark.parametrize(
    "said",
    [{}, {"kind": "nonsense"}, {"kind": "other", "text": "  "}, {"kind": "broken", "text": "x" * 501}, {"kind": "broken", "text": "\0"}],
)
def test_what_says_nothing_is_refused_in_a_sentence(client, driver, paid, said):
    client.force_login(driver)

    assert client.post(address(paid), said).status_code == 400
    assert not Problem.objects.exists()


def test_markup_is_words(client, driver, owner, paid):
    client.force_login(driver)
    client.post(address(paid), {"kind": "other", "text": MARKUP})
    client.force_login(owner)

    page = client.get(reverse("stations:owner_problems", args=[paid.charge_point.code])).content.decode()

    assert MARKUP not in page
    assert "&lt;script&gt;" in page


def test_long_over(driver, charge_point):
    with pytest.raises(problems.LongOver):
        problems.report(user=driver, visit=visit(driver, charge_point, days=15), kind=Kind.BROKEN)


def test_nobody_reports_all_day(driver, paid, booking, monkeypatch):
    monkeypatch.setattr(problems, "MOST_A_DAY", 1)
    problems.report(user=driver, visit=paid, kind=Kind.BROKEN)

    with pytest.raises(problems.TooManyProblems):
        problems.report(user=driver, visit=booking, kind=Kind.BROKEN)
    assert problems.report(user=driver, visit=paid, kind=Kind.BROKEN) == Problem.objects.get()


# Money


def test_another_price_is_a_dispute_of_the_receipt(client, driver, owner, stranger, paid):
    client.force_login(driver)

    client.post(address(paid), {"kind": "price", "text": "4 Kč were promised."})
    client.post(address(paid), {"kind": "price", "text": "Again."})

    dispute = Dispute.objects.get()
    assert Problem.objects.get().dispute == dispute
    assert (dispute.cdr, dispute.reason, dispute.text) == (paid.cdr, "price", "4 Kč were promised.")
    assert dispute.disputed_minor == paid.cdr.total_minor
    assert dispute.get_absolute_url() in client.get(address(paid)).content.decode()


def test_before_there_is_a_receipt_the_price_waits_for_it(driver, charge_point):
    started = begin(charge_point, factories.make_id_token(driver).uid, at=timezone.now() - timedelta(hours=1))
    problem = problems.report(user=driver, visit=session_of(started), kind=Kind.PRICE)
    assert (problem.dispute, problems.pursue(now=timezone.now())) == (None, 0)
    stop(charge_point, started.transaction_id, meter=6_000, at=timezone.now())

    assert [problems.pursue(now=timezone.now()) for _pass in range(2)] == [1, 0]

    problem.refresh_from_db()
    assert problem.dispute is not None
    assert problem.dispute.cdr == session_of(started).cdr


def test_no_power_at_first_is_no_dispute_of_what_flowed_afterwards(driver, charge_point):
    started = begin(charge_point, factories.make_id_token(driver).uid, at=timezone.now() - timedelta(hours=1))
    problem = problems.report(user=driver, visit=session_of(started), kind=Kind.NO_POWER)
    assert problem.is_borne_out is True
    stop(charge_point, started.transaction_id, meter=6_000, at=timezone.now())

    assert problems.pursue(now=timezone.now()) == 0
    assert not Dispute.objects.exists()


def test_who_disputes_already_disputes_once(driver, paid):
    problems.report(user=driver, visit=paid, kind=Kind.PRICE)
    problems.report(user=driver, visit=paid, kind=Kind.NO_POWER)

    assert len(set(Problem.objects.values_list("dispute", flat=True))) == Dispute.objects.count() == 1


def test_a_visit_without_energy_costs_nothing_and_gives_its_hold_back_at_once(client, driver, charge_point):
    before = available_minor(driver)
    started = begin(charge_point, factories.make_id_token(driver).uid, at=timezone.now() - 10 * MINUTE)
    session = session_of(started)
    assert available_minor(driver) < before
    client.force_login(driver)
    assert "is yours again at once" in client.get(address(session)).content.decode()
    assert "costs nothing" in client.get(address(session)).content.decode()

    stop(charge_point, started.transaction_id, meter=1_050, at=timezone.now())
    client.post(address(session), {"kind": "no_power"})

    assert available_minor(driver) == before
    cdr = session_of(started).cdr
    assert cdr is not None
    assert cdr.total_minor == 0
    assert not Dispute.objects.exists()
    assert "is yours to spend again" in client.get(address(session)).content.decode()
    assert audit.check() == []


def test_a_start_that_failed_is_reported_from_its_page(client, driver, charge_point, connector):
    go_online(charge_point)
    session = sessions.request_start(driver=driver, connector=connector)
    Command.objects.update(status="accepted", response={"status": "Rejected"})
    ChargingSession.objects.update(status="INVALID")
    client.force_login(driver)
    assert address(session) in client.get(session.get_absolute_url()).content.decode()

    client.post(address(session), {"kind": "no_power"})

    problem = Problem.objects.get()
    assert problem.is_borne_out is True
    assert problem.evidence["session"]["start_failed_by"] == "refused"
    assert [one["action"] for one in problem.evidence["commands"]] == ["RemoteStartTransaction"]


# What the charger does about it


@pytest.mark.parametrize("others", [False, True])
def test_a_cable_that_can_only_be_hers_is_let_go(driver, stranger, charge_point, paid, others):
    go_online(charge_point)
    paid.charge_point.refresh_from_db()
    ChargingSession.objects.filter(pk=paid.pk).update(stop_received_at=timezone.now())
    if others:
        factories.give_credit(stranger, 50_000)
        begin(charge_point, factories.make_id_token(stranger).uid, at=timezone.now(), meter=9_000)

    problems.report(user=driver, visit=ChargingSession.objects.get(pk=paid.pk), kind=Kind.CABLE)

    assert Command.objects.filter(action="UnlockConnector").exists() is not others


def no_power_visits(driver, charge_point, count, *, reporters=()):
    """Visits that gave nothing within two minutes, the first of them reported."""
    for number in range(count):
        guest = reporters[number] if number < len(reporters) else driver
        factories.give_credit(guest, 100_000)
        at = timezone.now() - timedelta(hours=10 + number)
        started = begin(charge_point, factories.make_id_token(guest).uid, at=at)
        stop(charge_point, started.transaction_id, meter=1_010, at=at + 2 * MINUTE)
        yield guest, session_of(started)


def test_a_report_counts_where_the_meter_says_the_same_and_once_a_person(driver, stranger, charge_point):
    for guest, session in no_power_visits(driver, charge_point, 4, reporters=(driver, driver, driver, stranger)):
        problems.report(user=guest, visit=session, kind=Kind.NO_POWER)
    reliability.record([charge_point], {}, now=timezone.now())

    assert (Reliability.objects.get().starts, Reliability.objects.get().starts_worked) == (2, 0)


def test_a_report_against_the_meter_counts_nothing(driver, charge_point, paid):
    problem = problems.report(user=driver, visit=paid, kind=Kind.NO_POWER)
    reliability.record([charge_point], {}, now=timezone.now())

    assert problem.is_borne_out is False
    assert (Reliability.objects.get().starts, Reliability.objects.get().starts_worked) == (1, 1)


# The owner and staff


def test_the_owner_puts_it_right_and_the_driver_reads_so(client, driver, owner, stranger, paid):
    problem = problems.report(user=driver, visit=paid, kind=Kind.BROKEN, text="The lid is off.")
    page, mended = (
        reverse("stations:owner_problems", args=[paid.charge_point.code]),
        reverse("stations:problem_mended", args=[problem.code]),
    )
    for somebody in (stranger, driver):
        client.force_login(somebody)
        assert client.get(page).status_code == 404
        assert client.post(mended, {"text": "Ha"}).status_code == 404
    client.force_login(owner)
    assert "The lid is off." in client.get(page).content.decode()

    for _click in range(2):
        client.post(mended, {"text": "A new lid is on."})

    problem.refresh_from_db()
    assert (problem.mended_by, problem.answer) == (owner, "A new lid is on.")
    assert list(Message.objects.values_list("author", "text")) == [(owner.pk, "A new lid is on.")]
    assert "Put right" in client.get(page).content.decode()


def test_staff_see_what_nobody_answers(client, staff, driver, owner, paid, booking):
    left = problems.report(user=driver, visit=paid, kind=Kind.BROKEN)
    fresh = problems.report(user=driver, visit=booking, kind=Kind.NOT_FOUND)
    Problem.objects.filter(pk=left.pk).update(created_at=timezone.now() - timedelta(hours=73))

    assert list(problems.unanswered(timezone.now())) == [left]

    problems.mend(user=staff, problem=left)
    assert not problems.unanswered(timezone.now()).exists()
    assert fresh.reservation == booking
    assert not Message.objects.exists()


# Photos


def test_a_photo_is_drawn_anew_for_those_it_concerns(client, driver, owner, staff, stranger, paid, media):
    client.force_login(driver)
    sent = SimpleUploadedFile("x.jpg", with_gps().read(), "image/jpeg")
    client.post(address(paid), {"kind": "broken", "photo": sent})
    problem = Problem.objects.get()
    assert problem.has_photo

    for somebody, status in ((driver, 200), (owner, 200), (staff, 200), (stranger, 404)):
        client.force_login(somebody)
        assert client.get(problem.photo_url).status_code == status
    client.force_login(owner)
    answer = client.get(problem.photo_url)
    assert answer["Content-Type"] == "image/webp"
    assert b"SecretCamera" not in answer.content
    assert b"GPS" not in answer.content


@pytest.mark.parametrize("content", [lambda: SVG, lambda: bomb().read(), lambda: b"\xff\xd8\xff" + bytes(5 * 1024 * 1024)])
def test_a_bad_photo_leaves_nothing_behind(client, driver, paid, media, content):
    client.force_login(driver)

    answer = client.post(address(paid), {"kind": "broken", "photo": SimpleUploadedFile("x.jpg", content(), "image/jpeg")})

    assert answer.status_code == 400
    assert not Problem.objects.exists()
    assert not list(media.rglob("*.webp"))


def test_what_goes_with_an_account_and_with_time(driver, paid, media, django_capture_on_commit_callbacks):
    problem = problems.report(user=driver, visit=paid, kind=Kind.BROKEN, text="Mine", photo=make_photo())
    assert export.everything_about(driver)["problems_reported"][0]["text"] == "Mine"
    assert json.dumps(export.everything_about(driver), default=str)

    with django_capture_on_commit_callbacks(execute=True):
        closing.prepare_closing(None, user=driver)
    problem.refresh_from_db()
    assert (problem.text, problem.has_photo, list(media.rglob("*.webp"))) == ("", False, [])

    Problem.objects.update(mended_at=timezone.now() - timedelta(days=366), has_photo=True)
    photos.write(problems.FOLDER, problem.code, {"small": b"x"})
    assert problems.forget(now=timezone.now()) == 1
    assert not list(media.rglob("*.webp"))


# Programs


def test_problems_over_http(driver, owner, stranger, paid, booking):
    mine, hers, other = client_of(driver), client_of(owner), client_of(stranger)

    made = mine.post(URL, {"session": str(paid.code), "kind": "blocked"}, format="json")

    assert made.status_code == 201, made.json()
    code = made.json()["code"]
    assert made.json()["session"] == str(paid.code)
    assert mine.post(URL, {"session": str(paid.code), "kind": "blocked"}, format="json").json()["code"] == code
    assert mine.post(URL, {"reservation": str(booking.code), "kind": "not_found"}, format="json").status_code == 201
    assert mine.post(URL, {"kind": "blocked"}, format="json").status_code == 404
    assert mine.post(URL, {"session": str(paid.code), "kind": "x"}, format="json").status_code == 400
    with_photo = {"session": str(paid.code), "kind": "broken", "photo": make_photo()}
    assert mine.post(URL, with_photo, format="multipart").json()["has_photo"] is True
    assert other.post(URL, {"session": str(paid.code), "kind": "blocked"}, format="json").status_code == 404
    assert other.get(f"{URL}{code}/").status_code == other.post(f"{URL}{code}/mend/").status_code == 404
    assert mine.post(f"{URL}{code}/mend/").status_code == 404
    assert mine.get(URL).json()["count"] == 3
    assert hers.get(URL).json()["count"] == 0
    assert hers.get(f"{URL}?role=owner&is_open=true").json()["count"] == 3
    assert hers.post(f"{URL}{code}/mend/", {"answer": "Towed."}, format="json").json()["answer"] == "Towed."
    assert hers.get(f"{URL}?role=owner&is_open=true").json()["count"] == 2
    assert hers.get(f"{URL}nonsense/").status_code == 404


def test_a_report_that_finds_nothing_to_say_against_it(driver, charge_point):
    """A charger that ends by itself bears out that it stopped too early; a driver's own stop does not."""
    uid = factories.make_id_token(driver).uid
    found = {}
    for number, reason in enumerate(("PowerLoss", "Remote")):
        at = NOON + timedelta(hours=3 * number)
        started = begin(charge_point, uid, at=at)
        readings.store([Incoming(charge_point.pk, 1, started.transaction_id, (reading(10, 1_500),), at)])
        stop(charge_point, started.transaction_id, meter=3_000, at=at + timedelta(hours=1), reason=reason)
        ChargingSession.objects.filter(pk=session_of(started).pk).update(stop_received_at=timezone.now())
        found[reason] = problems.report(user=driver, visit=session_of(started), kind=Kind.STOPPED).is_borne_out
    assert found == {"PowerLoss": True, "Remote": False}
    Connector.objects.update(status="Faulted")
    assert problems.report(user=driver, visit=session_of(started), kind=Kind.BROKEN).is_borne_out is True
    with pytest.raises(Invalid):
        problems.report(user=driver, visit=session_of(started), kind="absurd")
