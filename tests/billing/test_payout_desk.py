"""Staff and the bank: batches, their files, statements, the desk, the report."""

import csv
import io
import itertools
from datetime import date
from decimal import Decimal

import pytest
from auditlog.models import LogEntry
from defusedxml import ElementTree
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from billing import bank_statements, iban, payment_orders, payouts, seller_data, settlement, spreadsheets, statement_files, taxes
from billing.models import BankStatement, BankStatementLine, Payout
from billing.statement_files import NotAStatement
from tests.billing.books import assert_books_balance, balance, make_bill
from tests.billing.paying import IBAN, OTHER_IBAN, earn, usable_account
from tests.billing.test_payouts import DATA
from tests.factories import make_user

NAMESPACE = {"p": payment_orders.PAIN}
Status = Payout.Status
Outcome = BankStatementLine.Outcome
GERMAN = "DE89370400440532013000"
_ids = itertools.count(26_000_000_000)


@pytest.fixture(autouse=True)
def _our_account(settings):
    settings.PAYOUT_IBAN = OTHER_IBAN


@pytest.fixture
def batch(owner, staff):
    """Two payouts at the bank: 600 Kč and 250.50 Kč."""
    earn(owner, 100_000)
    account = usable_account(owner)
    wishes = [payouts.request(owner, amount_minor, account) for amount_minor in (60_000, 25_050)]
    return payouts.export([payouts.approve(wish, staff) for wish in wishes], staff, due_on=date(2030, 1, 2))


@pytest.fixture
def large(batch):
    return batch.payouts.get(amount_minor=60_000)


@pytest.fixture
def desk(client, staff):
    """Somebody of staff, logged in."""
    client.force_login(staff)
    return client


# ── IBAN ──


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("CZ65 0800 0000 1920 0014 5399", "CZ6508000000192000145399"),
        ("cz6508000000192000145399", "CZ6508000000192000145399"),
        ("19-2000145399/0800", "CZ6508000000192000145399"),
        ("2000145399 / 0800", iban.of_czech("", "2000145399", "0800")),
        ("DE89 3704 0044 0532 0130 00", GERMAN),
        ("NO9386011117947", "NO9386011117947"),
        ("MT84MALT011000012345MTLCAST001S", "MT84MALT011000012345MTLCAST001S"),
        ("GB82 WEST 1234 5698 7654 32", "GB82WEST12345698765432"),
        ("SK3112000000198742637541", "SK3112000000198742637541"),
    ],
)
def test_an_iban_is_read_as_people_write_it(typed, kept):
    assert iban.read(typed) == kept


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "IBAN"),
        ("CZ6508000000192000145398", "digit"),
        ("CZ5608000000192000145399", "digit"),
        ("CZ650800000019200014539", "23"),
        ("DE8937040044053201300", "22"),
        ("ZZ6508000000192000145399", "ZZ"),
        ("CZ650800000019200014539A", "digits"),
        ("=HYPERLINK(1)", "IBAN"),
        ("1/0800", "IBAN"),
        ("CZ65０８00000019200014539", "IBAN"),
    ],
)
def test_a_wrong_iban_says_why(typed, said):
    with pytest.raises(iban.NotAnIban) as refusal:
        iban.read(typed)

    assert said in str(refusal.value.message)


def test_every_czech_account_survives_both_ways():
    for number in ("2", "19", "1234567899", "2000145399"):
        account = iban.czech(iban.read(iban.of_czech("19", number, "0800")))
        assert account is not None
        assert (account.prefix, account.number, account.bank) == ("000019", f"{number:0>10}", "0800")


# ── Files for the bank ──


def test_pain_001_says_what_the_batch_holds(batch, large, owner):
    document = ElementTree.fromstring(payment_orders.pain_001(batch))

    def text(path):
        node = document.find(path, NAMESPACE)
        assert node is not None, path
        return node.text

    assert text(".//p:GrpHdr/p:NbOfTxs") == text(".//p:PmtInf/p:NbOfTxs") == "2"
    assert text(".//p:GrpHdr/p:CtrlSum") == text(".//p:PmtInf/p:CtrlSum") == "850.50"
    assert text(".//p:ReqdExctnDt") == "2030-01-02"
    assert text(".//p:DbtrAcct/p:Id/p:IBAN") == OTHER_IBAN
    transfers = document.findall(".//p:CdtTrfTxInf", NAMESPACE)
    assert [transfer.findtext("p:Amt/p:InstdAmt", namespaces=NAMESPACE) for transfer in transfers] == ["600.00", "250.50"]
    first = transfers[0]
    assert first.findtext("p:PmtId/p:EndToEndId", namespaces=NAMESPACE) == f"/VS{large.variable_symbol}"
    assert first.findtext("p:CdtrAcct/p:Id/p:IBAN", namespaces=NAMESPACE) == IBAN
    assert first.findtext("p:Cdtr/p:Nm", namespaces=NAMESPACE) == "Pavel Novak"


