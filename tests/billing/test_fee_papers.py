import pytest
from django.utils import timezone, translation

from billing import fee_papers, seller_data, settlement, statements
from tests import papers
from tests.billing.books import make_bill
from tests.billing.test_suppliers import BUSINESS
from tests.billing.test_views import text

THIS = timezone.localdate().replace(day=1)


@pytest.fixture
def operator(settings):
    settings.OPERATOR_NAME, settings.OPERATOR_ADDRESS = "Nabíjíme, a.s.", "Náměstí 1, Praha"
    settings.OPERATOR_ID, settings.OPERATOR_VAT_ID = "27082440", "CZ27082440"
    return settings


def printed(owner, language="en"):
    with translation.override(language):
        return papers.pages(fee_papers.pdf(owner, statements.of_month(owner, THIS)))


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("cs", ("Výpis výdělků", "Poplatek platformy bez DPH", "5,37 Kč", "1,13 Kč", "6,50 Kč", "Vystavil", "Pavel Novák")),
        ("en", ("Statement of earnings", "The platform's fee, without VAT", "5.37 Kč", "1.13 Kč", "6.50 Kč", "Issued by", "Pavel Novák")),
    ],
)
def test_the_fee_with_vat(driver, owner, operator, language, words):
    cdr = settlement.settle(make_bill(driver, owner))

    (page,) = printed(owner, language)

    for word in (*words, "Nabíjíme, a.s.", "Náměstí 1, Praha", "CZ27082440", cdr.number, f"{THIS:%Y-%m}-{owner.pk:04d}"):
        assert word in page.replace("\n", " "), (word, page)
    assert "Tereza" not in page


def test_the_fee_of_who_pays_no_vat(driver, owner):
    settlement.settle(make_bill(driver, owner))

    (page,) = printed(owner)

    assert "The platform's fee" in page
    assert "VAT" not in page


def test_what_a_payer_must_declare_herself(driver, owner):
    seller_data.save(owner, BUSINESS)
    settlement.settle(make_bill(driver, owner))

    (page,) = printed(owner)

    for words in ("VAT in what guests paid", "11.28 Kč", "Žluťoučký kůň, s.r.o.", "Dlouhá 1, 746 01 Opava"):
        assert words in page.replace("\n", " ")


def test_the_platform_that_sells_itself_charges_no_fee_with_vat(driver, owner, operator):
    operator.SUPPLY_MODEL = "commissionaire"
    settlement.settle(make_bill(driver, owner))

    (page,) = printed(owner)

    assert "The platform sells in its own name" in page.replace("\n", " ")
    assert "without VAT" not in page


def test_the_page_and_the_file(client, driver, owner, operator):
    settlement.settle(make_bill(driver, owner))
    client.force_login(owner)

    shown = text(client.get(f"/owner/statements/{THIS:%Y-%m}/"))

    for words in ("Nabíjíme, a.s.", "The platform&#x27;s fee, without VAT 5.37 Kč", "VAT 1.13 Kč"):
        assert words in shown, words
    paper = client.get(f"/owner/statements/{THIS:%Y-%m}.pdf")
    assert (paper.headers["Content-Type"], paper.content[:4]) == ("application/pdf", b"%PDF")
    table = client.get(f"/owner/statements/{THIS:%Y-%m}.csv").content.decode("utf-8-sig")
    assert "VAT in the fee" in table
    assert ",65.00,0.00,6.50,1.13,58.50," in table
