"""Updates of firmware: the words of a box, in whatever order and spelling they come, and what the owner reads of them."""

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from ocpp_core import answers, dialects, firmware
from ocpp_core.handlers import core, dispatch
from ocpp_core.models import FirmwareUpdate
from ocpp_core.models.firmware import MOST_STEPS, Progress
from stations import commands
from stations.models import ChargePoint
from tests import factories
from tests.meeting import meeting, one_waits_for_the_other
from tests.ocpp_core.speaking import request_of
from tests.stations.acting import go_online

NOW = timezone.now()
PLAIN = {
    "location": "ftp://maker:s3cr3t@example.com/box-2.0.bin",
    "retrieveDate": "2024-05-01T10:00:00Z",
    "retries": 3,
    "retryInterval": 60,
}


def say(charge_point, status, request_id=None, at=None, action=None):
    action = action or ("FirmwareStatusNotification" if request_id is None else "SignedFirmwareStatusNotification")
    payload = {"status": status, **({} if request_id is None else {"requestId": request_id})}
    assert dispatch.IN_A_THREAD[action](request_of(charge_point, action, payload, at or timezone.now())) == {}


def ask(charge_point, **more):
    answers.learn(charge_point.pk, "UpdateFirmware", {**PLAIN, **more}, {})


def ask_signed(charge_point, request_id, status="Accepted"):
    image = {"location": "https://example.com/b.bin", "retrieveDateTime": "2024-05-01T10:00:00Z", "signature": "x"}
    asked = {"requestId": request_id, "firmware": {**image, "installDateTime": "2024-05-01T11:00:00+01:00", "signingCertificate": "C"}}
    answers.learn(charge_point.pk, "SignedUpdateFirmware", asked, {"status": status})


def newest():
    return FirmwareUpdate.objects.first()


def words(update=None):
    return [step["status"] for step in (update or newest()).history]


def boot(charge_point, firmware_version):
    said = {"chargePointVendor": "Maker", "chargePointModel": "Box", "firmwareVersion": firmware_version}
    core.boot_notification(request_of(charge_point, "BootNotification", said, timezone.now()))


def test_an_update_goes_from_word_to_word(charge_point):
    ChargePoint.objects.filter(pk=charge_point.pk).update(firmware="1.0")
    ask(charge_point)
    update = newest()
    assert (update.location, update.retries, update.retry_interval_s) == ("ftp://maker:***@example.com/box-2.0.bin", 3, 60)
    assert (update.firmware_before, update.was_asked, update.progress) == ("1.0", True, Progress.WAITING)
    for word in ("Downloading", "Downloading", "Downloaded", "Installing"):
        say(charge_point, word)
        assert newest().progress == Progress.RUNNING
    say(charge_point, "Installed")
    update = newest()
    assert words() == ["Downloading", "Downloaded", "Installing", "Installed"]
    assert [step["times"] for step in update.history] == [2, 1, 1, 1]
    assert (update.progress, update.ended_at is None) == (Progress.DONE, False)
    boot(charge_point, "2.0")
    assert (newest().firmware_after, words()[-1]) == ("2.0", "Installed")
    assert FirmwareUpdate.objects.count() == 1


@pytest.mark.parametrize("spelt", ["downloading", "DOWNLOADING", " Downloading ", "Down-loading"])
def test_words_are_read_however_they_are_spelt(charge_point, spelt):
    say(charge_point, spelt)
    assert words() == ["Downloading"]


@pytest.mark.parametrize(("said", "meant"), [("InstallFailed", "InstallationFailed"), ("downloadFailure", "DownloadFailed")])
def test_some_makes_have_words_of_their_own(charge_point, said, meant):
    ask(charge_point)
    say(charge_point, said)
    assert (newest().status, newest().progress) == (meant, Progress.FAILED)


def test_a_word_nobody_knows_is_kept_and_ends_nothing(charge_point):
    ask(charge_point)
    say(charge_point, "Downloading")
    say(charge_point, "Defragmenting" * 9)
    say(charge_point, "Installed")
    assert words() == ["Downloading", ("Defragmenting" * 9)[:40], "Installed"]
    assert newest().progress == Progress.DONE


