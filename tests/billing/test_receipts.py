from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import translation

from billing import receipts, seller_data, settlement
from billing.bands import Band
from billing.pricing import Prices
from tests import papers
from tests.billing.books import NOON, PER_KWH, make_bill, year_of
from tests.billing.test_suppliers import BUSINESS
from tests.billing.test_views import text

RICH = Prices(
    price_per_kwh=Decimal("6.50"),
    price_per_minute=Decimal(0),
    session_fee=Decimal("5.00"),
    idle_price_per_minute=Decimal("1.00"),
    idle_grace_minutes=15,
    bands=(Band(("mon", "tue", "wed", "thu", "fri"), "22:00", "06:00", Decimal("4.50")),),
    currency="CZK",
    minimum_price=Decimal("100.00"),
    idle_cap=Decimal("80.00"),
    idle_quiet_from="22:00",
    idle_quiet_to="06:00",
)
READINGS = tuple((NOON + timedelta(seconds=30 * number), 4_812_360 + 90 * number, 10_800) for number in range(120))


def full_bill(driver, owner, **more):
    metered = {"meter_start_wh": 4_812_360, "meter_stop_wh": 4_822_360, "place_name": "U Nováků", "place_address": "Příčná 5, Žďár"}
    return make_bill(driver, owner, prices=RICH, readings=READINGS, **{**metered, **more})


def printed(cdr, language="cs", **options):
    with translation.override(language):
        return papers.pages(receipts.pdf(cdr, **options))


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "cs",
            (
                *("Zjednodušený daňový doklad", "Žluťoučký kůň, s.r.o.", "Dlouhá 1, 746 01 Opava", "CZ27082440", "Příčná 5, Žďár"),
                *("4 812,36 kWh", "4 822,36 kWh", "10,00 kWh × 6,50 Kč", "100,00 Kč", "82,64 Kč", "DPH 21 %", "17,36 Kč"),
                *("6,50 Kč/kWh", "po–pá 22:00–06:00", "4,50 Kč/kWh", "20. 11. 2026 13:00:00", "do minima"),
            ),
        ),
        (
            "en",
            (
                *("Simplified tax document", "Žluťoučký kůň, s.r.o.", "CZ27082440", "4,812.36 kWh", "10.00 kWh × 6.50 Kč", "82.64 Kč"),
                *("VAT 21 %", "17.36 Kč", "Mon–Fri 22:00–06:00", "20 Nov 2026 13:00:00", "Up to the minimum", "Without VAT"),
                *("15 min free, at most 80.00 Kč", "Standing costs nothing"),
            ),
        ),
    ],
)
def test_the_paper_of_a_payer_of_vat(driver, owner, language, words):
    seller_data.save(owner, BUSINESS)
    cdr = settlement.settle(full_bill(driver, owner))

    first, second = printed(cdr, language)

    for word in (*words, cdr.number):
        assert word.casefold() in first.casefold().replace("\n", " "), (word, first)
    assert f"/receipts/{cdr.number}/verify/?total=100.00" in first.replace("\n", "")
    times, registers = second.count("13:"), second.count("10,80" if language == "cs" else "10.80")
    assert (times >= 120, registers) == (True, 120)


@pytest.mark.parametrize(
    ("language", "title", "words"),
    [("cs", "Účtenka", "prodávající není plátce DPH"), ("en", "Receipt", "the seller is not a payer of VAT")],
)
def test_the_paper_of_who_pays_no_vat(driver, owner, language, title, words):
    pages = printed(settlement.settle(make_bill(driver, owner)), language)

    assert len(pages) == 1
    assert pages[0].startswith(title)
    assert words in pages[0].replace("\n", " ")
    assert "21 %" not in pages[0]


