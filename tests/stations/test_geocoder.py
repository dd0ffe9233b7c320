"""Addresses by a server of the operator's: asked only for what was sent off, told nothing of who asks, and done without when it is away."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.cache import cache

from accounts import counting
from stations import geocoder
from tests.stations.test_api_sessions import client_of

URL = "/api/v1/places/"
HERE = {"display_name": "Masařská 12, Opava", "lat": "49.9401", "lon": "17.9011", "address": {"country_code": "cz"}}


class Nominatim(ThreadingHTTPServer):
    """Answers as it is told, and remembers what it was asked."""

    daemon_threads = True
    status, body = 200, json.dumps([HERE]).encode()

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, dict[str, str]]] = []


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Nominatim

    def do_GET(self):
        self.server.asked.append((self.path, dict(self.headers)))
        self.send_response(self.server.status)
        if self.server.status == 302:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *words):
        """Say nothing."""


@pytest.fixture
def nominatim(settings):
    server = Nominatim()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    settings.GEOCODER_URL = f"http://127.0.0.1:{server.server_port}/"
    settings.GEOCODER_TIMEOUT_S = 30.0
    yield server
    server.shutdown()
    thread.join(timeout=30)
    server.server_close()


def test_one_question_a_day_and_nothing_of_who_asks(nominatim):
    assert geocoder.find("  Masařská\n12 ", "cs") == [geocoder.Address("Masařská 12, Opava", "CZ", 49.9401, 17.9011)]
    assert geocoder.find("masarska 12", "cs") == geocoder.find("Masařská 12", "cs")
    [(path, headers)] = nominatim.asked
    parts = urlsplit(path)
    said = {name: values[0] for name, values in parse_qs(parts.query).items()}
    assert parts.path == "/search"
    assert said == {"q": "Masařská 12", "format": "jsonv2", "limit": "5", "addressdetails": "1", "accept-language": "cs"}
    assert set(headers) <= {"Host", "Accept-Encoding", "User-Agent"}


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b"[]"),
        (302, b"[]"),
        (200, b"<html>"),
        (200, b'{"error": 1}'),
        (200, b"[" * 100_000),
        (200, b" " * (geocoder.ANSWER_BYTES + 1)),
    ],
)
def test_one_that_fails_is_left_alone_for_a_while(nominatim, status, body):
    nominatim.status, nominatim.body = status, body
    assert geocoder.find("Masařská 12", "cs") == []
    nominatim.status, nominatim.body = 200, Nominatim.body
    assert geocoder.find("Masařská 12", "cs") == []
    assert len(nominatim.asked) == 1
    cache.delete("geocoder:rests")
    assert len(geocoder.find("Masařská 12", "cs")) == 1


def test_a_question_it_cannot_read_takes_it_from_nobody(nominatim):
    nominatim.status = 400
    assert geocoder.find("???", "cs") == []
    nominatim.status = 200
    assert len(geocoder.find("Masařská 12", "cs")) == 1


def test_rows_that_are_no_places(nominatim):
    wrong = [{}, 1, {**HERE, "lat": "x"}, {**HERE, "lon": "nan"}, {**HERE, "lat": "91"}]
    nominatim.body = json.dumps([*wrong[:4], {"display_name": "x" * 300, "lat": 1, "lon": 2, "address": None}]).encode()
    [found] = geocoder.find("Masařská 12", "cs")
    assert (len(found.name), found.country) == (geocoder.LONGEST_NAME, "")


def test_off_without_a_setting_and_never_asked_too_often(settings, nominatim, monkeypatch):
    monkeypatch.setattr(geocoder, "ASKED_A_MINUTE", counting.so_far("geocoder") + 1)
    assert len(geocoder.find("Masařská 12", "cs")) == 1
    assert geocoder.find("Masařská 13", "cs") == []
    assert geocoder.find("Ma", "cs") == []
    settings.GEOCODER_URL = ""
    assert geocoder.find("Masařská 12", "cs") == []
    assert len(nominatim.asked) == 1


def test_a_server_that_is_away_does_not_hide_the_towns(settings, client, db):
    settings.GEOCODER_URL = "http://127.0.0.1:9"
    page = client.get("/?part=list&q=kolin&search=1").content.decode()
    assert "Kolín" in page


def test_the_map_asks_only_for_what_was_sent_off(nominatim, client, db):
    assert "Opava" in client.get("/?part=list&q=Masarska 12, Opava&search=1").content.decode()
    assert len(nominatim.asked) == 1
    page = client.get("/?part=list&q=Masarska 13").content.decode()  # as it is typed
    assert "Masařská" not in page
    assert len(nominatim.asked) == 1


def test_places_over_http(nominatim, db, monkeypatch):
    api = client_of()
    towns = api.get(URL, {"q": "kolin"}).json()
    assert (towns["results"][0]["name"], towns["results"][0]["country"]) == ("Kolín", "CZ")
    assert nominatim.asked == []
    found = api.get(URL, {"q": "Masařská 12", "address": "true"}).json()["results"]
    assert found == [{"name": "Masařská 12, Opava", "country": "CZ", "latitude": 49.9401, "longitude": 17.9011}]
    assert api.get(URL).status_code == 400
    assert api.get(URL, {"q": "x" * 101}).status_code == 400
    monkeypatch.setattr("stations.api.finding_views.ADDRESSES_A_MINUTE", 0)
    assert api.get(URL, {"q": "Masařská 14", "address": "true"}).json()["count"] == 0
    assert len(nominatim.asked) == 1
