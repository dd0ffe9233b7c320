import re
import uuid
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from billing import money, seller_data, settlement
from billing.models import ChargeDetailRecord, SellerData
from chargeshare import checks
from chargeshare.errors import Invalid
from tests.billing.books import IS_SQLITE, NOON, assert_books_balance, at_once, make_bill, year_of
from tests.factories import give_credit, make_user

BUSINESS = {
    "kind": "company",
    "name": "Žluťoučký kůň, s.r.o.",
    "street": "Dlouhá 1",
    "city": "Opava",
    "postcode": "746 01",
    "country": "CZ",
    "company_id": "27082440",
    "vat_id": "cz 27082440",
    "is_vat_payer": True,
}


@pytest.fixture
def payer(owner):
    seller_data.save(owner, BUSINESS)
    return owner


def with_energy(bill, wh):
    return replace(bill, usage=replace(bill.usage, energy_wh=wh))


def test_who_pays_no_vat_issues_a_plain_receipt(driver, owner):
    cdr = settlement.settle(make_bill(driver, owner))

    assert (cdr.supply_model, cdr.supplier_name, cdr.supplier_address, cdr.supplier_vat_id) == ("agent", "Pavel Novák", "", "")
    assert (cdr.vat_percent, cdr.vat_minor, cdr.fee_vat_percent, cdr.fee_vat_minor) == (None, 0, None, 0)


def test_a_payer_issues_a_tax_document(driver, payer):
    cdr = settlement.settle(make_bill(driver, payer))

    assert cdr.supplier_name == "Žluťoučký kůň, s.r.o."
    assert cdr.supplier_address == "Dlouhá 1, 746 01 Opava"
    assert (cdr.supplier_company_id, cdr.supplier_vat_id) == ("27082440", "CZ27082440")
    assert (cdr.vat_percent, cdr.vat_minor) == (Decimal(21), 1_128)  # 65 × 21 / 121 = 11.281
    assert cdr.number == f"{year_of(cdr)}-{payer.pk:04d}-000001"


def test_a_business_that_pays_no_vat_has_no_vat_number_on_its_receipts(driver, owner):
    seller_data.save(owner, {**BUSINESS, "is_vat_payer": False})

    cdr = settlement.settle(make_bill(driver, owner))

    assert (cdr.supplier_company_id, cdr.supplier_vat_id, cdr.vat_percent) == ("27082440", "", None)


def test_a_private_person_is_named_and_nothing_more(driver, owner):
    SellerData.objects.create(owner=owner, name="Jan Pavel Novák", street="Tichá 5", city="Opava", postcode="1", completed_at=NOON)

    cdr = settlement.settle(make_bill(driver, owner))

    assert (cdr.supplier_name, cdr.supplier_address) == ("Pavel Novák", "")


def test_the_platform_sells_with_vat_and_in_a_series_of_its_own(driver, owner, settings):
    settings.SUPPLY_MODEL = "commissionaire"
    settings.OPERATOR_NAME, settings.OPERATOR_ADDRESS = "Nabíjíme, a.s.", "Náměstí 1, Praha"
    settings.OPERATOR_ID, settings.OPERATOR_VAT_ID = "27082440", "CZ27082440"

    cdr = settlement.settle(make_bill(driver, owner))

    assert cdr.number == f"{year_of(cdr)}-000001"
    assert (cdr.supply_model, cdr.supplier_name, cdr.owner_name) == ("commissionaire", "Nabíjíme, a.s.", "Pavel Novák")
    assert (cdr.vat_percent, cdr.vat_minor, cdr.fee_vat_percent) == (Decimal(21), 1_128, None)


def test_the_fee_has_vat_where_the_platform_is_a_payer(driver, owner, settings):
    settings.OPERATOR_VAT_ID = "CZ27082440"

    cdr = settlement.settle(make_bill(driver, owner))

    assert (cdr.vat_percent, cdr.fee_minor, cdr.fee_vat_percent, cdr.fee_vat_minor) == (None, 650, Decimal(21), 113)


def test_corrections_are_issued_by_who_issued_the_receipt(driver, payer, settings):
    settings.OPERATOR_VAT_ID = "CZ27082440"
    bill = make_bill(driver, payer)
    first = settlement.settle(bill)
    seller_data.save(payer, {**BUSINESS, "is_vat_payer": False, "name": "Another"})
    settings.SUPPLY_MODEL, settings.OPERATOR_VAT_ID = "commissionaire", ""

    cheaper = settlement.correct(first, with_energy(bill, 7_777))
    note = settlement.credit(first, 1_000)

    assert cheaper is not None
    for correction in (cheaper, note):
        assert (correction.supply_model, correction.supplier_name) == ("agent", "Žluťoučký kůň, s.r.o.")
        assert (correction.vat_percent, correction.fee_vat_percent) == (Decimal(21), Decimal(21))
        assert correction.vat_minor < 0
    assert note.number == f"{year_of(note)}-{payer.pk:04d}-000003"
    records = [first, cheaper, note]
    for amount, vat in (("total_minor", "vat_minor"), ("fee_minor", "fee_vat_minor")):
        assert sum(getattr(one, vat) for one in records) == money.vat_minor(sum(getattr(one, amount) for one in records), Decimal(21))
    assert_books_balance()