def test_the_paper_of_the_platform_that_sells_itself(driver, owner, settings):
    settings.SUPPLY_MODEL, settings.OPERATOR_NAME, settings.OPERATOR_ADDRESS = "commissionaire", "Nabíjíme, a.s.", "Náměstí 1, Praha"
    settings.OPERATOR_ID, settings.OPERATOR_VAT_ID = "27082440", "CZ27082440"

    cdr = settlement.settle(make_bill(driver, owner))
    (page,) = printed(cdr, "en")

    for words in (
        "Simplified tax document",
        f"No. {year_of(cdr)}-000001",
        "Nabíjíme, a.s.",
        "Náměstí 1, Praha",
        "On the account of",
        "Pavel Novák",
        "11.28 Kč",
    ):
        assert words in page


@pytest.mark.parametrize(("is_payer", "title"), [(True, "Corrective tax document"), (False, "Credit note")])
def test_the_paper_of_a_credit_note_names_what_it_corrects(driver, owner, is_payer, title):
    seller_data.save(owner, {**BUSINESS, "is_vat_payer": is_payer})
    first = settlement.settle(make_bill(driver, owner, is_estimated=True))

    (page,) = printed(settlement.credit(first, 1_500), "en")

    assert page.startswith(title)
    assert first.number in page
    assert "−15.00 Kč" in page
    assert ("−2.60 Kč" in page) == is_payer


def test_an_owner_s_paper_does_not_tell_how_it_was_paid(driver, owner):
    cdr = settlement.settle(make_bill(driver, owner))

    assert "from the wallet" in printed(cdr, "en")[0]
    assert "from the wallet" not in printed(cdr, "en", with_parts=False)[0]


def test_a_long_tariff_and_long_names_go_on_to_the_next_page(driver, owner):
    bands = tuple(Band(("mon",), f"{hour:02}:00", f"{hour + 1:02}:00", Decimal("1.00")) for hour in range(23))
    bill = make_bill(driver, owner, prices=replace(PER_KWH, bands=bands), place_name="Ž" * 100, place_address="Wörterbücher " * 15)

    pages = printed(settlement.settle(bill))

    assert len(pages) == 2
    assert "/verify/" in pages[1].replace("\n", "")


def test_power_is_drawn_from_the_register_where_it_was_not_reported(driver, owner):
    readings = (*((at, wh, None) for at, wh, _w in READINGS[:3]), (NOON + timedelta(hours=5), 4_900_000, None))
    cdr = settlement.settle(make_bill(driver, owner, readings=readings))

    assert [power_w for _at, power_w in receipts.curve(receipts.readings(cdr))] == [10_800, 10_800]
    assert "10,8 kW" in printed(cdr)[1]


def test_a_single_reading_draws_nothing(driver, owner):
    assert "4 812,36" in printed(settlement.settle(make_bill(driver, owner, readings=READINGS[:1])))[1]
    still = tuple((at, wh, 0) for at, wh, _w in READINGS[:3])
    assert "0,00" in printed(settlement.settle(make_bill(driver, owner, readings=still)))[1]


def test_the_page_tells_the_same(client, driver, owner):
    seller_data.save(owner, BUSINESS)
    cdr = settlement.settle(full_bill(driver, owner))
    client.force_login(driver)

    shown = text(client.get(cdr.get_absolute_url()))

    for words in (
        "Simplified tax document",
        "120 readings of the meter",
        "Without VAT 82.64 Kč",
        "VAT 21 % 17.36 Kč",
        "CZ27082440",
        "27082440",
    ):
        assert words in shown, words
    for words in ("Up to the minimum", "Mon–Fri 22:00–06:00", "15 min free, at most 80.00 Kč", "4,823.07"):
        assert words in shown, words


def test_an_owner_sees_the_vat_in_the_fee(client, driver, owner, settings):
    settings.OPERATOR_VAT_ID = "CZ27082440"
    cdr = settlement.settle(make_bill(driver, owner))
    client.force_login(owner)

    assert "VAT 21 % in the fee 1.13 Kč" in text(client.get(cdr.get_absolute_url()))