@pytest.mark.parametrize("payload", [{}, {"status": None}, {"status": ""}, {"status": "  "}, {"status": {}}])
@pytest.mark.parametrize("action", ["FirmwareStatusNotification", "DiagnosticsStatusNotification", "LogStatusNotification"])
def test_a_message_without_its_word_is_refused(action, payload):
    with pytest.raises(dialects.Unreadable):
        dialects.progress(action, payload)


def test_a_box_that_updates_itself_is_recorded_too(charge_point):
    say(charge_point, "Downloading")
    say(charge_point, "Installed")
    assert (newest().was_asked, newest().progress, FirmwareUpdate.objects.count()) == (False, Progress.DONE, 1)
    say(charge_point, "Installed")  # some say so at every start
    assert FirmwareUpdate.objects.count() == 1
    say(charge_point, "Downloading", at=NOW + timedelta(days=2))
    assert FirmwareUpdate.objects.count() == 2


def test_doing_nothing_begins_and_ends_nothing(charge_point):
    say(charge_point, "Idle")
    assert not FirmwareUpdate.objects.exists()
    ask(charge_point)
    say(charge_point, "Idle")
    assert (words(), newest().ended_at) == ([], None)
    say(charge_point, "Downloading")
    say(charge_point, "Idle")
    assert (words(), newest().ended_at) == (["Downloading", "Idle"], None)
    say(charge_point, "Installed")
    say(charge_point, "Idle")
    assert (words()[-1], newest().progress) == ("Installed", Progress.DONE)


def test_a_failed_download_may_be_tried_again(charge_point):
    ask(charge_point)
    say(charge_point, "Downloading")
    say(charge_point, "DownloadFailed")
    assert newest().progress == Progress.FAILED
    say(charge_point, "Downloading")
    assert (newest().progress, newest().ended_at) == (Progress.RUNNING, None)
    say(charge_point, "Downloaded")
    assert FirmwareUpdate.objects.count() == 1


def test_a_newer_update_takes_the_place_of_an_older_one(charge_point):
    ask(charge_point)
    say(charge_point, "Downloading")
    ask(charge_point, location="http://example.com/3.0")
    say(charge_point, "Downloading")
    say(charge_point, "Installed")
    second, first = FirmwareUpdate.objects.all()
    assert (first.progress, words(first)) == (Progress.SUPERSEDED, ["Downloading"])
    assert (second.progress, words(second)) == (Progress.DONE, ["Downloading", "Installed"])


def test_two_updates_after_another(charge_point):
    for version in ("2.0", "3.0"):
        ask(charge_point)
        for word in ("Downloading", "Downloaded", "Installing", "Installed"):
            say(charge_point, word)
        boot(charge_point, version)
    assert [update.firmware_after for update in FirmwareUpdate.objects.all()] == ["3.0", "2.0"]
    assert {update.progress for update in FirmwareUpdate.objects.all()} == {Progress.DONE}


def test_the_first_word_may_overtake_the_answer(charge_point):
    command = commands.ask(go_online(charge_point), "UpdateFirmware", PLAIN)
    commands.claim(command.pk)
    say(charge_point, "Downloading")
    say(charge_point, "DownloadFailed")
    ask(charge_point)
    update = FirmwareUpdate.objects.get()
    assert (update.was_asked, update.location != "", words()) == (True, True, ["Downloading", "DownloadFailed"])
    assert update.progress == Progress.FAILED


def test_the_whole_update_may_overtake_the_answer(charge_point):
    """A box that is done and has restarted before its answer is written down: its request was given up with the socket."""
    command = commands.ask(go_online(charge_point), "UpdateFirmware", PLAIN)
    commands.claim(command.pk)
    for word in ("Downloading", "Downloaded", "Installing", "Installed"):
        say(charge_point, word)
    commands.mark_dropped(charge_point.pk)
    boot(charge_point, "box-2.0.bin")
    ask(charge_point)
    update = FirmwareUpdate.objects.get()
    assert (update.was_asked, update.progress, update.firmware_after) == (True, Progress.DONE, "box-2.0.bin")


