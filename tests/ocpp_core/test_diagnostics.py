"""Uploads of diagnostics: the address made for one file, what comes to it, what the box says, and who may read it."""

import asyncio
import re
from datetime import timedelta
from io import BytesIO

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.test import AsyncClient, Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from ocpp_core import answers, diagnostics
from ocpp_core.handlers import dispatch
from ocpp_core.models import ConfigurationKey, DiagnosticsUpload
from ocpp_core.models.firmware import Progress
from stations import commands
from stations.authorization import ChargerOffline
from stations.models import Command
from tests.meeting import meeting, one_waits_for_the_other
from tests.ocpp_core.speaking import request_of
from tests.stations.acting import go_online

NOW = timezone.now()
RAW = {"content_type": "application/octet-stream"}
TYPE = DiagnosticsUpload.Type


@pytest.fixture
def online(charge_point):
    return go_online(charge_point)


def say(charge_point, status, request_id=None, at=None):
    action = "DiagnosticsStatusNotification" if request_id is None else "LogStatusNotification"
    payload = {"status": status, **({} if request_id is None else {"requestId": request_id})}
    assert dispatch.IN_A_THREAD[action](request_of(charge_point, action, payload, at or timezone.now())) == {}


def ask(charge_point, kind=TYPE.DIAGNOSTICS, **more):
    """The upload, and the path a box is told."""
    upload = diagnostics.ask(charge_point, kind, **more)
    assert upload.command is not None
    payload = upload.command.payload
    location = payload.get("location") or payload["log"]["remoteLocation"]
    return upload, location.removeprefix(settings.PUBLIC_URL)


def answered(upload, response):
    command = Command.objects.get(pk=upload.command_id)
    answers.learn(command.charge_point_id, command.action, command.payload, response)
    commands.record_result(command, status=Command.Status.ACCEPTED, response=response)


def fresh(upload):
    return DiagnosticsUpload.objects.select_related("command", "charge_point").get(pk=upload.pk)


def put(path, body=b"all is well", **more):
    return Client(enforce_csrf_checks=True).put(path, body, **{**RAW, **more})


def files():
    return sorted(path.name for path in diagnostics.folder().iterdir())


@pytest.fixture(autouse=True)
def _empty_folder():
    for path in diagnostics.folder().iterdir():
        path.unlink()


# Asking


def test_a_box_is_told_an_address_of_ours(online, owner):
    upload, path = ask(online, asked_by=owner)
    assert upload.command.action == "GetDiagnostics"
    assert list(upload.command.payload) == ["location"]
    assert re.fullmatch(r"/charger-uploads/[0-9a-f]{64}/", path)
    assert path.split("/")[2] not in repr(vars(fresh(upload))), "the table holds a digest of it"
    assert (fresh(upload).progress, upload.expires_at > timezone.now()) == (Progress.WAITING, True)


def test_a_log_has_a_number(online):
    upload, _path = ask(online, TYPE.SECURITY_LOG, since=NOW - timedelta(days=1))
    payload = upload.command.payload
    assert (upload.command.action, payload["logType"], payload["requestId"]) == ("GetLog", "SecurityLog", upload.request_id)
    assert payload["log"]["oldestTimestamp"].endswith("Z")


def test_nobody_is_asked_who_is_away(charge_point):
    with pytest.raises(ChargerOffline):
        diagnostics.ask(charge_point, TYPE.DIAGNOSTICS)
    assert not DiagnosticsUpload.objects.exists()
    assert Command.objects.get().status == Command.Status.OFFLINE


def test_which_words_a_box_knows_is_learnt(online):
    assert not diagnostics.knows_log(online)
    ConfigurationKey.objects.create(charge_point=online, key="CpoName", value="", read_at=NOW)
    assert diagnostics.knows_log(online)
    upload, _path = ask(online, TYPE.DIAGNOSTICS_LOG)
    refusal = {"code": "NotImplemented", "description": ""}
    commands.record_result(upload.command, status=Command.Status.REJECTED, response=refusal)
    assert not diagnostics.knows_log(online)
    assert fresh(upload).progress == Progress.REFUSED


# What comes


