"""Charge points over HTTP: what everybody sees, what only their owner sees, and what nonsense is answered."""

import json
import math
from datetime import datetime

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from stations import charge_points
from stations.models import ChargePoint, Command, Connector
from tests import factories
from tests.stations.acting import go_online

URL = "/api/v1/charge-points/"
WORLD = {"bbox": "-180,-90,180,90"}
SECRETS = ("identity", "ocpp_url", "password", "address", "owner", "last_seen_at", "is_online", "vendor", "firmware")


def client_of(user=None):
    client = APIClient()
    if user is not None:
        client.force_authenticate(user)
    return client


def distance_m(latitude_1, longitude_1, latitude_2, longitude_2):
    east = math.radians(longitude_2 - longitude_1) * math.cos(math.radians(latitude_1))
    return 6_371_000 * math.hypot(math.radians(latitude_2 - latitude_1), east)


def everything_named(value):
    if isinstance(value, dict):
        for name, member in value.items():
            yield name
            yield from everything_named(member)
    elif isinstance(value, list):
        for member in value:
            yield from everything_named(member)


# The map


def test_map_is_geojson_for_anybody(charge_point):
    body = client_of().get(URL, WORLD).json()

    assert body["type"] == "FeatureCollection"
    (feature,) = body["features"]
    assert feature["type"] == "Feature"
    assert feature["geometry"]["type"] == "Point"
    assert feature["properties"]["code"] == charge_point.code
    assert feature["properties"]["state"] == "offline"  # offline ones are on the map too
    assert feature["properties"]["price_per_kwh"] == "6.50"


def test_map_tells_no_secret_and_no_exact_place(charge_point):
    ChargePoint.objects.filter(pk=charge_point.pk).update(address="Rolnická 41, Opava")
    answer = client_of().get(URL, WORLD)

    names = set(everything_named(answer.json()))
    assert not names & set(SECRETS)
    assert charge_point.identity not in answer.content.decode()
    assert "Rolnick" not in json.dumps(answer.json(), ensure_ascii=False)
    longitude, latitude = answer.json()["features"][0]["geometry"]["coordinates"]
    away = distance_m(float(charge_point.latitude), float(charge_point.longitude), latitude, longitude)
    assert 150 <= away <= 300


def test_place_is_moved_always_the_same_way(charge_point):
    first = client_of().get(URL, WORLD).json()["features"][0]["geometry"]
    assert client_of().get(URL, WORLD).json()["features"][0]["geometry"] == first


def test_unpublished_private_and_retired_ones_are_not_on_the_map(charge_point, owner, stranger):
    for change in ({"is_published": False}, {"access": "private"}, {"retired_at": timezone.now()}):
        ChargePoint.objects.filter(pk=charge_point.pk).update(**change)
        assert client_of().get(URL, WORLD).json()["features"] == []
        assert client_of(stranger).get(URL, WORLD).json()["features"] == []
        ChargePoint.objects.filter(pk=charge_point.pk).update(is_published=True, access="public", retired_at=None)


def test_members_only_ones_are_for_members(charge_point, stranger):
    ChargePoint.objects.filter(pk=charge_point.pk).update(access="members")

    assert client_of().get(URL, WORLD).json()["features"] == []
    assert len(client_of(stranger).get(URL, WORLD).json()["features"]) == 1


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"connector_type": "TYPE_2"}, 1),
        ({"connector_type": "CCS,TYPE_2"}, 1),
        ({"connector_type": "ccs"}, 0),
        ({"min_power_w": "11000"}, 1),
        ({"min_power_w": "11001"}, 0),
        ({"available": "true"}, 1),
        ({"max_price_per_kwh": "6.50"}, 1),
        ({"max_price_per_kwh": "6.49"}, 0),
        ({"q": "garáž"}, 1),
        ({"q": "GARAZ"}, 1),
        ({"q": "nowhere"}, 0),
        ({"bbox": "17.8,49.8,18.0,50.0"}, 1),
        ({"bbox": "10,49.8,11,50.0"}, 0),
        ({"bbox": "-1000,-90,1000,90"}, 1),
    ],
)
def test_filters(owner, tariff, filters, found):
    go_online(factories.make_charge_point(owner, tariff=tariff, name="Garáž u dílny"))

    assert len(client_of().get(URL, {**WORLD, **filters}).json()["features"]) == found