def test_while_it_is_asked_again_its_words_are_about_that(charge_point):
    ask(charge_point)
    say(charge_point, "Downloading")
    say(charge_point, "DownloadFailed")
    command = commands.ask(go_online(charge_point), "UpdateFirmware", PLAIN)
    commands.claim(command.pk)
    say(charge_point, "Downloading")
    ask(charge_point)
    commands.record_result(command, status="accepted", response={})
    say(charge_point, "Installed")
    second, first = FirmwareUpdate.objects.all()
    assert (words(first), words(second)) == (["Downloading", "DownloadFailed"], ["Downloading", "Installed"])
    assert (second.was_asked, second.location) == (True, first.location)


def test_what_began_before_it_was_asked_is_something_else(charge_point):
    say(charge_point, "Downloading")
    command = commands.ask(go_online(charge_point), "UpdateFirmware", PLAIN)
    commands.claim(command.pk)
    ask(charge_point)
    second, first = FirmwareUpdate.objects.all()
    assert (first.was_asked, first.progress, second.progress) == (False, Progress.SUPERSEDED, Progress.WAITING)


def test_numbers_say_which_update_is_meant(charge_point):
    ask_signed(charge_point, 11)
    ask_signed(charge_point, 12, "AcceptedCanceled")
    say(charge_point, "Downloading", 12)
    say(charge_point, "InstallationFailed", 11)
    say(charge_point, "Downloaded", 99)  # a number nobody gave
    by_number = {update.request_id: update for update in FirmwareUpdate.objects.all()}
    assert {number: words(update) for number, update in by_number.items()} == {
        11: ["InstallationFailed"],
        12: ["Downloading"],
        99: ["Downloaded"],
    }
    assert (by_number[11].was_replaced, by_number[99].was_asked, by_number[12].is_signed) == (True, False, True)
    assert by_number[12].install_at == datetime(2024, 5, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize("number", [0, -1, None, "0"])
def test_a_number_that_is_none_means_what_is_under_way(charge_point, number):
    ask_signed(charge_point, 11)
    said = {"status": "Downloading", "requestId": number}
    action = "SignedFirmwareStatusNotification"
    dispatch.IN_A_THREAD[action](request_of(charge_point, action, said, timezone.now()))
    assert (newest().request_id, words()) == (11, ["Downloading"])


@pytest.mark.parametrize("status", ["Rejected", "InvalidCertificate", "RevokedCertificate", "", None, 7])
def test_a_refusal_leaves_what_runs_alone(charge_point, status):
    ask(charge_point)
    say(charge_point, "Downloading")
    ask_signed(charge_point, 11, status)
    second, first = FirmwareUpdate.objects.all()
    assert second.progress == Progress.REFUSED
    assert first.was_replaced is False
    say(charge_point, "Downloaded")
    assert words(FirmwareUpdate.objects.last()) == ["Downloading", "Downloaded"]


def test_other_firmware_at_the_next_boot_is_the_proof(charge_point):
    boot(charge_point, "1.0")
    ask(charge_point)
    say(charge_point, "Installing")
    boot(charge_point, "1.0")
    assert newest().ended_at is None, "a restart with the old firmware proves nothing"
    boot(charge_point, "2.0")
    assert (newest().progress, newest().firmware_before, newest().firmware_after) == (Progress.DONE, "1.0", "2.0")
    say(charge_point, "Installed")  # and now it says so as well
    assert (words(), newest().progress) == (["Installing", "Booted", "Installed"], Progress.DONE)
    assert FirmwareUpdate.objects.count() == 1


@one_waits_for_the_other
@pytest.mark.django_db(transaction=True)
def test_the_last_word_of_the_old_firmware_takes_nothing_back_from_the_new(charge_point):
    """It says that it installs and restarts at once: the one is taken in while the other comes by a new socket."""
    ask(charge_point)

    with meeting(lambda: say(charge_point, "Installing")):
        firmware.booted(charge_point, "2.0", at=timezone.now())

    update = newest()
    assert (update.status, update.firmware_after, update.ended_at is not None) == ("Booted", "2.0", True)


def test_an_update_for_later_is_not_missed_and_a_silent_one_is(charge_point):
    later = timezone.now() + timedelta(days=30)
    ask(charge_point, retrieveDate=later.strftime("%Y-%m-%dT%H:%M:%SZ"))
    assert newest().progress == Progress.WAITING
    boot(charge_point, "0.9")
    assert newest().progress == Progress.WAITING, "not its firmware yet"
    FirmwareUpdate.objects.update(retrieve_at=timezone.now() - timedelta(hours=25), created_at=timezone.now() - timedelta(days=3))
    assert newest().progress == Progress.LOST
    say(charge_point, "Installed")
    assert newest().progress == Progress.DONE, "heard of again after all"


def test_what_a_box_repeats_for_ever_does_not_grow(charge_point):
    ask(charge_point)
    for number in range(3 * MOST_STEPS):
        firmware.heard(charge_point.pk, ("Downloading", "DownloadPaused")[number % 2], at=NOW)
    assert len(newest().history) == MOST_STEPS


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ({}, {}),
        ({"location": 7, "retrieveDate": [], "retries": 2**40, "retryInterval": True}, {"status": {}}),
        ({"location": "x" * 9000, "retrieveDate": "yesterday"}, {"extra": None}),
    ],
)
def test_whatever_is_answered_costs_nothing(charge_point, asked, answer):
    for action in ("UpdateFirmware", "SignedUpdateFirmware", "GetDiagnostics", "GetLog"):
        answers.learn(charge_point.pk, action, asked, answer)
        answers.learn(charge_point.pk, action, {"firmware": asked, "log": asked, "requestId": "7"}, answer)
    assert FirmwareUpdate.objects.count() == 4