@pytest.mark.parametrize("ending", ["", "log.zip", "a/b/c", "../../etc/passwd", "%2e%2e%2fx", "<script>"])
@pytest.mark.parametrize("method", ["put", "post"])
def test_a_file_is_taken_whatever_it_is_called(online, method, ending):
    upload, path = ask(online)
    client = Client(enforce_csrf_checks=True)
    answer = getattr(client, method)(path + ending, b"\0\xffall is well", **RAW)
    assert answer.status_code == 201
    upload = fresh(upload)
    assert (upload.size_bytes, upload.progress) == (13, Progress.DONE)
    assert diagnostics.file_of(upload).read_bytes() == b"\0\xffall is well"
    assert re.fullmatch(r"[0-9a-f]{32}", upload.stored_as)
    assert files() == [upload.stored_as]


def test_without_the_slash_at_its_end(online):
    _upload, path = ask(online)
    assert put(path.rstrip("/")).status_code == 201


def test_a_form_with_a_file_in_it(online):
    upload, path = ask(online)
    form = {"device": "BOX", "first": SimpleUploadedFile("../../first.log", b"first" * 1000), "second": SimpleUploadedFile("b", b"second")}
    assert Client(enforce_csrf_checks=True).post(path, form).status_code == 201
    assert (fresh(upload).file_name, diagnostics.file_of(fresh(upload)).read_bytes()) == ("first.log", b"first" * 1000)
    assert len(files()) == 1


@pytest.mark.parametrize("body", [b"", b"--x\r\nnonsense", b"--x--\r\n"])
def test_a_form_without_a_file_uses_nothing_up(online, body):
    upload, path = ask(online)
    assert put(path, body, content_type="multipart/form-data; boundary=x").status_code == 400
    assert (fresh(upload).received_at, files()) == (None, [])
    assert put(path).status_code == 201


def test_an_empty_file_uses_nothing_up(online):
    _upload, path = ask(online)
    assert put(path, b"").status_code == 400
    assert put(path).status_code == 201


def test_the_same_file_twice_is_a_repetition_and_another_is_refused(online):
    upload, path = ask(online)
    assert [put(path, body).status_code for body in (b"one", b"one", b"two", b"one")] == [201, 200, 409, 200]
    assert diagnostics.file_of(fresh(upload)).read_bytes() == b"one"
    assert files() == [fresh(upload).stored_as]


@pytest.mark.parametrize("is_form", [False, True])
def test_what_is_too_large_is_refused(online, settings, is_form):
    settings.DIAGNOSTICS_MAX_BYTES = 2000
    upload, path = ask(online)
    answer = Client().post(path, {"file": SimpleUploadedFile("a", b"x" * 2001)}) if is_form else put(path, b"x" * 2001)
    assert answer.status_code == 413
    upload = fresh(upload)
    assert (upload.refusal, upload.progress, files()) == ("too_large", Progress.FAILED, [])
    assert put(path, b"x" * 2000).status_code == 201
    assert (fresh(upload).refusal, fresh(upload).progress) == ("", Progress.DONE)


def test_more_than_was_said_is_counted(online, settings):
    settings.DIAGNOSTICS_MAX_BYTES = 2000
    upload, _path = ask(online)
    with pytest.raises(diagnostics.TooLarge):
        diagnostics.keep(upload, BytesIO(b"x" * 2001), now=NOW)
    assert files() == []


def test_an_address_that_has_run_out(online):
    upload, path = ask(online)
    DiagnosticsUpload.objects.update(expires_at=NOW - timedelta(seconds=1))
    assert put(path).status_code == 410
    assert (fresh(upload).refusal, fresh(upload).progress, files()) == ("expired", Progress.FAILED, [])


def test_a_repetition_is_one_also_when_the_address_has_run_out(online):
    _upload, path = ask(online)
    put(path)
    DiagnosticsUpload.objects.update(expires_at=NOW - timedelta(seconds=1))
    assert put(path).status_code == 200


def test_guessing_leads_nowhere(online, settings):
    settings.LIMIT_CHARGER_FAILURES = 2
    upload, path = ask(online)
    guesses = ["x", "0" * 64, path[:-2].split("/")[2] + "0" * 2, path.split("/")[2].upper(), "\u00e9" * 64, "%00"]
    for guess in guesses + guesses:
        assert put(f"/charger-uploads/{guess}/").status_code == 404
    assert put("/charger-uploads/y/").status_code == 429
    assert put(path).status_code == 429, "whoever guesses is not listened to for a minute"
    assert put(path, REMOTE_ADDR="198.51.100.7").status_code == 201
    assert fresh(upload).received_at is not None


def test_a_token_of_ours_for_no_row(online, db):
    upload, path = ask(online)
    upload.delete()
    assert put(path).status_code == 404