def test_free_now_leaves_out_busy_and_offline_ones(charge_point):
    assert client_of().get(URL, {**WORLD, "available": "true"}).json()["features"] == []
    go_online(charge_point)
    Connector.objects.filter(charge_point=charge_point).update(status="Charging")
    assert client_of().get(URL, {**WORLD, "available": "true"}).json()["features"] == []


def test_more_than_500_come_as_clusters(owner, tariff):
    first = factories.make_charge_point(owner, tariff=tariff)
    many = [
        ChargePoint(
            owner=owner,
            name=f"Place {number}",
            identity=f"MANY-{number}",
            identity_key=f"many-{number}",
            latitude=first.latitude,
            longitude=first.longitude,
            public_latitude=first.public_latitude + number % 25,
            public_longitude=first.public_longitude + number // 25,
            is_published=True,
        )
        for number in range(520)
    ]
    ChargePoint.objects.bulk_create(many)

    features = client_of().get(URL, WORLD).json()["features"]

    assert all(feature["properties"]["cluster"] for feature in features)
    assert sum(feature["properties"]["point_count"] for feature in features) == 521
    assert len(features) <= 500


def test_near_is_a_page_by_distance(owner, tariff):
    far = factories.make_charge_point(owner, tariff=tariff, latitude="50.5", longitude="17.9")
    near = factories.make_charge_point(owner, tariff=tariff)

    body = client_of().get(URL, {"near": "49.9387,17.9026", "page_size": "1"}).json()

    assert body["count"] == 2
    assert body["next"]
    assert [row["code"] for row in body["results"]] == [near.code]
    assert body["results"][0]["distance_m"] < 400
    assert client_of().get(body["next"]).json()["results"][0]["code"] == far.code


def test_role_owner_is_a_page_of_mine_as_they_are(charge_point, owner, stranger):
    body = client_of(owner).get(URL, {"role": "owner"}).json()

    assert body["count"] == 1
    assert body["results"][0]["identity"] == charge_point.identity
    assert body["results"][0]["latitude"] == pytest.approx(float(charge_point.latitude))
    assert client_of(stranger).get(URL, {"role": "owner"}).json()["count"] == 0
    assert client_of().get(URL, {"role": "owner"}).status_code == 401


@pytest.mark.parametrize(
    "query",
    [
        {"bbox": "1,2,3"},
        {"bbox": "a,b,c,d"},
        {"bbox": "1,2,3,nan"},
        {"bbox": "1e309,2,3,4"},
        {"bbox": "17,51,18,49"},
        {"bbox": ""},
        {"bbox": "9" * 400 + ",1,2,3"},
        {"near": "91,0"},
        {"near": "x"},
        {"near": "1,2,3"},
        {"connector_type": "TYPE_9"},
        {"min_power_w": "-1"},
        {"min_power_w": "1" * 30},
        {"min_power_w": "eleven"},
        {"max_price_per_kwh": "NaN"},
        {"max_price_per_kwh": "-1"},
        {"max_price_per_kwh": "1" * 40},
        {"available": "perhaps"},
        {"q": "x" * 101},
        {"q": "a\0b"},
        {"role": "king"},
    ],
)
@pytest.mark.django_db
def test_bad_questions_get_one_sentence_for_the_field(query):
    answer = client_of().get(URL, query)

    assert answer.status_code == 400
    assert answer.json()["code"]
    assert answer.json()["detail"]
    assert list(answer.json()["fields"]) == list(query)


# One charge point


def test_stranger_sees_the_public_part(charge_point, stranger):
    for client in (client_of(), client_of(stranger)):
        body = client.get(f"{URL}{charge_point.code}/").json()
        assert body["name"] == charge_point.name
        assert not set(everything_named(body)) & set(SECRETS)
        assert "status" not in body["connectors"][0]
        assert body["connectors"][0]["prices"]["price_per_kwh"] == "6.50"
        assert charge_point.identity not in json.dumps(body)