# The page and the API


def client_of(user):
    client = APIClient()
    client.force_authenticate(user)
    return client


def test_the_api_tells_owner_and_staff_alone(charge_point, owner, stranger, staff):
    ask(charge_point)
    say(charge_point, "Downloading")
    url = f"/api/v1/charge-points/{charge_point.code}/firmware/"
    for user, status in ((owner, 200), (staff, 200), (stranger, 404)):
        assert client_of(user).get(url).status_code == status
    assert APIClient().get(url).status_code in (401, 404)
    page = client_of(owner).get(url).json()
    assert set(page) == {"count", "next", "previous", "results"}
    row = page["results"][0]
    assert (row["status"], row["progress"], row["location"]) == ("Downloading", "running", "ftp://maker:***@example.com/box-2.0.bin")
    assert row["retrieve_at"] == "2024-05-01T10:00:00Z"
    assert [(step["status"], step["times"]) for step in row["history"]] == [("Downloading", 1)]
    assert row["history"][0]["at"].endswith("Z")


@pytest.mark.parametrize("status", [*FirmwareUpdate.Status.values, "Whatever", ""])
@pytest.mark.parametrize("language", ["cs", "en"])
def test_the_page_has_a_sentence_for_everything(client, charge_point, owner, status, language):
    ask(charge_point)
    if status:
        firmware.heard(charge_point.pk, "Downloading", at=NOW)
        firmware.heard(charge_point.pk, status, at=NOW)
    ask_signed(charge_point, 5, "InvalidCertificate")
    ask_signed(charge_point, 5, "RevokedCertificate")
    client.force_login(owner)
    answer = client.get(reverse("ocpp_core:firmware", args=[charge_point.code]), headers={"accept-language": language})
    assert answer.status_code == 200


def test_the_page_offers_no_address(client, charge_point, owner, stranger):
    url = reverse("ocpp_core:firmware", args=[charge_point.code])
    ask(charge_point)
    client.force_login(owner)
    text = client.get(url).content.decode()
    assert "s3cr3t" not in text
    assert 'type="url"' not in text
    client.force_login(stranger)
    assert client.get(url).status_code == 404


def test_a_box_writes_no_html(client, owner):
    charge_point = factories.make_charge_point(owner)
    say(charge_point, "<img src=x onerror=alert(1)>")
    client.force_login(owner)
    text = client.get(reverse("ocpp_core:firmware", args=[charge_point.code])).content.decode()
    assert "<img src=x" not in text
    assert "&lt;img src=x" in text
