"""What every call of the API has in common: refusals, pages, limits, repeats, the schema."""

import json
import threading
from io import BytesIO, StringIO
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.core.exceptions import ValidationError as DjangoValidationError
from django.core.management import call_command
from django.db import OperationalError, connection
from django.http import Http404
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory, force_authenticate
from rest_framework.views import APIView

from accounts import counting
from accounts.api import idempotent
from accounts.models import IdToken, User
from chargeshare import answers
from chargeshare.errors import DomainError, Invalid
from ocpp_core.models import OcppFrame
from stations.models import ChargePoint
from tests import factories
from tests.accounts.test_api import API, api, post


@pytest.fixture(autouse=True)
def nobody_has_called_yet() -> None:
    cache.clear()


def refusal(error: Exception) -> tuple[int, dict[str, Any]]:
    response = answers.answer_error(error, {})
    assert response is not None
    assert response.data is not None
    assert response.data.keys() == {"code", "detail", "fields"}
    json.dumps(response.data)
    return response.status_code, response.data


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (DomainError("No.", code="charger_offline"), 409, "charger_offline"),
        (Invalid(fields={"uid": ["bad"]}), 400, "invalid"),
        (Http404("the row 17 of table x"), 404, "not_found"),
        (PermissionDenied("secret reason"), 404, "not_found"),
        (exceptions.PermissionDenied(), 404, "not_found"),
        (exceptions.NotFound("Invalid page."), 404, "not_found"),
        (exceptions.NotAuthenticated(), 401, "not_authenticated"),
        (exceptions.AuthenticationFailed(), 401, "authentication_failed"),
        (exceptions.MethodNotAllowed("PUT"), 405, "method_not_allowed"),
        (exceptions.UnsupportedMediaType("text/plain"), 415, "unsupported_media_type"),
        (exceptions.ParseError(), 400, "parse_error"),
        (exceptions.Throttled(wait=12.3), 429, "throttled"),
        (exceptions.ValidationError("One sentence."), 400, "invalid"),
        (exceptions.ValidationError({"a": {"b": ["Deep."]}}), 400, "invalid"),
        (exceptions.ValidationError([{"a": ["In a list."]}]), 400, "invalid"),
        (DjangoValidationError({"name": ["Too long."]}), 400, "invalid"),
        (DjangoValidationError("Plain."), 400, "invalid"),
        (OverflowError("int too big to convert"), 400, "invalid"),
        (OperationalError("server closed the connection"), 503, "unavailable"),
    ],
)
def test_every_refusal_has_the_same_shape(error: Exception, status: int, code: str) -> None:
    said = refusal(error)

    assert (said[0], said[1]["code"]) == (status, code)
    assert said[1]["detail"].strip()
    assert all(isinstance(line, str) for lines in said[1]["fields"].values() for line in lines)


def test_a_refusal_gives_nothing_away() -> None:
    assert "row 17" not in refusal(Http404("row 17"))[1]["detail"]
    assert "server closed" not in refusal(OperationalError("server closed"))[1]["detail"]


def test_a_bug_stays_an_exception() -> None:
    assert answers.answer_error(ZeroDivisionError(), {}) is None


def test_fields_and_sentence() -> None:
    _status, said = refusal(exceptions.ValidationError({"uid": ["Too short."], "non_field_errors": ["Both are wrong."]}))
    assert said == {"code": "invalid", "detail": "Both are wrong.", "fields": {"uid": ["Too short."]}}
    assert refusal(exceptions.ValidationError({"uid": ["Too short."]}))[1]["detail"] == "uid: Too short."
    assert refusal(Invalid(fields={"uid": ["Too short."]}))[1]["detail"] == "uid: Too short."
    assert refusal(Invalid("No.", fields={"uid": ["Too short."]}))[1]["detail"] == "No."


def test_how_long_to_wait() -> None:
    response = answers.answer_error(exceptions.Throttled(wait=12.3), {})
    assert response is not None
    assert response["Retry-After"] == "13"


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete", "options", "head"])
@pytest.mark.parametrize("path", ["nothing", "nothing/", "me", "charge%00points/", "me/id-tokens/%00/", "a/b/c/../d/", ""])
def test_what_does_not_exist_is_json_too(stranger: User, method: str, path: str) -> None:
    for program in (api(stranger), api()):
        answer = getattr(program, method)(f"{API}/{path}")
        assert answer.status_code in (401, 404, 405) or method == "options"
        if method not in ("head", "options") and answer.status_code != 405:
            assert answer.json()["code"] in ("not_found", "not_authenticated")