@pytest.mark.parametrize("who", ["owner", "staff"])
def test_owner_and_staff_see_what_the_box_says(request, charge_point, who):
    go_online(charge_point)
    body = client_of(request.getfixturevalue(who)).get(f"{URL}{charge_point.code}/").json()

    assert body["identity"] == charge_point.identity
    assert body["is_online"] is True
    assert body["last_seen_at"].endswith("Z")
    assert {"vendor", "model", "firmware", "status"} <= set(body)
    assert body["connectors"][0]["status"] == "Available"
    assert body["connectors"][0]["tariff"] == charge_point.connectors.get().tariff_id
    assert "digest" not in json.dumps(body)


def test_times_are_utc(charge_point, owner):
    moment = timezone.now()
    ChargePoint.objects.filter(pk=charge_point.pk).update(booted_at=moment)
    said = client_of(owner).get(f"{URL}{charge_point.code}/").json()["booted_at"]
    assert said.endswith("Z")
    assert datetime.fromisoformat(said) == moment


def test_unpublished_is_404_for_others(charge_point, stranger):
    ChargePoint.objects.filter(pk=charge_point.pk).update(is_published=False)
    assert client_of(stranger).get(f"{URL}{charge_point.code}/").status_code == 404
    assert client_of().get(f"{URL}{charge_point.code}/").status_code == 404


OWNER_ONLY = [
    ("patch", "", {"name": "Mine now"}),
    ("delete", "", None),
    ("post", "rotate-password/", {}),
    ("patch", "connectors/1/", {"type": "CCS"}),
    ("get", "commands/", None),
    ("post", "commands/", {"action": "ClearCache", "payload": {}}),
    ("get", "messages/", None),
    ("get", "connections/", None),
    ("get", "configuration/", None),
]


@pytest.mark.parametrize(("method", "path", "body"), OWNER_ONLY)
def test_owner_only_parts_do_not_exist_for_strangers(charge_point, stranger, driver, method, path, body):
    for user in (stranger, driver):
        answer = getattr(client_of(user), method)(f"{URL}{charge_point.code}/{path}", body, format="json")
        assert answer.status_code == 404, (method, path)
        assert answer.json()["code"] == "not_found"
    anonymous = getattr(client_of(), method)(f"{URL}{charge_point.code}/{path}", body, format="json")
    assert anonymous.status_code == 401
    charge_point.refresh_from_db()
    assert charge_point.retired_at is None
    assert not Command.objects.exists()


@pytest.mark.parametrize("code", ["nothing", "%00", "..%2f", "ž", "A" * 300, "1'--"])
@pytest.mark.django_db
def test_codes_that_name_nothing(stranger, code):
    for path in ("", "commands/", "messages/", "connectors/1/", "configuration/", "connections/"):
        assert client_of(stranger).get(f"{URL}{code}/{path}").status_code == 404


# Registering

PLACE = {"name": "U Nováků", "latitude": "49.9387", "longitude": 17.9026, "address": "Rolnická 41", "access": "public"}


def test_register_with_as_little_as_possible(owner):
    answer = client_of(owner).post(URL, PLACE, format="json")

    assert answer.status_code == 201
    body = answer.json()
    assert body["identity"].startswith("CS-")
    assert len(body["identity"]) == 13
    assert len(body["password"]) == 20
    assert body["password"].isalnum()
    assert body["ocpp_url"].endswith(f"/ocpp/{body['identity']}")
    assert body["auto_configure"] is True
    assert body["is_published"] is False
    made = ChargePoint.objects.get(code=body["code"])
    assert made.owner == owner
    assert "password" not in client_of(owner).get(f"{URL}{body['code']}/").json()