@pytest.mark.parametrize("method", ["get", "head", "delete", "patch", "options"])
def test_nothing_is_to_be_had_there(online, method):
    _upload, path = ask(online)
    put(path, b"secret")
    answer = getattr(Client(), method)(path)
    assert answer.status_code == 405
    assert b"secret" not in answer.content


# What the box says


def test_words_come_after_the_file(online):
    upload, path = ask(online)
    answered(upload, {"fileName": "diag.zip"})
    say(online, "Uploading")
    assert fresh(upload).progress == Progress.RUNNING
    put(path + "other.zip")
    say(online, "Uploaded")
    upload = fresh(upload)
    assert ([step["status"] for step in upload.history], upload.file_name) == (["Uploading", "Uploaded"], "diag.zip")
    assert DiagnosticsUpload.objects.count() == 1


def test_no_file_name_means_nothing_to_upload(online):
    upload, path = ask(online)
    answered(upload, {})
    assert fresh(upload).progress == Progress.NOTHING
    say(online, "Uploading")  # some upload all the same
    put(path)
    assert fresh(upload).progress == Progress.DONE


def test_uploaded_elsewhere_is_no_file(online):
    upload, _path = ask(online)
    answered(upload, {"fileName": "d"})
    say(online, "Uploaded")
    assert fresh(upload).progress == Progress.FAILED, "it says so, but nothing came"
    answers.learn(online.pk, "GetDiagnostics", {"location": "ftp://me:pw@example.com/in/"}, {"fileName": "d"})
    say(online, "Uploading")
    say(online, "Uploaded")
    own = DiagnosticsUpload.objects.all()[0]
    assert (own.location, own.progress, own.stored_as) == ("ftp://me:***@example.com/in/", Progress.DONE, "")


@pytest.mark.parametrize(
    "word", ["UploadFailed", "uploadfailed", "UploadFailure", "PermissionDenied", "BadMessage", "NotSupportedOperation"]
)
def test_an_upload_that_failed(online, word):
    upload, path = ask(online)
    say(online, "Uploading")
    say(online, word)
    assert fresh(upload).progress == Progress.FAILED
    put(path)
    assert fresh(upload).progress == Progress.DONE, "what lies here stands above what is said"


def test_idle_ends_what_was_uploading_and_nothing_else(online):
    say(online, "Idle")
    assert not DiagnosticsUpload.objects.exists()
    upload, _path = ask(online)
    say(online, "Idle")
    assert (fresh(upload).history, fresh(upload).ended_at) == ([], None)
    say(online, "Uploading")
    say(online, "Idle")
    assert fresh(upload).progress == Progress.FAILED


def test_an_upload_nobody_asked_for_is_recorded(online):
    say(online, "Uploading")
    say(online, "Uploaded")
    say(online, "Uploaded")
    upload = DiagnosticsUpload.objects.get()
    assert (upload.was_asked, upload.progress, upload.type) == (False, Progress.DONE, TYPE.DIAGNOSTICS)


def test_numbers_tell_logs_apart(online):
    first, first_path = ask(online, TYPE.DIAGNOSTICS_LOG)
    second, _path = ask(online, TYPE.SECURITY_LOG)
    answered(first, {"status": "Accepted", "filename": "a.log"})
    answered(second, {"status": "AcceptedCanceled", "filename": "b.log"})
    say(online, "Uploading", second.request_id)
    assert (fresh(first).progress, fresh(second).progress) == (Progress.SUPERSEDED, Progress.RUNNING)
    say(online, "AcceptedCanceled", first.request_id)
    put(first_path)
    assert fresh(first).progress == Progress.DONE
    third, _path = ask(online, TYPE.DIAGNOSTICS_LOG)
    answered(third, {"status": "Rejected"})
    assert fresh(third).progress == Progress.REFUSED
    say(online, "Uploading", 2**30)
    assert DiagnosticsUpload.objects.all()[0].request_id == 2**30


def test_a_newer_request_takes_the_words_and_the_older_keeps_its_file(online):
    first, first_path = ask(online)
    answered(first, {"fileName": "a"})
    second, second_path = ask(online)
    answered(second, {"fileName": "b"})
    say(online, "Uploading")
    assert (fresh(first).progress, fresh(second).progress) == (Progress.SUPERSEDED, Progress.RUNNING)
    assert [put(path, body).status_code for path, body in ((first_path, b"1"), (second_path, b"2"))] == [201, 201]
    assert [diagnostics.file_of(fresh(one)).read_bytes() for one in (first, second)] == [b"1", b"2"]


