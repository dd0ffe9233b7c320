import uuid
from decimal import Decimal

import pytest
from rest_framework.test import APIClient

from billing import ledger, settlement, top_ups
from billing.models import TopUp
from tests.billing.books import balance, make_bill
from tests.factories import give_credit

CZK = {"currency": "CZK"}


def kc(amount):
    return {"amount": amount, "currency": "CZK"}


@pytest.fixture
def api(driver):
    client = APIClient()
    client.force_authenticate(driver)
    return client


def as_(user):
    client = APIClient()
    client.force_authenticate(user)
    return client


def test_the_wallet(api, driver):
    ledger.grant(driver, 5_000, reason="x")
    ledger.hold(driver, 10_000, key="session:x")

    assert api.get("/api/v1/wallet/").json() == {
        "balance": kc("550.00"),
        "cash": kc("500.00"),
        "promo": kc("50.00"),
        "held": kc("100.00"),
        "available": kc("450.00"),
        "debt": kc("0.00"),
    }


def test_a_debt_in_the_wallet(stranger, owner):
    settlement.settle(make_bill(stranger, owner, 5_000))

    assert as_(stranger).get("/api/v1/wallet/").json()["debt"] == kc("32.50")


def test_the_journal(api, driver, owner):
    ledger.grant(driver, 5_000, reason="power cut")
    cdr = settlement.settle(make_bill(driver, owner))

    answer = api.get("/api/v1/wallet/entries/?page_size=2").json()

    assert answer["count"] == 3
    newest, grant = answer["results"]
    assert (newest["kind"], newest["amount"], newest["promo"], newest["cash"]) == ("settle", kc("-65.00"), kc("-50.00"), kc("-15.00"))
    assert (newest["balance"], newest["receipt"], newest["note"]) == (kc("485.00"), cdr.number, "U Nováků")
    assert (grant["kind"], grant["amount"], grant["balance"], grant["note"]) == ("grant", kc("50.00"), kc("550.00"), "power cut")
    older = api.get("/api/v1/wallet/entries/?page_size=2&page=2").json()["results"]
    assert [entry["balance"] for entry in older] == [kc("500.00")]
    assert newest["at"].endswith("Z")
    assert as_(owner).get("/api/v1/wallet/entries/").json()["results"] == []


@pytest.mark.parametrize("amount", ["200.00", kc("200.00"), "200", 200])
def test_topping_up(api, driver, amount):
    created = api.post("/api/v1/wallet/top-ups/", {"amount": amount}, format="json")

    assert created.status_code == 201
    body = created.json()
    assert (body["status"], body["amount"]) == ("pending", kc("200.00"))
    assert body["gateway_url"].startswith("http://127.0.0.1:8000/wallet/demo-gateway/")
    api.force_login(driver)
    api.post(body["gateway_url"].removeprefix("http://127.0.0.1:8000"), {"deed": "pay"})
    api.force_authenticate(driver)
    assert api.get(f"/api/v1/wallet/top-ups/{body['code']}/").json()["status"] == "paid"
    assert api.get("/api/v1/wallet/top-ups/").json()["results"][0]["status"] == "paid"
    assert balance(driver, "cash") == 70_000


def test_asking_how_a_top_up_stands_asks_the_gateway(api, driver, stub):
    code = api.post("/api/v1/wallet/top-ups/", {"amount": "200"}, format="json").json()["code"]
    stub.move(TopUp.objects.get().gateway_id, "PAID")

    assert api.get(f"/api/v1/wallet/top-ups/{code}/").json()["status"] == "paid"


@pytest.mark.parametrize(
    "amount", ["", "abc", "0", "-5", "0.99", "4500.01", "1.005", 1.5, True, None, [], {"amount": "5"}, {"amount": "5", "currency": "EUR"}]
)
def test_amounts_that_are_none(api, amount):
    refused = api.post("/api/v1/wallet/top-ups/", {"amount": amount}, format="json")

    assert refused.status_code == 400
    assert refused.json()["fields"]["amount"]


def test_a_top_up_is_asked_once(api):
    key = {"HTTP_IDEMPOTENCY_KEY": str(uuid.uuid4())}

    first, second = (api.post("/api/v1/wallet/top-ups/", {"amount": "200"}, format="json", **key) for _ in range(2))

    assert first.json() == second.json()
    assert TopUp.objects.count() == 1
    assert api.post("/api/v1/wallet/top-ups/", {"amount": "300"}, format="json", **key).status_code == 409


def test_too_many_and_no_gateway(api, stub, settings):
    stub.refuse_tokens = True
    away = api.post("/api/v1/wallet/top-ups/", {"amount": "200"}, format="json")
    assert (away.status_code, away.json()["code"]) == (503, "gateway_unavailable")
    settings.LIMIT_TOP_UPS = 1

    many = api.post("/api/v1/wallet/top-ups/", {"amount": "200"}, format="json")

    assert (many.status_code, many.json()["code"]) == (429, "too_many_top_ups")


def test_another_s_top_up_does_not_exist(api, stranger):
    code = top_ups.begin(stranger, 1_000).code

    assert api.get(f"/api/v1/wallet/top-ups/{code}/").status_code == 404
    assert api.get("/api/v1/wallet/top-ups/nonsense/").status_code == 404