def test_register_with_everything(owner):
    said = {**PLACE, "identity": "SOLAX-1", "password": "my own password", "auto_configure": False, "access": "members"}
    body = client_of(owner).post(URL, said, format="json").json()

    assert body["identity"] == "SOLAX-1"
    assert body["password"] == "my own password"
    assert body["auto_configure"] is False
    assert body["access"] == "members"


def test_register_without_a_password(owner):
    body = client_of(owner).post(URL, {**PLACE, "identity": "BOX", "password": ""}, format="json").json()

    assert body["password"] is None
    assert body["security_profile"] == 0
    assert body["ocpp_url"].endswith("/BOX")
    assert len(body["ocpp_url"].split("/")[-2]) >= 20


def test_identity_is_taken_whatever_the_case_until_retired(owner, stranger):
    first = client_of(owner).post(URL, {**PLACE, "identity": "Box-1"}, format="json").json()

    second = client_of(stranger).post(URL, {**PLACE, "identity": "BOX-1"}, format="json")
    assert second.status_code == 409
    assert second.json()["code"] == "identity_taken"

    assert client_of(owner).delete(f"{URL}{first['code']}/").status_code == 204
    assert client_of(stranger).post(URL, {**PLACE, "identity": "BOX-1"}, format="json").status_code == 201
    assert client_of(owner).get(f"{URL}{first['code']}/").status_code == 404
    assert client_of(owner).get(f"{URL}{first['code']}/commands/").status_code == 200  # history stays


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 101),
        ("name", None),
        ("name", ["a"]),
        ("name", "a\0b"),
        ("latitude", 91),
        ("latitude", "NaN"),
        ("latitude", True),
        ("latitude", "north"),
        ("latitude", None),
        ("longitude", "180.1"),
        ("longitude", {}),
        ("longitude", "9" * 500),
        ("access", "friends"),
        ("address", "x" * 201),
        ("identity", ""),
        ("identity", "with space"),
        ("identity", "x" * 49),
        ("identity", "emoji😀"),
        ("identity", "new\nline"),
        ("password", "short"),
        ("password", "x" * 65),
        ("password", "with\ttab12"),
        ("password", 12),
        ("auto_configure", "perhaps"),
        ("description", "x" * 2001),
    ],
)
def test_bad_registrations(owner, field, value):
    answer = client_of(owner).post(URL, {**PLACE, field: value}, format="json")

    assert answer.status_code == 400, answer.content
    assert list(answer.json()["fields"]) == [field] or "\0" in str(value)
    assert not ChargePoint.objects.exists()


