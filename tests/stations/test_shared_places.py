"""Links and texts as other apps share them."""

from urllib.parse import quote

import pytest
from django.test import Client

from stations import shared_places
from stations.models import ChargePoint
from stations.shared_places import Place

HERE = (49.9387, 17.9026)


@pytest.mark.parametrize(
    "said",
    [
        "https://www.google.com/maps/place/Opava/@49.9,17.8,13z/data=!3m1!4b1!4m6!3m5!1s0x47:0x9!8m2!3d49.9387!4d17.9026!16zL20",
        "https://www.google.com/maps/@49.9387,17.9026,17z",
        "https://www.google.com/maps?q=49.9387,17.9026",
        "https://maps.google.com/?q=49.9387%2C17.9026&hl=cs",
        "https://www.google.com/maps/search/?api=1&query=49.9387%2C17.9026",
        "https://www.google.com/maps/search/49.9387,+17.9026",
        "https://www.google.com/maps/dir/?api=1&destination=49.9387,17.9026&travelmode=driving",
        "https://maps.apple.com/?ll=49.9387,17.9026&q=U%20Nov%C3%A1k%C5%AF",
        "https://maps.apple.com/place?coordinate=49.9387,17.9026&name=Opava",
        "https://mapy.com/cs/zakladni?x=17.9026&y=49.9387&z=17",
        "https://mapy.cz/turisticka?source=coor&id=17.9026%2C49.9387&x=17.5&y=49.5&z=12",
        "https://mapy.com/cs/zakladni?q=49.9387N%2C%2017.9026E",
        "https://mapy.com/fnc/v1/showmap?center=17.9026,49.9387&zoom=16",
        "https://www.openstreetmap.org/#map=17/49.9387/17.9026",
        "https://www.openstreetmap.org/?mlat=49.9387&mlon=17.9026",
        "https://waze.com/ul?ll=49.9387,17.9026&navigate=yes",
        "geo:49.9387,17.9026",
        "geo:49.9387,17.9026?z=16",
        "geo:49.9387,17.9026;u=35",
        "geo:0,0?q=49.9387,17.9026(U%20Novákových)",
        "49.9387, 17.9026",
        "49.9387N, 17.9026E",
        "49,9387; 17,9026",
        "49°56'19.32\"N 17°54'9.36\"E",
        "49°56′19.32″N, 17°54′9.36″E",
    ],
)
@pytest.mark.parametrize("put", [("{}", "", ""), ("Opava", "Sejdeme se tady: {} .", ""), ("", "", "{}")], ids=["title", "text", "url"])
def test_point_is_found_in_what_other_apps_share(said: str, put: tuple[str, str, str]) -> None:
    if put[1] and not said.startswith(("http", "geo")):
        pytest.skip("a pair of numbers alone is a place; among words it is anything")
    assert shared_places.read(*(one.format(said) for one in put)).point == pytest.approx(HERE, abs=1e-5)


def test_southern_and_western_halves() -> None:
    assert shared_places.read("33.8568S, 151.2153E").point == (-33.8568, 151.2153)
    assert shared_places.read("geo:-33.8568,-70.5").point == (-33.8568, -70.5)


@pytest.mark.parametrize(
    ("said", "place"),
    [
        (("", "Rolnická 41, Opava", ""), Place(text="Rolnická 41, Opava")),
        (("Opava", "U Nováků\nRolnická 41\nhttps://maps.app.goo.gl/abc", ""), Place(text="U Nováků")),
        (("", "https://www.google.com/maps/place/Rolnick%C3%A1+41/data=!4m2", ""), Place(text="Rolnická 41")),
        (("", "geo:0,0?q=Rolnická+41", ""), Place(text="Rolnická 41")),
        (("", "https://maps.apple.com/?q=Opava", ""), Place(text="Opava")),
        (("", "https://maps.app.goo.gl/abc", ""), Place(is_shortened=True)),
        (("", "https://mapy.com/s/kofosuhuda", ""), Place(is_shortened=True)),
        (("", "", ""), Place()),
        (("  ", "\n", ""), Place()),
        (("", "12, 5", ""), Place(text="12, 5")),
        (("", "geo:99,200", ""), Place()),
        (("", "https://[::1", ""), Place()),
        (("", "https://mapy.com/?x=north&y=\N{DEGREE SIGN}", ""), Place()),
        (("", "x" * 5000, ""), Place(text="x" * 100)),
    ],
)
def test_words_are_looked_for_and_the_rest_is_nothing(said: tuple[str, str, str], place: Place) -> None:
    assert shared_places.read(*said) == place


@pytest.mark.parametrize(
    ("query", "led_to"),
    [
        ("url=geo:49.9387,17.9026", "/?near=49.9387%2C17.9026"),
        ("text=Rolnick%C3%A1+41", "/?q=Rolnick%C3%A1+41"),
        ("text=https://maps.app.goo.gl/abc", "/"),
        ("", "/"),
        ("text=%22%3E%3Cscript%3Ealert(1)%3C/script%3E", "/?q=%22%3E%3Cscript%3Ealert%281%29%3C%2Fscript%3E"),
        ("url=https://evil.example/charge-points/abc/", "/"),
        ("url=//evil.example/c/abc/1/", "/?q=%2F%2Fevil.example%2Fc%2Fabc%2F1%2F"),
    ],
)
def test_sharing_leads_to_the_map(db: None, client: Client, query: str, led_to: str) -> None:
    assert client.get(f"/share/?{query}").headers["Location"] == led_to


def test_link_of_ours_leads_to_its_charger(client: Client, charge_point: ChargePoint) -> None:
    path = charge_point.get_absolute_url()
    for link in (f"http://testserver{path}?energy_wh=20000", f"http://testserver/c/{charge_point.code}/1/"):
        answer = client.get(f"/share/?text={quote(f'Nabij se u mě: {link}')}")
        assert answer.headers["Location"] == link.removeprefix("http://testserver").partition("?")[0]
    assert client.get("/share/?url=http://testserver/wallet/").headers["Location"] == "/"
    assert client.get(f"/share/?url=https://evil.example{path}").headers["Location"] == "/"
