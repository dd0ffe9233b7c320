"""Cars: typed in or begun from the list, one usual one, nobody else's."""

import pytest
from django.urls import reverse

from accounts import closing, export, vehicle_models, vehicles
from accounts.models import Vehicle
from chargeshare.errors import Invalid
from stations.models import Connector
from tests.factories import make_vehicle

ENYAQ = {
    "name": "Škoda Enyaq 80",
    "battery_wh": 77_000,
    "ac_limit_w": 11_000,
    "dc_limit_w": 135_000,
    "connector_types": ["TYPE_2", "CCS"],
    "consumption_wh_100km": 18_000,
}


def test_the_plugs_of_cars_are_the_connectors_of_chargers():
    assert Vehicle.Plug.choices == Connector.Type.choices


def test_every_model_of_the_list_may_be_somebodys_car():
    assert len(vehicle_models.MODELS) >= 60
    assert len({model.key for model in vehicle_models.MODELS}) == len(vehicle_models.MODELS)
    for model in vehicle_models.MODELS:
        assert vehicles.checked({**vars(model), "name": model.full_name})["battery_wh"] == model.battery_wh
        assert ("CCS" in model.connector_types or "CHADEMO" in model.connector_types) == bool(model.dc_limit_w)


def test_the_first_car_is_the_usual_one_until_another_is_made_so(driver):
    first, second = vehicles.create(driver, ENYAQ), vehicles.create(driver, {**ENYAQ, "name": "Zoe"})
    assert (first.is_default, second.is_default) == (True, False)

    vehicles.edit(second, {"is_default": True})
    assert vehicles.default_of(driver) == second
    vehicles.edit(second, {"is_default": False})
    assert vehicles.default_of(driver) == second

    vehicles.remove(second)
    assert vehicles.default_of(driver) == first


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("battery_wh", 900_000, "1 to 300 kWh"),
        ("battery_wh", None, "1 to 300 kWh"),
        ("ac_limit_w", 0, "1 to 44 kW"),
        ("dc_limit_w", -1, "at most 1000 kW"),
        ("consumption_wh_100km", 1, "5 to 100 kWh"),
        ("connector_types", [], "at least one connector"),
        ("connector_types", ["TYPE_2", "HOSE"], "at least one connector"),
        ("name", " ", "1 to 60 characters"),
        ("plate", "1AB<script>", "at most 12 letters"),
    ],
)
def test_an_absurd_figure_is_refused_with_one_sentence(driver, field, value, sentence):
    with pytest.raises(Invalid) as refused:
        vehicles.create(driver, {**ENYAQ, field: value})

    assert list(refused.value.fields) == [field]
    assert sentence in refused.value.fields[field][0]
    assert not driver.vehicles.exists()


def test_an_account_holds_so_many_cars(driver, monkeypatch):
    monkeypatch.setattr(vehicles, "LIMIT_PER_ACCOUNT", 1)
    vehicles.create(driver, ENYAQ)

    with pytest.raises(vehicles.TooManyVehicles):
        vehicles.create(driver, ENYAQ)


def test_a_model_fills_the_form_in_and_the_form_makes_the_car(client, driver):
    client.force_login(driver)
    choosing = client.get(reverse("accounts:vehicle_list"))
    assert "Škoda Enyaq 80" in choosing.content.decode()

    address = reverse("accounts:vehicle_new") + "?model=škoda+enyaq+80"
    form = client.get(address).context["form"]
    typed = {name: form[name].value() for name in ("name", "battery_wh", "ac_limit_w", "dc_limit_w", "consumption_wh_100km")}
    assert typed["battery_wh"] == "77"
    saved = client.post(address, {**typed, "battery_wh": "76,5", "connector_types": ["TYPE_2", "CCS"], "plate": "1ab 2345"})

    assert saved.status_code == 302
    (vehicle,) = driver.vehicles.all()
    assert (vehicle.name, vehicle.battery_wh, vehicle.plate, vehicle.is_default) == ("Škoda Enyaq 80", 76_500, "1AB 2345", True)


@pytest.mark.parametrize("typed", ["9000", "NaN", "1e9", "lots", ""])
def test_what_no_battery_holds_is_told_beside_its_field(client, driver, typed):
    client.force_login(driver)

    others = {"ac_limit_w": "11", "dc_limit_w": "", "consumption_wh_100km": "18"}
    page = client.post(reverse("accounts:vehicle_new"), {**ENYAQ, **others, "battery_wh": typed})

    assert page.status_code == 400
    assert list(page.context["form"].errors) == ["battery_wh"]
    assert not driver.vehicles.exists()


def test_somebody_elses_car_does_not_exist(client, driver, stranger):
    vehicle = make_vehicle(driver)
    client.force_login(stranger)

    for name in ("vehicle_edit", "vehicle_default", "vehicle_remove"):
        assert client.post(reverse(f"accounts:{name}", args=[vehicle.code])).status_code == 404
    for call in (client.get, client.delete):
        assert call(f"/api/v1/vehicles/{vehicle.code}/").status_code == 404
    assert client.get("/api/v1/vehicles/nonsense/").status_code == 404
    assert Vehicle.objects.filter(pk=vehicle.pk).exists()


def test_cars_over_the_api(client, driver):
    client.force_login(driver)

    made = client.post("/api/v1/vehicles/", ENYAQ, content_type="application/json")
    assert made.status_code == 201
    address = f"/api/v1/vehicles/{made.json()['code']}/"
    assert client.get("/api/v1/vehicles/").json()["count"] == 1
    changed = client.patch(address, {"battery_wh": 58_000}, content_type="application/json")
    assert (changed.json()["battery_wh"], changed.json()["ac_limit_w"], changed.json()["is_default"]) == (58_000, 11_000, True)
    absurd = client.patch(address, {"battery_wh": 5_000_000}, content_type="application/json")
    assert (absurd.status_code, list(absurd.json()["fields"])) == (400, ["battery_wh"])
    assert client.delete(address).status_code == 204
    assert client.get(address).status_code == 404
    assert len(client.get("/api/v1/vehicles/models/").json()) == len(vehicle_models.MODELS)


def test_cars_are_exported_and_go_with_the_account(stranger):
    make_vehicle(stranger, plate="1AB 2345")

    assert export.everything_about(stranger)["vehicles"][0]["plate"] == "1AB 2345"
    closing.close_account(stranger)
    assert not Vehicle.objects.exists()