def test_a_request_that_nobody_answered(online):
    upload, _path = ask(online)
    commands.record_result(upload.command, status=Command.Status.UNANSWERED)
    assert fresh(upload).progress == Progress.REFUSED
    say(online, "Uploading")  # it had heard it after all
    assert fresh(upload).progress == Progress.RUNNING
    DiagnosticsUpload.objects.update(heard_at=NOW - timedelta(hours=25))
    assert fresh(upload).progress == Progress.LOST


# Who may read it


def fetched(path, user):
    async def story():
        client = AsyncClient()
        await client.aforce_login(user)
        answer: HttpResponseBase = await client.get(path)
        if isinstance(answer, StreamingHttpResponse):
            return answer, b"".join([piece async for piece in answer])
        assert isinstance(answer, HttpResponse)
        return answer, answer.content

    return async_to_sync(story)()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("said", "ending"), [("x.TAR.gz", ".tar.gz"), ("../../x.html", ".bin"), ("a/b.log", ".log"), ('a".exe\r\nX: y', ".bin"), ("", ".bin")]
)
def test_owner_and_staff_download_it(online, owner, staff, stranger, driver, said, ending):
    upload, path = ask(online)
    answered(upload, {"fileName": said})
    put(path, b"<script>" * 20_000)
    page = reverse("ocpp_core:diagnostics_download", args=[online.code, upload.pk])
    listed = APIClient()
    listed.force_authenticate(owner)
    row = listed.get(f"/api/v1/charge-points/{online.code}/diagnostics/").json()["results"][0]
    api = row["file"].removeprefix(settings.PUBLIC_URL)
    assert api == f"/api/v1/charge-points/{online.code}/diagnostics/{upload.pk}/file/"
    for address in (page, api):
        for user in (owner, staff):
            answer, body = fetched(address, user)
            assert (answer.status_code, body) == (200, b"<script>" * 20_000)
            assert answer["Content-Type"] == "application/octet-stream"
            assert answer["X-Content-Type-Options"] == "nosniff"
            assert re.fullmatch(r'attachment; filename="diagnostics-[a-z0-9]+-\d+' + re.escape(ending) + '"', answer["Content-Disposition"])
            assert "sandbox" in answer["Content-Security-Policy"]
        for user in (stranger, driver):
            assert fetched(address, user)[0].status_code == 404


def test_the_api_says_what_there_is(online, owner, stranger):
    upload, path = ask(online, TYPE.DIAGNOSTICS_LOG)
    put(path)
    client = APIClient()
    client.force_authenticate(owner)
    url = f"/api/v1/charge-points/{online.code}/diagnostics/"
    row = client.get(url).json()["results"][0]
    assert (row["type"], row["progress"], row["size_bytes"], len(row["sha256"])) == ("DiagnosticsLog", "done", 11, 64)
    assert path.split("/")[2] not in str(row)
    assert client.get(f"{url}{upload.pk + 1}/file/").status_code == 404
    assert client.get(f"{url}{2**63}/file/").status_code == 404
    client.force_authenticate(stranger)
    assert client.get(url).status_code == 404
    assert client.get(f"{url}{upload.pk}/file/").status_code == 404


def test_a_file_of_another_charger_is_not_mine(online, owner, stranger):
    from tests import factories  # noqa: PLC0415

    upload, path = ask(online)
    put(path)
    other = factories.make_charge_point(stranger)
    client = Client()
    client.force_login(stranger)
    assert client.get(reverse("ocpp_core:diagnostics_download", args=[other.code, upload.pk])).status_code == 404


# The page