@pytest.mark.parametrize("body", [b"", b"[]", b'"x"', b"{", b"null", b'{"name": Infinity}', b"[" * 5000, b"\xff\xfe"])
def test_bodies_that_are_no_object(owner, body):
    answer = client_of(owner).post(URL, body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["detail"]


def test_what_is_not_hers_to_set_is_not_set(owner, stranger):
    wishes = {
        "owner": stranger.pk,
        "code": "mycode",
        "is_published": True,
        "is_online": True,
        "password_digest": "x",
        "security_profile": 0,
        "booted_at": "2020-01-01T00:00:00Z",
        "public_latitude": 1,
        "retired_at": "2020-01-01T00:00:00Z",
        "vendor": "Me",
    }
    body = client_of(owner).post(URL, {**PLACE, **wishes}, format="json").json()
    client_of(owner).patch(f"{URL}{body['code']}/", {k: v for k, v in wishes.items() if k != "is_published"}, format="json")

    made = ChargePoint.objects.get()
    assert made.owner == owner
    assert made.code != "mycode"
    assert (made.is_published, made.connection, made.booted_at, made.retired_at, made.vendor) == (False, None, None, None, "")
    assert made.security_profile != 0


# Changing


def test_edit_and_move(charge_point, owner):
    before = (charge_point.public_latitude, charge_point.public_longitude)
    said = {"name": "New name", "description": "Behind the gate", "access": "members", "latitude": 50.123456789, "is_paused": True}
    body = client_of(owner).patch(f"{URL}{charge_point.code}/", said, format="json").json()

    assert body["name"] == "New name"
    assert body["latitude"] == 50.123457
    assert body["is_paused"] is True
    charge_point.refresh_from_db()
    assert (charge_point.public_latitude, charge_point.public_longitude) != before


def test_publishing_needs_a_boot_and_one_whole_connector(owner, tariff):
    charge_point = factories.make_charge_point(owner, published=False, connectors=1)
    url = f"{URL}{charge_point.code}/"
    connector = f"{url}connectors/1/"
    client = client_of(owner)

    assert client.patch(url, {"is_published": True}, format="json").status_code == 409
    ChargePoint.objects.filter(pk=charge_point.pk).update(booted_at=timezone.now())
    assert client.patch(url, {"is_published": True, "name": "Half"}, format="json").status_code == 409
    assert ChargePoint.objects.get().name != "Half"  # all or nothing
    said = {"type": "TYPE_2", "max_power_w": 11000, "tariff": tariff.pk}
    assert client.patch(connector, said, format="json").json() | said == client.get(connector).json()
    assert client.patch(url, {"is_published": True}, format="json").json()["is_published"] is True
    assert client.patch(url, {"is_published": False}, format="json").json()["is_published"] is False


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("type", "TYPE_9"),
        ("type", 2),
        ("type", None),
        ("max_power_w", 0),
        ("max_power_w", -5),
        ("max_power_w", 10**7),
        ("max_power_w", 10**30),
        ("max_power_w", 11.5),
        ("max_power_w", "much"),
        ("tariff", 10**18),
        ("tariff", 10**30),
        ("tariff", "x"),
        ("tariff", True),
        ("tariff", {}),
    ],
)
def test_bad_connector(charge_point, owner, field, value):
    answer = client_of(owner).patch(f"{URL}{charge_point.code}/connectors/1/", {field: value}, format="json")
    assert answer.status_code == 400, answer.content


def test_somebody_elses_tariff_looks_as_if_it_did_not_exist(charge_point, owner, stranger):
    theirs = factories.make_tariff(stranger)
    url = f"{URL}{charge_point.code}/connectors/1/"

    foreign = client_of(owner).patch(url, {"tariff": theirs.pk}, format="json")
    missing = client_of(owner).patch(url, {"tariff": theirs.pk + 1000}, format="json")

    assert foreign.status_code == missing.status_code == 400
    assert list(foreign.json()["fields"]) == list(missing.json()["fields"]) == ["tariff"]


def test_connector_exists_once_the_charger_spoke_of_it(charge_point, owner):
    assert client_of(owner).get(f"{URL}{charge_point.code}/connectors/2/").status_code == 404
    assert client_of(owner).get(f"{URL}{charge_point.code}/connectors/{10**30}/").status_code == 404
    assert client_of().get(f"{URL}{charge_point.code}/connectors/1/").json()["number"] == 1


def test_rotated_password_is_shown_once(charge_point, owner):

    answer = client_of(owner).post(f"{URL}{charge_point.code}/rotate-password/").json()

    charge_point.refresh_from_db()
    assert charge_points.password_matches(charge_point, answer["password"].encode())
    assert charge_points.password_matches(charge_point, factories.CHARGER_PASSWORD.encode())
    assert answer["password"] not in client_of(owner).get(f"{URL}{charge_point.code}/").content.decode()


@pytest.mark.parametrize("count", [1, 6])
def test_list_costs_the_same_queries_however_long(owner, tariff, django_assert_max_num_queries, count):
    for _ in range(count):
        factories.make_charge_point(owner, tariff=tariff, connectors=2)
    with django_assert_max_num_queries(9):
        client_of(owner).get(URL, {"role": "owner"})
    with django_assert_max_num_queries(7):
        client_of().get(URL, WORLD)


def test_the_owner_says_whether_it_may_start_without_a_card(owner, charge_point):
    url = f"{URL}{charge_point.code}/"
    assert client_of(owner).get(url).json()["starts_without_card"] is False
    assert client_of(owner).patch(url, {"starts_without_card": True}, format="json").json()["starts_without_card"] is True
    charge_point.refresh_from_db()
    assert charge_point.starts_without_card