def test_a_record_from_before_there_were_suppliers_is_corrected_as_it_is(driver, owner):
    bill = make_bill(driver, owner)
    settled = settlement.settle(bill)
    fields = {field.name: getattr(settled, field.name) for field in ChargeDetailRecord._meta.fields}
    blank = {"supplier_name": "", "session_code": uuid.uuid4(), "number": "2025-1"}
    old = ChargeDetailRecord.objects.create(**{**fields, "id": None, **blank})

    note = settlement.credit(old, 500)

    assert (note.supplier_name, note.vat_percent) == ("Pavel Novák", None)


@given(gross=st.integers(-(10**9), 10**9), percent=st.sampled_from([Decimal(0), Decimal(12), Decimal(21), Decimal("25.5")]))
def test_vat_is_rounded_to_the_nearest_haler(gross, percent):
    vat = money.vat_minor(gross, percent)

    exact = Decimal(gross) * percent / (100 + percent)
    assert abs(vat - exact) <= Decimal("0.5")
    assert money.vat_minor(-gross, percent) == -vat


def test_half_a_haler_goes_up():
    assert money.vat_minor(105, Decimal(5)) == 5
    assert money.vat_minor(3, Decimal(20)) == 1  # exactly one half
    assert money.vat_minor(-3, Decimal(20)) == -1


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"vat_id": ""}, "vat_id"),
        ({"vat_id": "CZ1234567"}, "vat_id"),
        ({"vat_id": "CZ27082441"}, "vat_id"),
        ({"vat_id": "27082440"}, "vat_id"),
        ({"vat_id": "=1+1"}, "vat_id"),
        ({"kind": "private", "birth_date": date(1980, 1, 1), "tin": "8001011234"}, "is_vat_payer"),
    ],
)
def test_who_says_she_pays_vat_must_say_it_right(owner, changed, field):
    with pytest.raises(Invalid) as refused:
        seller_data.save(owner, {**BUSINESS, **changed})

    assert field in refused.value.fields


@pytest.mark.parametrize("number", ["CZ8001011234", "CZ27082440", "SK2020317068", "ATU12345675", "DE123456789"])
def test_numbers_of_payers_that_pass(owner, number):
    assert seller_data.save(owner, {**BUSINESS, "vat_id": number}).vat_id == number


def test_the_platform_must_not_sell_without_a_name(settings):
    settings.DEBUG, settings.SUPPLY_MODEL = False, "commissionaire"
    assert "chargeshare.E006" in [message.id for message in checks.money()]
    settings.OPERATOR_ADDRESS, settings.OPERATOR_VAT_ID = "Náměstí 1, Praha", "CZ27082440"
    assert "chargeshare.E006" not in [message.id for message in checks.money()]


def test_readings_are_frozen_with_the_receipt(driver, owner):
    readings = ((NOON, 1_000, None), (NOON + timedelta(minutes=1), 1_180, 10_800))

    cdr = settlement.settle(make_bill(driver, owner, readings=readings))

    cdr.refresh_from_db()
    assert cdr.readings == [["2026-11-20T12:00:00Z", 1_000, None], ["2026-11-20T12:01:00Z", 1_180, 10_800]]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE billing_chargedetailrecord SET vat_minor = 5",
        "UPDATE billing_chargedetailrecord SET supplier_name = 'x'",
        "UPDATE billing_chargedetailrecord SET readings = '[]'",
    ],
)
def test_the_database_itself_keeps_them(driver, payer, change):
    settlement.settle(make_bill(driver, payer))

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("model", ["agent", "commissionaire"])
def test_numbers_have_no_gap_when_everybody_stops_at_once(owner, settings, model):
    if IS_SQLITE:
        pytest.skip("SQLite has one writer at a time.")
    settings.SUPPLY_MODEL = model
    drivers = [make_user(f"Driver {number}") for number in range(6)]
    for one in drivers:
        give_credit(one, 100_000)

    def settle(number):
        bill = make_bill(drivers[number % 6], owner)
        if number % 5 == 0:  # what fails takes no number
            with transaction.atomic():
                settlement.settle(bill)
                raise ZeroDivisionError
        return settlement.settle(bill)

    results = at_once(settle, 60, threads=6)

    assert [one for one in results if isinstance(one, Exception) and not isinstance(one, ZeroDivisionError)] == []
    numbers = sorted(ChargeDetailRecord.objects.values_list("number", flat=True))
    assert [int(re.findall(r"\d+", number)[-1]) for number in numbers] == list(range(1, 49))
    assert_books_balance()
