from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone, translation

from billing import audit, export, fee_papers, seller_data, settlement, statements
from billing.models import FeeDocument, FeeSeries
from billing.models.frozen import FrozenRowError
from tests import papers
from tests.billing.books import assert_books_balance, at_once, make_bill
from tests.billing.test_suppliers import BUSINESS
from tests.billing.test_views import text
from tests.factories import give_credit, make_user

THIS = timezone.localdate().replace(day=1)


@pytest.fixture
def operator(settings):
    settings.OPERATOR_NAME, settings.OPERATOR_ADDRESS = "Nabíjíme, a.s.", "Náměstí 1, Praha"
    settings.OPERATOR_ID, settings.OPERATOR_VAT_ID = "27082440", "CZ27082440"
    return settings


def printed(owner, language="en"):
    with translation.override(language):
        return papers.pages(fee_papers.pdf(fee_papers.of_month(owner, THIS)))


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


LAST = (THIS - timedelta(days=1)).replace(day=1)


def in_last_month(driver, owner, **more):
    return settlement.settle(make_bill(driver, owner, settled_at=statements.midnight(LAST) + timedelta(days=3), **more))


def test_a_month_that_is_over_is_numbered_and_frozen(driver, owner, operator):
    in_last_month(driver, owner)
    first = fee_papers.of_month(owner, LAST)
    with translation.override("en"):
        before = papers.pages(fee_papers.pdf(first))

    operator.OPERATOR_NAME, operator.OPERATOR_VAT_ID, operator.SUPPLY_MODEL = "Somebody else", "", "commissionaire"
    seller_data.save(owner, BUSINESS)
    in_last_month(driver, owner)

    again = fee_papers.of_month(owner, LAST)
    assert again.number == f"F{timezone.localdate().year}-000001"
    assert again.document == FeeDocument.objects.get()
    assert (again.statement.sums, len(again.statement.receipts)) == (first.statement.sums, 1)
    with translation.override("en"):
        assert papers.pages(fee_papers.pdf(again)) == before
    with pytest.raises(FrozenRowError):
        again.document.save()
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE billing_feedocument SET number = 'F1999-000001'")


def test_a_month_that_goes_on_has_no_document(driver, owner):
    settlement.settle(make_bill(driver, owner))

    paper = fee_papers.of_month(owner, THIS)

    assert (paper.document, paper.number) == (None, f"{THIS:%Y-%m}-{owner.pk:04d}")
    assert not FeeDocument.objects.exists()
    assert fee_papers.of_month(owner, LAST).document is None  # nothing was earned in it


def test_documents_are_issued_by_themselves_without_gaps(driver, owner, stranger):
    for one in (owner, stranger):
        in_last_month(driver, one)

    assert fee_papers.issue_last_month(now=timezone.now()) == 2
    assert fee_papers.issue_last_month(now=timezone.now()) == 0

    year = timezone.localdate().year
    assert sorted(FeeDocument.objects.values_list("number", flat=True)) == [f"F{year}-000001", f"F{year}-000002"]
    assert_books_balance()
    FeeSeries.objects.update(last=5)
    assert any("fee documents" in sentence for sentence in audit.check())
    exported = export.everything_about(owner)["fee_documents"]
    assert [one["month"] for one in exported] == [LAST]


@pytest.mark.django_db(transaction=True)
def test_two_looks_at_once_issue_one_document():
    driver, owner = make_user("d@example.com"), make_user("o@example.com")
    give_credit(driver, 50_000)
    in_last_month(driver, owner)

    seen = at_once(lambda _number: fee_papers.of_month(owner, LAST).number, 4, threads=4)

    assert len(set(seen)) == 1, seen
    assert [document.number[-6:] for document in FeeDocument.objects.all()] == ["000001"]
    assert FeeSeries.objects.get().last == 1
