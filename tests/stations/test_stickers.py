"""The codes on chargers: only ours lead anywhere, a replaced one warns, and the page helps to notice a false one."""

import pytest
from django.urls import reverse

from stations import stickers
from stations.models import ChargePoint, Connector, Sticker
from tests.papers import pages
from tests.stations.test_api_sessions import client_of


@pytest.fixture
def sticker(connector):
    ChargePoint.objects.update(vendor="ABL", model="eMH1", serial_number="SN-00991234", address="Krátká 1, Opava")
    return stickers.of(Connector.objects.select_related("charge_point").get(pk=connector.pk))


def test_a_short_code_leads_to_the_outlet(client, settings, charge_point, sticker):
    page = client.get(sticker.get_absolute_url())

    text = page.content.decode()
    assert page.status_code == 200
    assert charge_point.name in text
    assert f"{settings.PUBLIC_URL}/q/" in text
    assert "ABL eMH1" in text
    assert "1234" in text
    assert "SN-00991234" not in text
    assert "Krátká" not in text
    assert 'autocomplete="cc-number"' not in text
    assert client.get(f"/c/{charge_point.code}/1/").status_code == 200  # the codes that hang there already


def test_a_code_is_made_once(connector, sticker):
    assert stickers.of(connector) == sticker
    assert stickers.is_ours(sticker.short)
    assert len(sticker.short) == 12


@pytest.mark.parametrize(
    "change", [lambda short: short[:-1] + ("2" if short[-1] != "2" else "3"), lambda short: short[:-1], str.upper, lambda _short: "é" * 12]
)
def test_what_we_did_not_make_says_so(client, sticker, change, django_assert_num_queries):
    answer = client.get(reverse("stations:sticker", args=[change(sticker.short)]))

    assert answer.status_code == 404
    assert "not ours" in answer.content.decode()


def test_a_replaced_code_warns_and_offers_the_map(client, owner, charge_point, sticker):
    client.force_login(owner)
    issue = reverse("stations:sticker_issue", args=[charge_point.code, 1])

    for _click in range(2):
        client.post(issue, {"instead_of": sticker.short})

    assert Sticker.objects.count() == 2
    fresh = stickers.of(charge_point.connectors.get(number=1))
    client.logout()
    old = client.get(sticker.get_absolute_url())
    assert old.status_code == 410
    assert "void" in old.content.decode()
    assert f'href="{reverse("stations:map")}"' in old.content.decode()
    assert client.get(fresh.get_absolute_url()).status_code == 200


def test_a_members_charger_asks_who_one_is(client, stranger, charge_point, sticker):
    ChargePoint.objects.filter(pk=charge_point.pk).update(access="private")
    assert client.get(sticker.get_absolute_url()).headers["Location"].endswith(f"?next={sticker.get_absolute_url()}")
    client.force_login(stranger)
    assert client.get(sticker.get_absolute_url()).status_code == 404


def test_the_owners_page_and_paper(client, settings, owner, driver, charge_point, sticker):
    page, paper = (reverse(f"stations:{name}", args=[charge_point.code]) for name in ("owner_stickers", "owner_stickers_pdf"))
    client.force_login(driver)
    assert client.get(page).status_code == client.get(paper).status_code == 404
    assert client.post(reverse("stations:sticker_issue", args=[charge_point.code, 1])).status_code == 404
    client.force_login(owner)
    assert stickers.url(sticker) in client.get(page).content.decode()

    (text,) = pages(client.get(paper).content)

    for words in ("The true address begins with", "Správná adresa začíná", f"{settings.PUBLIC_URL}/q/", sticker.short):
        assert words in text


def test_stickers_over_http(owner, driver, charge_point, sticker):
    path = f"/api/v1/charge-points/{charge_point.code}/connectors/1/sticker/"

    assert client_of(owner).get(path).json()["url"] == stickers.url(sticker)
    made = client_of(owner).post(path)
    assert made.status_code == 201
    assert made.json()["url"] != stickers.url(sticker)
    assert client_of(driver).get(path).status_code == client_of(driver).post(path).status_code == 404
    assert client_of(owner).get(path.replace("/1/", "/9/")).status_code == 404