@pytest.mark.parametrize(
    ("written", "total_minor"),
    [
        *(("222.11", 22_211), ("222,11", 22_211), ("222,11 Kč", 22_211), ("1 234,50 Kč", 123_450), ("1,234.50 Kč", 123_450)),
        *(("CZK 65", 6_500), ("−65,00 Kč", -6_500), ("-65", -6_500), ("1\u00a0234,50", 123_450), ("12 €", 1_200), ("", None)),
        *(("abc", None), ("1,2,3", None), ("1.005", None), ("NaN", None), ("1e5", None), ("=1+1", None), ("9" * 30, None), ("٣٤", None)),
    ],
)
def test_totals_are_read_as_they_are_copied(written, total_minor):
    assert receipts.read_total(written) == total_minor


@pytest.mark.parametrize("total", ["222", "abc", "1.005", "<script>"])
def test_checking_tells_nothing_more(client, driver, owner, total):
    cdr = settlement.settle(full_bill(driver, owner))
    right = text(client.get(f"/receipts/{cdr.number}/verify/", {"total": "100"}))
    wrong = client.get(f"/receipts/{cdr.number}/verify/", {"total": total})
    unknown = client.get("/receipts/2031-0001-000001/verify/", {"total": total})

    assert "Number and total agree." in right
    for secret in ("Nováků", "Pavel", "Žďár", "kWh", "13:00"):
        assert secret not in right
    assert wrong.status_code == unknown.status_code
    assert text(wrong).replace(cdr.number, "") == text(unknown).replace("2031-0001-000001", "")
    assert b"<script>" not in wrong.content
    assert text(wrong).count("This is no amount.") + text(wrong).count("do not agree.") == 1


def test_a_longer_number_is_another_number(client, driver, owner):
    cdr = settlement.settle(make_bill(driver, owner))

    assert "do not agree" in text(client.get(f"/receipts/{cdr.number}{' ' * 30}x/verify/", {"total": "65"}))


def test_guessing_is_slowed_down(client, driver, owner):
    cdr = settlement.settle(make_bill(driver, owner))
    address = f"/receipts/{cdr.number}/verify/"

    answers = [client.get(address, {"total": str(guess)}).status_code for guess in range(60)]

    assert set(answers) == {200}
    slowed = client.get(address, {"total": "65"})
    assert slowed.status_code == 429
    assert "Try again in ten minutes" in text(slowed)
    assert client.get(address).status_code == 200
    assert client.get(address, {"total": "65"}, REMOTE_ADDR="192.0.2.9").status_code == 200


def test_programs_get_the_supplier_and_the_tax(client, driver, owner, settings):
    settings.OPERATOR_VAT_ID = "CZ27082440"
    seller_data.save(owner, BUSINESS)
    cdr = settlement.settle(full_bill(driver, owner))
    client.force_login(driver)

    answer = client.get(f"/api/v1/receipts/{cdr.number}/").json()
    (listed,) = client.get("/api/v1/receipts/").json()["results"]

    address = "Dlouhá 1, 746 01 Opava"
    numbers = {"company_id": "27082440", "vat_id": "CZ27082440"}
    assert answer["supplier"] == {"model": "agent", "name": "Žluťoučký kůň, s.r.o.", "address": address, **numbers}
    base, amount = {"amount": "82.64", "currency": "CZK"}, {"amount": "17.36", "currency": "CZK"}
    assert answer["vat"] == {"percent": "21.00", "base": base, "amount": amount}
    assert answer["readings"][0] == {"at": "2026-11-20T12:00:00Z", "energy_wh": 4_812_360, "power_w": 10_800}
    assert len(answer["readings"]) == 120
    assert "fee_vat" not in answer
    assert "readings" not in listed
    client.force_login(owner)
    fee_vat = client.get(f"/api/v1/receipts/{cdr.number}/").json()["fee_vat"]
    assert (fee_vat["base"]["amount"], fee_vat["amount"]["amount"]) == ("8.26", "1.74")
    assert client.get("/api/v1/receipts/?role=owner").json()["results"][0]["vat"] == answer["vat"]


def test_programs_are_told_that_there_is_no_tax(client, driver, owner):
    cdr = settlement.settle(make_bill(driver, owner))
    client.force_login(driver)

    answer = client.get(f"/api/v1/receipts/{cdr.number}/").json()

    assert (answer["vat"], answer["supplier"]["name"], answer["readings"]) == (None, "Pavel Novák", [])