def test_abo_has_its_columns(batch, large):
    lines = payment_orders.abo(batch).decode("ascii").split("\r\n")

    assert lines[0].startswith("UHL1")
    assert len(lines[0]) == 4 + 6 + 20 + 10 + 3 + 3 + 6 + 6
    assert lines[1] == "1 1501 001000 0800"
    assert lines[2] == "2 000000-1234567899 000000000085050 020130"
    assert lines[3] == (
        f"000019-2000145399 000000000060000 {large.variable_symbol} 08000000 0000000000 AV:ChargeShare vyplata {large.variable_symbol}"
    )
    assert lines[5:] == ["3 +", "5 +", ""]


def test_fio_reads_its_own_xml(batch, large):
    document = ElementTree.fromstring(payment_orders.fio_xml(batch))

    order = document.findall("./Orders/DomesticTransaction")[0]
    assert {node.tag: node.text for node in order} == {
        "accountFrom": "1234567899",
        "currency": "CZK",
        "amount": "600.00",
        "accountTo": "19-2000145399",
        "bankCode": "0800",
        "vs": large.variable_symbol,
        "date": "2030-01-02",
        "messageForRecipient": f"ChargeShare vyplata {large.variable_symbol}",
        "paymentType": "431001",
    }


def test_a_qr_payment_names_account_amount_and_symbol(large):
    said = payment_orders.spayd(large)

    assert said == (
        f"SPD*1.0*ACC:{IBAN}*AM:600.00*CC:CZK*RN:PAVEL NOVAK*MSG:CHARGESHARE VYPLATA {large.variable_symbol}*X-VS:{large.variable_symbol}"
    )


@pytest.mark.parametrize("kind", sorted(payment_orders.FORMATS))
def test_a_file_is_the_same_at_every_download(desk, batch, large, kind):
    url = reverse("admin:billing_payout_file", args=[batch.number, kind])
    first = desk.get(url).content

    payouts.fail(large, reason="x")

    assert desk.get(url).content == first


@pytest.mark.parametrize("kind", ["abo", "fio"])
def test_an_account_abroad_needs_pain_001(desk, owner, staff, kind):
    earn(owner, 100_000)
    wish = payouts.request(owner, 60_000, usable_account(owner, GERMAN))
    made = payouts.export([payouts.approve(wish, staff)], staff)

    answer = desk.get(reverse("admin:billing_payout_file", args=[made.number, kind]))

    assert answer.status_code == 409
    assert b"pain.001" in answer.content
    assert GERMAN.encode() in desk.get(reverse("admin:billing_payout_file", args=[made.number, "pain.001"])).content


def test_names_break_no_file(owner, staff):
    owner.name = 'Žluťoučký <kůň> & "syn"*AM:1\r\nX'
    owner.save()
    earn(owner, 100_000)
    wish = payouts.request(owner, 60_000, usable_account(owner))
    made = payouts.export([payouts.approve(wish, staff)], staff)

    for write, _ending in payment_orders.FORMATS.values():
        assert b"Zlutoucky" in write(made) or b"<kun>" not in write(made)
    assert payment_orders.spayd(wish).count("*AM:") == 1
    assert len(payment_orders.abo(made).split(b"\r\n")) == 7


# ── Statements of the bank ──


def fio(*movements, account="1234567899"):
    """A CSV as Fio gives it: day, amount, account, bank, symbol."""
    head = f'"accountId";"{account}"\n"bankId";"0800"\n"currency";"CZK"\n"openingBalance";"1000,00"\n\n'
    head += '"ID pohybu";"Datum";"Objem";"Měna";"Protiúčet";"Název protiúčtu";"Kód banky";"KS";"VS";"SS";"Zpráva pro příjemce"\n'
    rows = "".join(
        f'"{next(_ids)}";"02.01.2030";"{amount}";"CZK";"{other}";"Novák; Pavel";"{bank}";"";"{symbol}";"";"výplata"\n'
        for amount, other, bank, symbol in movements
    )
    return (head + rows).encode("utf-8-sig")


