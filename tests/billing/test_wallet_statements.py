import csv
import io
import zipfile
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone, translation

from billing import ledger, refunds, settlement, top_ups, wallet_statements
from billing.models import DemoPayment
from billing.statements import midnight, next_month
from tests import papers
from tests.billing.books import make_bill
from tests.billing.test_views import text
from tests.conftest import OPENING_CREDIT_MINOR
from tests.factories import make_user

THIS = timezone.localdate().replace(day=1)  # what is granted and topped up happens now
NEXT = next_month(THIS)
BEFORE = (THIS - timedelta(days=1)).replace(day=1)
NOON = midnight(THIS) + timedelta(hours=12)


def settled(driver, owner, wh=10_000, at=NOON, **more):
    return settlement.settle(make_bill(driver, owner, wh, settled_at=at, **more))


@pytest.fixture
def month(driver, owner):
    """A month in which everything happens, and a session on either side of it."""
    settled(driver, owner, 1_000, at=midnight(THIS) - timedelta(seconds=1))
    ledger.grant(driver, 5_000, reason="power cut")
    first = settled(driver, owner)
    settled(driver, owner, 5, at=NOON + timedelta(minutes=1), place_name="=cmd|' /C calc'!A0")
    settlement.credit(first, 1_000)
    settled(driver, owner, 1_000, at=midnight(NEXT))
    return first


def of(user, month_):
    return wallet_statements.of_month(user, month_)


def test_the_parts_lead_from_the_beginning_to_the_end(driver, month):
    this, after = of(driver, THIS), of(driver, NEXT)

    assert after.opening_minor == this.closing_minor
    assert after.closing_minor == ledger.wallet(driver).balance_minor
    assert this.charged_minor == -6_500 + 1_000
    assert this.granted_minor == 5_000
    assert (this.sessions, this.energy_wh) == (2, 10_005)
    assert this.opening_minor + sum(line.amount_minor for line in this.lines) == this.closing_minor
    moved = (this.charged_minor, this.topped_up_minor, this.returned_minor, this.granted_minor, this.other_minor)
    assert this.opening_minor + sum(moved) == this.closing_minor
    assert sum(line.energy_wh is not None for line in after.lines) == 1
    assert wallet_statements.is_known_before(driver, THIS)
    assert not wallet_statements.is_known_before(make_user("New"), THIS)


def test_every_line_says_what_remained(driver, month):
    this = of(driver, THIS)

    balance_minor = this.opening_minor
    for line in this.lines:
        balance_minor += line.amount_minor
        assert line.balance_minor == balance_minor
    kinds = [line.kind for line in this.lines]
    assert kinds.count("settle") == 2
    assert "correct" in kinds
    assert [line.at for line in this.lines] == sorted(line.at for line in this.lines)


def test_top_ups_and_returns_have_their_parts(driver):
    wish = top_ups.begin(driver, 20_000)
    DemoPayment.objects.filter(gateway_id=wish.gateway_id).update(state="PAID")
    top_ups.refresh(wish.gateway_id or "")
    refunds.request(driver, 5_000)

    this = of(driver, THIS)

    assert (this.topped_up_minor, this.returned_minor) == (OPENING_CREDIT_MINOR + 20_000, -5_000)
    assert this.closing_minor == ledger.wallet(driver).balance_minor
    assert this.other_minor == 0


def test_a_debt_is_told(stranger, owner):
    settled(stranger, owner, 5_000)

    (line,) = of(stranger, THIS).lines

    assert (line.amount_minor, line.owed_minor) == (0, 3_250)


def test_nobody_else_s_money_is_in_it(stranger, month):
    assert of(stranger, THIS).lines == []


def test_the_page_and_its_neighbours(client, driver, month):
    client.force_login(driver)

    shown = text(client.get(f"/wallet/statements/{THIS:%Y-%m}/"))

    for words in (
        f"Statement, {THIS:%B %Y}",
        "At the beginning",
        "At the end",
        "−55.00 Kč",
        "+50.00 Kč",
        "U Nováků",
        "10.00 kWh",
        f"{BEFORE:%B %Y}",
    ):
        assert words in shown, words
    assert client.get("/wallet/statements/2099-01/").status_code == 404
    for nonsense in ("2026-13", "2026-1", "1999-01", "x"):
        assert client.get(f"/wallet/statements/{nonsense}/").status_code == 404
    assert "Monthly statement" in text(client.get("/wallet/"))
    empty = text(client.get("/wallet/statements/2025-01/"))
    assert "Nothing moved in this month" in empty
    assert "December 2024" not in empty


def test_the_page_has_pages(client, driver, owner):
    for minute in range(55):
        settled(driver, owner, 5, at=NOON + timedelta(minutes=minute))
    client.force_login(driver)

    assert len(client.get(f"/wallet/statements/{THIS:%Y-%m}/?page=2").context["page"].object_list) == 6


@pytest.mark.parametrize("address", ["/wallet/statements/2026-11/", "/wallet/statements/2026-11.pdf", "/wallet/statements/2026-11.csv"])
def test_one_must_be_logged_in(client, db, address):
    assert client.get(address).status_code == 302


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("cs", ("Výpis z peněženky", "−55,00 Kč", "Na konci")),
        ("en", ("Statement of a wallet", f"{THIS:%B %Y}", "−55.00 Kč", "At the end")),
    ],
)
def test_on_paper(driver, month, language, words):
    with translation.override(language):
        pages = papers.pages(wallet_statements.pdf(driver, of(driver, THIS)))

    assert len(pages) == 1
    for word in (*words, month.number, driver.email, "10,005 kWh" if language == "cs" else "10.005 kWh"):
        assert word in pages[0], (word, pages[0])


def test_a_long_month_goes_on_over_pages(driver, owner):
    for minute in range(90):
        settled(driver, owner, 5, at=NOON + timedelta(minutes=minute), place_name="Ž" * 90)

    pages = papers.pages(wallet_statements.pdf(driver, of(driver, THIS)))

    assert len(pages) > 1
    assert sum(page.count("…") for page in pages) == 90


def test_tables_to_take_away(client, driver, month):
    client.force_login(driver)

    answer = client.get(f"/wallet/statements/{THIS:%Y-%m}.csv")

    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert "no-store" in answer.headers["Cache-Control"]
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    names = [row[1] for row in rows]
    assert "'=cmd|' /C calc'!A0" in names
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "@"))]
    assert Decimal(rows[1][6]) + sum(Decimal(row[5] or 0) for row in rows[2:-1]) == Decimal(rows[-1][6])
    book = client.get(f"/wallet/statements/{THIS:%Y-%m}.xlsx")
    with zipfile.ZipFile(io.BytesIO(book.content)) as parts:
        assert b"<f>" not in parts.read("xl/worksheets/sheet1.xml")
    paper = client.get(f"/wallet/statements/{THIS:%Y-%m}.pdf")
    assert paper.content.startswith(b"%PDF")
    assert f"chargeshare-wallet-{THIS:%Y-%m}.pdf" in paper.headers["Content-Disposition"]