BODIES: list[bytes] = [
    b"",
    b"null",
    b"[]",
    b'"text"',
    b"{",
    b"{'uid': 1}",
    b"NaN",
    b'{"uid": NaN}',
    b'{"uid": Infinity}',
    b'{"uid": "\\u0000abcd"}',
    b'{"uid": "\\ud800abcd"}',
    b'{"\\u0000": 1}',
    b'{"uid": "\xff\xfe"}',
    b"\xff\xfe\x00",
    b'{"uid": ' + b"9" * 5000 + b"}",
    b'{"uid": "04A22B5C", "max_sessions": ' + b"9" * 400 + b"}",
    b'{"uid": "04A22B5C", "max_sessions": 1e400}',
    b'{"uid": "04A22B5C", "max_sessions": 9223372036854775808}',
    b"[" * 100_000,
    b'{"a":' * 40 + b"1" + b"}" * 40,
    b'{"uid": {"a": [[["deep"]]]}}',
    b'{"uid": true, "label": [], "expires_at": {}, "is_blocked": "\\u0001"}',
    b'{"uid": "04A22B5C", "label": ' + json.dumps("x" * 200_000).encode() + b"}",
    b'{"uid": "04A22B5C", "label": ' + json.dumps("x" * 3_000_000).encode() + b"}",
]


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_no_body_makes_a_traceback(stranger: User, body: bytes) -> None:
    program = api(stranger)
    for method, path in [
        ("post", "me/id-tokens/"),
        ("patch", "me/"),
        ("post", "auth/register/"),
        ("post", "auth/token/"),
        ("post", "auth/token/refresh/"),
        ("post", "notifications/read/"),
        ("post", "problems/"),
    ]:
        answer = program.generic(method.upper(), f"{API}/{path}", body, content_type="application/json")  # type: ignore[arg-type]  # bytes they are
        assert answer.status_code in (200, 204, 400), (path, answer.status_code, answer.content)
        if answer.status_code == 400:
            assert answer.json().keys() == {"code", "detail", "fields"}
    assert not IdToken.objects.exists()


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "nonsense", ""]
)
def test_other_kinds_of_bodies_are_refused(stranger: User, content_type: str) -> None:
    answer = api(stranger).generic("POST", f"{API}/me/id-tokens/", "uid=04A22B5C", content_type=content_type, HTTP_IDEMPOTENCY_KEY="k")
    assert answer.status_code in (400, 415)
    assert answer.json().keys() == {"code", "detail", "fields"}