def gpc(*movements, account="0000001234567899"):
    """An ABO statement: hundredths, side, account, symbol."""
    lines = [f"074{account}{'ChargeShare':<20}010130{1:014d}+{1:014d}+{0:014d}+{0:014d}+001020130" + " " * 14]
    lines += [
        f"075{account}{other:0>16}{number:013d}{amount:012d}{code}{symbol:0>10}0008000000{0:010d}020130{'NOVAK PAVEL':<20}00203020130"
        for number, (amount, code, other, symbol) in enumerate(movements)
    ]
    return "\r\n".join(lines).encode("cp1250")


def bring(content, staff, name="statement"):
    return bank_statements.bring_in(content, name=name, staff=staff)


def test_a_csv_of_fio_marks_what_is_paid(batch, large, staff):
    content = fio(("-600,00", "19-2000145399", "0800", large.variable_symbol), ("-99,00", "123", "0100", ""), ("500", "1", "0100", "7"))

    imported = bring(content, staff)

    assert imported.counts == {Outcome.PAID: 1, Outcome.UNMATCHED: 1, Outcome.IGNORED: 1}
    large.refresh_from_db()
    assert large.status == Status.PAID
    assert timezone.localdate(large.paid_at) == date(2030, 1, 2)
    assert_books_balance()


def test_an_abo_statement_marks_what_is_paid(batch, large, staff):
    imported = bring(gpc((60_000, 1, "0000192000145399", large.variable_symbol), (1_000, 2, "0000000000000011", "5")), staff)

    assert imported.counts == {Outcome.PAID: 1, Outcome.IGNORED: 1}
    assert_books_balance()


def test_the_shuffled_digits_of_some_banks_are_understood(batch, large, staff):
    number = "0000192000145399"
    places = {1: 11, 2: 12, 3: 13, 4: 14, 5: 15, 6: 16, 7: 5, 8: 6, 9: 7, 10: 8, 11: 9, 12: 4, 13: 10, 14: 2, 15: 3, 16: 1}
    shuffled = ["0"] * 16
    for plain, place in places.items():
        shuffled[place - 1] = number[plain - 1]

    imported = bring(gpc((60_000, 1, "".join(shuffled), large.variable_symbol)), staff)

    assert imported.counts == {Outcome.PAID: 1}


def test_the_same_statement_twice_changes_nothing(batch, large, staff):
    content = fio(("-600,00", "19-2000145399", "0800", large.variable_symbol))
    bring(content, staff)
    payouts.fail(large, reason="It came back.")

    again = bring(content, staff)

    assert not again.is_new
    assert (BankStatement.objects.count(), BankStatementLine.objects.count()) == (1, 1)
    large.refresh_from_db()
    assert large.status == Status.FAILED


def test_a_movement_in_two_statements_counts_once(batch, large, staff):
    content = fio(("-600,00", "19-2000145399", "0800", large.variable_symbol))
    bring(content, staff)

    later = bring(content + b"\n", staff)

    assert later.is_new
    assert later.counts == {"known": 1}


def test_the_other_kind_of_file_tells_nothing_new(batch, large, staff):
    bring(fio(("-600,00", "19-2000145399", "0800", large.variable_symbol)), staff)

    assert bring(gpc((60_000, 1, "0000192000145399", large.variable_symbol)), staff).counts == {Outcome.IGNORED: 1}
    assert bring(fio(("-600,00", "19-2000145399", "0800", large.variable_symbol)), staff).counts == {Outcome.UNMATCHED: 1}


@pytest.mark.parametrize(
    ("amount", "account", "bank", "note"),
    [
        ("-600,01", "19-2000145399", "0800", "amount"),
        ("-600,00", "20-2000145399", "0800", "account"),
    ],
)
def test_what_fits_only_half_is_left_to_staff(batch, large, staff, amount, account, bank, note):
    bring(fio((amount, account, bank, large.variable_symbol)), staff)

    line = BankStatementLine.objects.get()
    assert line.outcome == Outcome.UNMATCHED
    assert note in line.note
    large.refresh_from_db()
    assert large.status == Status.EXPORTED