@pytest.mark.parametrize("language", ["cs", "en"])
def test_the_button_asks_and_the_page_tells(client, online, owner, language):
    client.force_login(owner)
    page = reverse("ocpp_core:firmware", args=[online.code])
    ask_page = reverse("ocpp_core:diagnostics_ask", args=[online.code])
    for said in ({}, {"type": "x", "period": "all"}, {"type": "diagnostics", "period": "x"}):
        assert client.post(ask_page, said).status_code == 404
    answer = client.post(ask_page, {"type": "DiagnosticsLog", "period": "week"}, headers={"accept-language": language}, follow=True)
    assert answer.redirect_chain == [(page, 302)]
    command = Command.objects.get()
    assert (command.action, command.asked_by) == ("GetDiagnostics", owner), "the box does not know GetLog"
    assert command.payload["startTime"].endswith("Z")
    for status in [*DiagnosticsUpload.Status.values, "Whatever"]:
        DiagnosticsUpload.objects.update(status=status, history=[{"status": status, "at": NOW.isoformat(), "times": 2}])
        assert client.get(page, headers={"accept-language": language}).status_code == 200
    for refusal in DiagnosticsUpload.Refusal.values:
        DiagnosticsUpload.objects.update(refusal=refusal)
        assert client.get(page, headers={"accept-language": language}).status_code == 200


def test_the_button_at_a_charger_that_is_away(client, charge_point, owner, stranger):
    client.force_login(owner)
    ask_page = reverse("ocpp_core:diagnostics_ask", args=[charge_point.code])
    answer = client.post(ask_page, {"type": "diagnostics", "period": "all"}, follow=True)
    assert [str(message) for message in answer.context["messages"]]
    assert not DiagnosticsUpload.objects.exists()
    client.force_login(stranger)
    assert client.post(ask_page, {"type": "diagnostics", "period": "all"}).status_code == 404


# Forgetting


def test_a_month_later_file_and_row_are_gone(online):
    (old, old_path), (young, young_path) = ask(online), ask(online)
    for path in (old_path, young_path):
        put(path, path.encode())
    DiagnosticsUpload.objects.filter(pk=old.pk).update(created_at=NOW - timedelta(days=31))
    (diagnostics.folder() / "left-behind").write_bytes(b"x")
    assert diagnostics.prune(now=NOW) == 1
    assert files() == sorted(["left-behind", fresh(young).stored_as])
    assert diagnostics.prune(now=NOW + timedelta(days=2)) == 0
    assert files() == [fresh(young).stored_as]
    assert not DiagnosticsUpload.objects.filter(pk=old.pk).exists()


def test_newer_files_take_the_room_of_the_oldest(client, online, owner, monkeypatch):
    monkeypatch.setattr(diagnostics, "FILES_OF_AN_OWNER", 2)
    asked = [ask(online) for _number in range(4)]
    for number, (_upload, path) in enumerate(asked):
        assert put(path, b"%d" % number).status_code == 201
    kept = [fresh(upload).stored_as for upload, _path in asked]
    assert kept[:2] == ["", ""]
    assert files() == sorted(kept[2:])
    assert put(asked[0][1], b"0").status_code == 200, "it was here, and is not taken again"
    client.force_login(owner)
    assert client.get(reverse("ocpp_core:firmware", args=[online.code])).status_code == 200
    assert client.get(reverse("ocpp_core:diagnostics_download", args=[online.code, asked[0][0].pk])).status_code == 404


def test_a_lost_file_is_not_found(online, owner):
    upload, path = ask(online)
    put(path)
    diagnostics.file_of(fresh(upload)).unlink()
    client = Client()
    client.force_login(owner)
    assert client.get(reverse("ocpp_core:diagnostics_download", args=[online.code, upload.pk])).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_two_files_at_the_same_moment(online):
    """One of them is the file; the other came too late by a hair."""
    _upload, path = ask(online)

    async def story():
        return await asyncio.gather(*(asyncio.to_thread(put, path, body) for body in (b"one", b"two", b"three")))

    statuses = sorted(answer.status_code for answer in async_to_sync(story)())
    assert statuses == [201, 409, 409]
    assert len(files()) == 1


@one_waits_for_the_other
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", [TYPE.DIAGNOSTICS, TYPE.SECURITY_LOG])
@pytest.mark.parametrize("is_answer", [False, True])
def test_a_word_at_the_moment_the_file_comes_takes_nothing_back(online, kind, is_answer):
    upload, _path = ask(online, kind)

    def second():
        if is_answer:
            answered(upload, {"status": "Accepted", "fileName": "log.txt", "filename": "log.txt"})
        else:
            say(online, "Uploaded", upload.request_id)

    with meeting(second):
        assert diagnostics.keep(upload, BytesIO(b"all is well"), now=timezone.now())

    kept = fresh(upload)
    assert (kept.progress, kept.size_bytes, diagnostics.file_of(kept).read_bytes()) == (Progress.DONE, 11, b"all is well")
    assert kept.file_name == "log.txt" if is_answer else kept.status == "Uploaded"