@pytest.mark.parametrize(
    "query",
    ["page=0", "page=-1", "page=x", "page=" + "9" * 5000, "page=%00", "page=99", "page=1.5", "page=%ff"],
)
def test_a_page_that_is_not_there(stranger: User, query: str) -> None:
    answer = api(stranger).get(f"{API}/me/id-tokens/?{query}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_pages(stranger: User) -> None:
    IdToken.objects.bulk_create(IdToken(user=stranger, uid=f"CARD{n}", uid_key=f"CARD{n}") for n in range(205))
    program = api(stranger)

    first = program.get(f"{API}/me/id-tokens/?page_size=200").json()
    assert (first["count"], len(first["results"]), first["previous"]) == (205, 200, None)
    second = program.get(first["next"]).json()
    assert (len(second["results"]), second["next"]) == (5, None)
    for size, status in (("1000", 200), ("0", 200), ("-5", 200), ("", 200), ("x", 400), ("null", 400), ("1.5", 400), ("9" * 5000, 400)):
        assert program.get(f"{API}/me/id-tokens/?page_size={size}").status_code == status, size
    assert len(program.get(f"{API}/me/id-tokens/?page_size=1000").json()["results"]) == 200


def test_links_lead_where_everybody_reaches_us(stranger: User, charge_point: ChargePoint, settings: Settings) -> None:
    settings.PUBLIC_URL = "https://charge.example"
    settings.ALLOWED_HOSTS = ["*"]
    IdToken.objects.bulk_create(IdToken(user=stranger, uid=f"CARD{n}", uid_key=f"CARD{n}") for n in range(5))
    OcppFrame.objects.bulk_create(
        OcppFrame(charge_point=charge_point, at=timezone.now(), direction="from_charger", type="call", raw="[]") for _ in range(5)
    )

    cards = api(stranger).get(f"{API}/me/id-tokens/?page_size=2&page=2", HTTP_HOST="evil.example").json()
    frames_path = f"{API}/charge-points/{charge_point.code}/messages/?page_size=2"
    frames = api(charge_point.owner).get(frames_path, HTTP_HOST="evil.example").json()
    new = post(
        api(stranger), "charge-points/", {"name": "New", "latitude": 49.9, "longitude": 17.9, "address": "x"}, HTTP_HOST="evil.example"
    )

    for link in (cards["next"], cards["previous"], frames["next"], new["Location"]):
        assert link.startswith("https://charge.example/api/v1/"), link
    assert api(charge_point.owner).get(frames["next"]).json()["previous"].startswith("https://charge.example/")


# Limits


def test_a_limit_for_each_account(driver: User, stranger: User, settings: Settings) -> None:
    settings.LIMIT_API_PER_MINUTE = 20
    program = api(driver)
    statuses = [program.get(f"{API}/me/").status_code for _ in range(22)]

    assert statuses.count(429) in (1, 2)  # a minute may begin in between
    refused = program.get(f"{API}/me/")
    if refused.status_code == 429:
        assert refused.json()["code"] == "throttled"
        assert 0 < int(refused["Retry-After"]) <= 61
    assert api(stranger).get(f"{API}/me/").status_code == 200


def test_a_tenth_for_each_address(db: None, settings: Settings) -> None:
    settings.LIMIT_API_PER_MINUTE = 20
    settings.TRUSTED_PROXIES = []
    statuses = [post(api(), "auth/token/refresh/", {}, HTTP_X_FORWARDED_FOR=f"192.0.2.{n}").status_code for n in range(6)]
    assert 429 in statuses, "a header nobody vouches for gives no new address"

    settings.TRUSTED_PROXIES = ["127.0.0.1"]
    statuses = [post(api(), "auth/token/refresh/", {}, HTTP_X_FORWARDED_FOR=f"192.0.2.{n}").status_code for n in range(6)]
    assert 429 not in statuses


def test_with_the_cache_away_this_process_counts_alone(driver: User, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*args: Any, **kwargs: Any) -> None:
        raise ConnectionError

    settings.LIMIT_API_PER_MINUTE = 20
    monkeypatch.setattr(counting, "_away_until", 0.0)
    monkeypatch.setattr(counting, "cache", SimpleNamespace(add=away, incr=away, get=away))
    program = api(driver)

    statuses = [program.get(f"{API}/me/").status_code for _ in range(22)]

    assert statuses[:20].count(200) == 20
    assert statuses.count(429) in (0, 1, 2)  # a minute may begin in between
    assert statuses.count(429) + statuses.count(200) == 22


# Idempotency-Key


class Till(APIView):
    """Money moves here."""

    taken: list[Any] = []

    @idempotent
    def post(self, request: Request) -> Response:
        self.taken.append(request.data)
        if "refuse" in request.data:
            raise DomainError("Not enough.", code="credit_too_low")
        return Response({"number": len(self.taken)}, status=201)


@pytest.fixture
def till() -> list[Any]:
    Till.taken.clear()
    return Till.taken


def pay(user: User | None, said: Any, key: str | None) -> Response:
    headers = {} if key is None else {"HTTP_IDEMPOTENCY_KEY": key}
    request = APIRequestFactory().post("/till/", said, format="json", **headers)
    if user is not None:
        force_authenticate(request, user)
    response = Till.as_view()(request)
    assert isinstance(response, Response)
    return response


def test_paid_once_however_often_it_is_asked(driver: User, stranger: User, till: list[Any]) -> None:
    answered = [pay(driver, {"amount": "10.00"}, "key-1") for _ in range(3)]

    assert [(one.status_code, one.data) for one in answered] == [(201, {"number": 1})] * 3
    assert len(till) == 1
    assert pay(driver, {"amount": "10.00"}, "key-2").data == {"number": 2}
    assert pay(stranger, {"amount": "10.00"}, "key-1").data == {"number": 3}
    assert pay(driver, {"amount": "10.00"}, None).data == {"number": 4}


def test_another_body_under_the_same_key(driver: User, till: list[Any]) -> None:
    pay(driver, {"amount": "10.00"}, "key-1")
    answer = pay(driver, {"amount": "11.00"}, "key-1")

    assert answer.status_code == 409
    assert answer.data is not None
    assert answer.data["code"] == "idempotency_key_reused"
    assert len(till) == 1


def test_a_refusal_is_repeated_word_by_word(driver: User, till: list[Any]) -> None:
    answered = [pay(driver, {"refuse": True}, "key-1") for _ in range(2)]

    assert [one.status_code for one in answered] == [409, 409]
    assert answered[0].data == answered[1].data == {"code": "credit_too_low", "detail": "Not enough.", "fields": {}}
    assert len(till) == 1


def test_a_body_beyond_all_measure(driver: User, till: list[Any]) -> None:
    answer = pay(driver, {"note": "x" * 3_000_000}, "key-1")
    assert answer.status_code == 400
    assert not till


def test_a_key_that_is_none(driver: User, till: list[Any]) -> None:
    assert pay(driver, {}, "x" * 256).status_code == 400
    assert pay(None, {}, "key-1").status_code == 401
    assert not till


@pytest.mark.django_db(transaction=True)
def test_paid_once_by_six_at_once(till: list[Any]) -> None:
    user = factories.make_user("Tereza")
    answered: list[Any] = []
    barrier = threading.Barrier(6)

    def ask() -> None:
        barrier.wait()
        try:
            answered.append(pay(user, {"amount": "10.00"}, "key-1").data)
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answered == [{"number": 1}] * 6
    assert len(till) == 1


# The parser alone, and the schema


def test_numbers_at_the_edge_are_kept() -> None:
    read = answers.StrictJSONParser().parse(BytesIO(b'{"a": 9223372036854775807, "b": -9223372036854775808, "c": 1.5}'))
    assert read == {"a": 2**63 - 1, "b": -(2**63), "c": 1.5}


def test_the_schema_has_no_warnings(db: None) -> None:
    said, complaints = StringIO(), StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=said, stderr=complaints)
    assert "/api/v1/auth/token/" in said.getvalue()


def test_times_end_in_z(stranger: User, client: Client) -> None:
    client.force_login(stranger)
    for program in (api(stranger), client):
        assert program.get(f"{API}/me/").json()["date_joined"].endswith("Z")