def test_without_a_symbol_amount_and_account_must_name_one(batch, large, staff):
    bring(fio(("-600,00", "19-2000145399", "0800", "")), staff)

    large.refresh_from_db()
    assert large.status == Status.PAID


@pytest.mark.parametrize("was_paid", [False, True])
def test_money_that_comes_back_is_among_the_earnings_again(batch, large, owner, staff, was_paid):
    if was_paid:
        bring(fio(("-600,00", "19-2000145399", "0800", large.variable_symbol)), staff)

    imported = bring(fio(("600,00", "19-2000145399", "0800", large.variable_symbol)), staff)

    assert imported.counts == {Outcome.RETURNED: 1}
    assert balance(owner, "earnings_available") == 100_000 - 25_050
    assert_books_balance()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"nonsense",
        b"\xff\xfe\x00\x01" * 20,
        b"074" + b"0" * 16 + b"\r\n075" + b"x" * 125,
        fio(("six hundred", "19-2000145399", "0800", "1")),
        fio(("-600,00", "19-2000145399", "0800", "1")).replace(b"02.01.2030", b"31.02.2030"),
        fio(("-600,00", "19-2000145399", "0800", "1")).replace(b'"CZK";"19', b'"K\xc4\x8d";"19'),
        fio(("-600,00", "19-2000145399", "0800", "1")).replace(b"Nov", b"x" * 140_000),
        gpc((1, 1, "1", "1")).replace(b"0" * 11 + b"1", b"0" * 10 + b" 1"),
        b"a" * (statement_files.MOST_BYTES + 1),
    ],
)
def test_what_cannot_be_read_changes_nothing(batch, staff, content):
    with pytest.raises(NotAStatement):
        bring(content, staff)

    assert not BankStatement.objects.exists()


def test_a_nul_in_a_statement_harms_nobody(batch, large, staff):
    content = fio(("-600,00", "19-2000145399", "0800", large.variable_symbol)).replace("výplata".encode(), b"v\0yplata")

    assert bring(content, staff).counts == {Outcome.PAID: 1}


def test_the_statement_of_another_account_is_refused(batch, staff):
    for content in (fio(account="999"), gpc(account="0000000000000999")):
        with pytest.raises(bank_statements.OtherAccount):
            bring(content, staff)


def test_two_movements_alike_are_two(batch, staff):
    imported = bring(gpc((1_000, 1, "0000000000000011", "5"), (1_000, 1, "0000000000000011", "5")), staff)

    assert imported.counts == {Outcome.UNMATCHED: 2}


# ── The desk ──


def test_the_whole_way_over_the_desk(desk, owner, staff):
    earn(owner, 100_000)
    payout = payouts.request(owner, 60_000, usable_account(owner))
    page = reverse("admin:billing_payout_desk")
    assert "CZ65 0800 0000 1920 0014 5399" in desk.get(page).content.decode()

    desk.post(reverse("admin:billing_payout_approve"), {"payout": [str(payout.code)]})
    assert desk.get(page).status_code == 200
    made = desk.post(reverse("admin:billing_payout_export"), {"payout": [str(payout.code)], "due_on": timezone.localdate().isoformat()})
    shown = desk.get(made.headers["Location"]).content.decode()
    assert "<svg" in shown
    assert "pain.001" in shown
    content = fio(("-600,00", "19-2000145399", "0800", payout.variable_symbol), ("-1,00", "5", "0100", "9"))
    desk.post(reverse("admin:billing_payout_statement"), {"file": SimpleUploadedFile("january.csv", content)})

    payout.refresh_from_db()
    assert (payout.status, payout.approved_by) == (Status.PAID, staff)
    assert desk.get(page).content.decode().count("/desk/lines/") == 1
    acted = [entry.changes_dict or {} for entry in LogEntry.objects.filter(object_pk=str(payout.pk), actor=staff)]
    assert {"approved", "exported", "paid"} <= {changes["status"][1] for changes in acted if "status" in changes}
    assert desk.get(reverse("admin:billing_payout_look", args=[payout.code])).status_code == 200


def test_staff_settle_and_dismiss_what_fits_nothing(desk, batch, large, staff):
    bring(fio(("-600,00", "7", "0100", ""), ("-5,00", "7", "0100", "")), staff)
    first, second = BankStatementLine.objects.order_by("amount_minor")

    desk.post(reverse("admin:billing_payout_line", args=[first.pk]), {"symbol": large.variable_symbol})
    desk.post(reverse("admin:billing_payout_line", args=[second.pk]), {"symbol": ""})
    second.refresh_from_db()
    assert second.outcome == Outcome.UNMATCHED
    desk.post(reverse("admin:billing_payout_line", args=[second.pk]), {"deed": "dismiss"})

    large.refresh_from_db()
    second.refresh_from_db()
    assert (large.status, second.outcome) == (Status.PAID, Outcome.IGNORED)
    assert_books_balance()