def test_receipts(api, driver, owner, staff, stranger):
    cdr = settlement.settle(make_bill(driver, owner, meter_start_wh=0, meter_stop_wh=10_000, id_token_label="blue"))
    url = f"/api/v1/receipts/{cdr.number}/"

    mine = api.get(url).json()

    assert (mine["total"], mine["cash"], mine["energy_wh"], mine["card"]) == (kc("65.00"), kc("65.00"), 10_000, "blue")
    assert mine["lines"] == [{"kind": "energy", "text": "", "quantity": "10.000", "unit_price": "6.50", "amount": kc("65.00")}]
    assert "fee" not in mine
    theirs = as_(owner).get(url).json()
    assert (theirs["fee"], theirs["earned"]) == (kc("6.50"), kc("58.50"))
    assert "card" not in theirs
    assert as_(stranger).get(url).status_code == 404
    counts = [api.get("/api/v1/receipts/").json()["count"], as_(owner).get("/api/v1/receipts/").json()["count"]]
    counts += [
        as_(owner).get("/api/v1/receipts/?role=owner").json()["count"],
        as_(staff).get("/api/v1/receipts/?role=staff").json()["count"],
    ]
    assert counts == [1, 0, 1, 1]
    assert api.get("/api/v1/receipts/?role=staff").status_code == 404
    assert api.get("/api/v1/receipts/?role=nonsense").status_code == 400


TARIFF = {
    "name": "Day and night",
    "currency": "CZK",
    "price_per_kwh": "6.50",
    "price_per_minute": "0.125",
    "session_fee": "5.00",
    "idle_price_per_minute": "1.00",
    "idle_grace_minutes": 10,
    "bands": [{"days": [1, 2, 3, 4, 5], "from": "22:00", "to": "06:00", "price_per_kwh": "4.50"}],
}


def test_a_tariff_lives_over_its_versions(owner, driver):
    api = as_(owner)
    created = api.post("/api/v1/tariffs/", TARIFF, format="json")
    assert created.status_code == 201
    body = created.json()
    beside = {"minimum_price": "0.00", "idle_cap": "100.00", "idle_quiet_from": "22:00", "idle_quiet_to": "06:00", "valid_from": None}
    assert body == {"id": body["id"], **TARIFF, **beside}

    changed = api.patch(f"/api/v1/tariffs/{body['id']}/", {"price_per_kwh": "7"}, format="json")

    assert changed.json() == {**body, "price_per_kwh": "7.00"}
    assert api.get("/api/v1/tariffs/").json()["results"] == [changed.json()]
    assert as_(driver).get(f"/api/v1/tariffs/{body['id']}/").status_code == 404
    assert as_(driver).patch(f"/api/v1/tariffs/{body['id']}/", {}, format="json").status_code == 404
    assert api.delete(f"/api/v1/tariffs/{body['id']}/").status_code == 204
    assert api.get(f"/api/v1/tariffs/{body['id']}/").status_code == 404
    assert api.get("/api/v1/tariffs/999999999999999999/").status_code == 404


def test_a_tariff_needs_only_a_name(owner):
    body = as_(owner).post("/api/v1/tariffs/", {"name": "Free"}, format="json").json()

    assert (body["price_per_kwh"], body["idle_grace_minutes"], body["bands"]) == ("0.00", 15, [])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", 5),
        ("name", "x" * 61),
        ("currency", "EUR"),
        ("price_per_kwh", "-1"),
        ("price_per_kwh", "100.01"),
        ("price_per_kwh", "1.00001"),
        ("price_per_kwh", 6.5),
        ("price_per_kwh", "NaN"),
        ("price_per_kwh", None),
        ("price_per_kwh", "9" * 40),
        ("session_fee", "1.005"),
        ("idle_grace_minutes", -1),
        ("idle_grace_minutes", "many"),
        ("bands", "x"),
        ("bands", [{"from": "22:00"}]),
    ],
)
def test_every_bad_price_has_its_field(owner, field, value):
    refused = as_(owner).post("/api/v1/tariffs/", {**TARIFF, field: value}, format="json")

    assert refused.status_code == 400
    assert list(refused.json()["fields"]) == [field]


def test_a_tariff_is_an_object(owner):
    assert as_(owner).post("/api/v1/tariffs/", [TARIFF], format="json").status_code == 400


def test_earnings(driver, owner):
    settlement.settle(make_bill(driver, owner))
    settlement.settle(make_bill(driver, owner, 2_000, charge_point_code="other"))

    answer = as_(owner).get("/api/v1/earnings/").json()

    assert (answer["pending"], answer["available"], answer["in_payout"]) == (kc("70.20"), kc("0.00"), kc("0.00"))
    assert answer["by_charge_point"] == [
        {"charge_point": "abc234def", "earned": kc("58.50"), "energy_wh": 10_000, "sessions": 1},
        {"charge_point": "other", "earned": kc("11.70"), "energy_wh": 2_000, "sessions": 1},
    ]
    assert [Decimal(month["earned"]["amount"]) for month in answer["by_month"]] == [Decimal("70.20")]


@pytest.mark.parametrize("path", ["wallet/", "wallet/entries/", "wallet/top-ups/", "receipts/", "tariffs/", "earnings/"])
def test_nobody_without_a_name(db, path):
    assert APIClient().get(f"/api/v1/{path}").status_code == 401


def test_everything_we_hold(api, driver, owner):
    give_credit(owner, 100)
    settlement.settle(make_bill(driver, owner, id_token_label="blue"))
    top_ups.begin(driver, 1_000)
    as_(owner).post("/api/v1/tariffs/", TARIFF, format="json")

    mine, theirs = (who.get("/api/v1/me/export/").json()["money"] for who in (api, as_(owner)))

    assert mine["receipts"][0]["id_token_label"] == "blue"
    assert "id_token_label" not in theirs["receipts"][0]
    assert (len(mine["top_ups"]), len(theirs["tariffs"]), len(mine["entries"])) == (1, 1, 2)