def test_staff_send_a_payout_back_with_a_reason(desk, batch, large):
    url = reverse("admin:billing_payout_fail", args=[large.code])
    desk.post(url, {"reason": ""})
    large.refresh_from_db()
    assert large.status == Status.EXPORTED

    desk.post(url, {"reason": "The account is closed."})

    large.refresh_from_db()
    assert (large.status, large.reason) == (Status.FAILED, "The account is closed.")


def test_the_desk_is_for_staff_with_the_right(client, batch, large, owner, staff):
    urls = [
        reverse("admin:billing_payout_desk"),
        reverse("admin:billing_payout_batch", args=[batch.number]),
        reverse("admin:billing_payout_file", args=[batch.number, "abo"]),
        reverse("admin:billing_payout_sellers") + "?year=2026&rate=25",
        reverse("admin:billing_payout_look", args=[large.code]),
    ]
    client.force_login(owner)
    assert {client.get(url).status_code for url in urls} == {302}
    client.force_login(make_user("Brigádník", is_staff=True))
    assert {client.get(url).status_code for url in urls} == {403}
    assert client.post(reverse("admin:billing_payout_fail", args=[large.code]), {"reason": "x"}).status_code == 403


def test_the_desk_asks_for_a_second_factor(client, staff, settings):
    settings.STAFF_NEED_SECOND_FACTOR = True
    client.force_login(staff)

    assert client.get(reverse("admin:billing_payout_desk")).status_code == 302


# ── The report about those who earn ──


def test_the_report_names_who_earned_by_quarter(desk, owner, driver):
    seller_data.save(owner, DATA)
    usable_account(owner)
    settlement.settle(make_bill(driver, owner, 10_000))
    now = timezone.localtime()
    year, quarter = now.year, (now.month - 1) // 3

    answer = desk.get(reverse("admin:billing_payout_sellers"), {"year": year, "rate": "25", "file": "csv"})

    head, row = csv.reader(io.StringIO(answer.content.decode("utf-8-sig")))
    said = dict(zip(head, row, strict=True))
    assert said["Q1 sales"] == ("1" if quarter == 0 else "0")
    assert row[2] == "Pavel Novák"
    assert IBAN in row
    assert row[14 + 3 * quarter : 17 + 3 * quarter] == ["58.50", "1", "6.50"]
    assert taxes.report(year, crowns_per_euro=Decimal(25))[0].is_exempt


def test_thirty_sales_or_two_thousand_euros_are_reported(owner, driver):
    for _ in range(30):
        settlement.settle(make_bill(driver, owner, 200))

    year = timezone.localdate().year

    assert not taxes.report(year, crowns_per_euro=Decimal(25))[0].is_exempt


def test_limits_are_measured_by_what_guests_paid(owner, driver):
    settlement.settle(make_bill(driver, owner, 10_000))

    of_year = taxes.of(owner, timezone.localdate().year)

    assert (of_year.other_income.used_minor, of_year.other_income.limit_minor) == (6_500, 5_000_000)
    assert taxes.Meter(100, 79).is_near is False
    assert taxes.Meter(100, 80).is_near is True
    assert taxes.Meter(100, 100).is_over is False
    assert taxes.Meter(100, 101).is_over is True
    assert taxes.Meter(100, -5).percent == 0


@pytest.mark.parametrize("begin", spreadsheets.FORMULA_BEGINS)
def test_no_text_becomes_a_formula(begin):
    assert str(spreadsheets.plain(f"{begin}1+1")).startswith("'")


def test_numbers_stay_numbers_and_texts_are_quoted():
    rows: list[spreadsheets.Row] = [["a", "b"], [-5, Decimal("-1.50")], ['say "hi", x', "two\nlines"], [None, date(2026, 1, 2)]]

    assert spreadsheets.csv_bytes(rows) == (b'\xef\xbb\xbfa,b\r\n-5,-1.50\r\n"say ""hi"", x","two\nlines"\r\n,2026-01-02\r\n')
