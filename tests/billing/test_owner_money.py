"""An owner's pages about her money, and the API beside them."""

import csv
import io
import json
import zipfile
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import Letter, LoginFailure
from billing import bank_accounts, earnings, payouts, settlement
from billing.models import BankAccount, Payout, PayoutPlan, SellerData
from tests.billing.books import assert_books_balance, balance, make_bill
from tests.billing.paying import IBAN, OTHER_IBAN, earn, usable_account
from tests.factories import PASSWORD, give_credit, make_user

KEY = "11111111-2222-3333-4444-555555555555"


@pytest.fixture
def me(client, owner):
    """The owner, logged in by her password a moment ago, reading English."""
    owner.language = "en"
    owner.save()
    client.post(reverse("account_login"), {"login": owner.email, "password": PASSWORD})
    return client


@pytest.fixture
def api(client, owner):
    """Speaks for the owner as a program does."""
    answer = client.post("/api/v1/auth/token/", {"email": owner.email, "password": PASSWORD}, content_type="application/json")

    def call(method, path, body=None, **headers):
        said = {"content_type": "application/json", "data": json.dumps(body)} if body is not None else {}
        headers["Authorization"] = f"Bearer {answer.json()['access']}"
        return getattr(client, method)(f"/api/v1/{path}", headers=headers, **said)

    return call


@pytest.fixture
def sold(owner, driver):
    """Two sessions: 65 Kč and 13 Kč, available by now."""
    give_credit(driver, 100_000)
    then = timezone.now() - timedelta(hours=80)
    receipts = [settlement.settle(make_bill(driver, owner, wh, settled_at=then)) for wh in (10_000, 2_000)]
    earnings.release_pending(now=timezone.now())
    return receipts


# ── API ──


def test_a_program_asks_for_a_payout_to_a_new_account(api, owner):
    earn(owner, 100_000)

    answer = api("post", "payouts/", {"amount": "250.00", "iban": "CZ65 0800 0000 1920 0014 5399"})

    assert answer.status_code == 201
    body = answer.json()
    assert (body["status"], body["amount"], body["iban"]) == ("requested", {"amount": "250.00", "currency": "CZK"}, IBAN)
    assert body["held_until"].endswith("Z")
    assert body["is_confirmed"] is False
    assert Letter.objects.filter(to=owner.email).count() == 1
    earned = api("get", "earnings/").json()
    assert (earned["available"]["amount"], earned["in_payout"]["amount"]) == ("750.00", "250.00")
    listed = api("get", "payouts/").json()
    assert (listed["count"], listed["results"][0]["code"]) == (1, body["code"])
    assert api("get", f"payouts/{body['code']}/").json() == body
    assert_books_balance()


def test_a_program_uses_the_account_there_is(api, owner):
    earn(owner, 100_000)
    usable_account(owner)

    body = api("post", "payouts/", {"amount": {"amount": "1000.00", "currency": "CZK"}}).json()

    assert (body["iban"], body["held_until"], body["is_confirmed"]) == (IBAN, None, True)


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        ({"amount": "250.00"}, 400, "invalid", "iban"),
        ({"iban": IBAN}, 400, "invalid", "amount"),
        ({"amount": 250.5, "iban": IBAN}, 400, "invalid", "amount"),
        ({"amount": "199.99", "iban": IBAN}, 400, "invalid", "amount"),
        ({"amount": "-250", "iban": IBAN}, 400, "invalid", "amount"),
        ({"amount": "250", "iban": "CZ6508000000192000145398"}, 400, "invalid", "iban"),
        ({"amount": "250", "iban": "nonsense"}, 400, "invalid", "iban"),
        ({"amount": "1000.01", "iban": IBAN}, 409, "earnings_too_low", None),
    ],
)
def test_what_is_refused_leaves_nothing_behind(api, owner, body, status, code, field):
    earn(owner, 100_000)

    answer = api("post", "payouts/", body)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert field is None or field in answer.json()["fields"]
    assert not Payout.objects.exists()
    assert not BankAccount.objects.exists()
    assert not Letter.objects.exists()
    assert balance(owner, "earnings_available") == 100_000


def test_a_key_pays_once(api, owner):
    earn(owner, 100_000)
    said = {"amount": "250", "iban": IBAN}

    first, second = (api("post", "payouts/", said, **{"Idempotency-Key": "a"}) for _ in range(2))

    assert first.json() == second.json()
    assert Payout.objects.count() == 1
    assert api("post", "payouts/", {"amount": "300"}, **{"Idempotency-Key": "a"}).status_code == 409


def test_a_program_cancels(api, owner):
    earn(owner, 100_000)
    code = api("post", "payouts/", {"amount": "250", "iban": IBAN}).json()["code"]

    assert api("delete", f"payouts/{code}/").status_code == 204
    assert api("delete", f"payouts/{code}/").json()["code"] == "payout_moved_on"
    assert balance(owner, "earnings_available") == 100_000


def test_payouts_of_others_do_not_exist(api, owner, stranger):
    earn(stranger, 100_000)
    payout = payouts.request(stranger, 50_000, usable_account(stranger))

    assert api("get", f"payouts/{payout.code}/").status_code == 404
    assert api("delete", f"payouts/{payout.code}/").status_code == 404
    assert api("get", "payouts/").json()["count"] == 0


# ── Pages ──


def test_every_page_of_an_owner_shows_itself(me, owner, sold):
    earn(owner, 100_000)
    usable_account(owner)
    payouts.request(owner, 50_000, BankAccount.objects.get())
    month = f"{timezone.localtime(sold[0].created_at):%Y-%m}"
    for name, arguments in (
        *(("payouts", []), ("bank_account", []), ("earnings", []), ("taxes", []), ("seller_data", [])),
        ("monthly_statement", [month]),
    ):
        answer = me.get(reverse(f"billing:{name}", args=arguments))
        assert answer.status_code == 200, name
        assert owner.email not in answer.content.decode().split("<main")[1], name


def test_from_the_bank_account_to_the_payout(me, owner):
    earn(owner, 100_000)
    assert b"Enter a bank account" in me.get(reverse("billing:payouts")).content
    wrong = me.post(reverse("billing:bank_account"), {"iban": "CZ6508000000192000145398", "name": "Pavel"})
    assert wrong.status_code == 400
    assert b"A digit of this IBAN is wrong" in wrong.content

    me.post(reverse("billing:bank_account"), {"iban": "19-2000145399/0800", "name": "Pavel Novák"})
    link = next(word for word in Letter.objects.get().text.split() if "/confirm/" in word).removeprefix("http://127.0.0.1:8000")
    assert b"CZ65 0800 0000 1920 0014 5399" in me.get(link).content
    me.post(link)

    account = BankAccount.objects.get()
    assert account.confirmed_at is not None
    BankAccount.objects.update(usable_from=timezone.now())
    for _ in range(2):
        me.post(reverse("billing:payouts"), {"amount": "1 000,00", "key": KEY})
    payout = Payout.objects.get()
    assert (payout.amount_minor, payout.iban) == (100_000, IBAN)
    me.post(reverse("billing:payout_cancel", args=[payout.code]))
    payout.refresh_from_db()
    assert payout.status == Payout.Status.CANCELLED


def test_a_refused_wish_says_why(me, owner):
    earn(owner, 100_000)
    usable_account(owner)

    answer = me.post(reverse("billing:payouts"), {"amount": "5000", "key": KEY})

    assert answer.status_code == 400
    assert "1,000.00" in answer.content.decode()


def test_an_old_log_in_is_asked_for_the_password_again(client, owner):
    client.force_login(owner)
    earn(owner, 100_000)
    usable_account(owner)

    for name, said in (
        ("payouts", {"amount": "300", "key": KEY}),
        ("bank_account", {"iban": OTHER_IBAN, "name": "Eve"}),
        ("seller_data", {"name": "Eve"}),
        ("payout_plan", {"rhythm": "weekly"}),
    ):
        answer = client.post(reverse(f"billing:{name}"), said)
        assert "reauthenticate" in answer.headers["Location"], name

    assert not Payout.objects.exists()
    assert BankAccount.objects.count() == 1
    assert not PayoutPlan.objects.exists()


def test_a_second_factor_is_asked_for_with_a_new_account(me, owner):
    from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret  # noqa: PLC0415

    TOTP.activate(owner, generate_totp_secret())

    answer = me.post(reverse("billing:bank_account"), {"iban": IBAN, "name": "Pavel"})
    wrong = me.post(reverse("billing:bank_account"), {"iban": IBAN, "name": "Pavel", "code": "000000"})

    assert (answer.status_code, wrong.status_code) == (400, 400)
    assert not BankAccount.objects.exists()


def test_confirming_takes_the_second_factor_and_counts_wrong_codes(me, owner, settings):
    from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value, yield_hotp_counters_from_time  # noqa: PLC0415

    settings.LIMIT_LOGIN_FAILURES = 3
    account, _is_new = bank_accounts.enter(owner, IBAN)
    secret = generate_totp_secret()
    TOTP.activate(owner, secret)
    link = next(word for word in Letter.objects.get().text.split() if "/confirm/" in word).removeprefix("http://127.0.0.1:8000")
    code = format_hotp_value(hotp_value(secret, next(yield_hotp_counters_from_time())))

    assert me.post(link, {"code": ""}).status_code == 400
    assert me.post(link, {"code": "000000" if code != "000000" else "111111"}).status_code == 400
    account.refresh_from_db()
    assert account.confirmed_at is None
    assert LoginFailure.objects.exists()
    me.post(link, {"code": code})
    account.refresh_from_db()
    assert account.confirmed_at is not None


def test_a_letter_is_not_written_again_and_again(me, owner):
    account, _is_new = bank_accounts.enter(owner, IBAN)
    url = reverse("billing:bank_account_letter", args=[account.pk])

    me.post(url)
    assert Letter.objects.count() == 1
    for _ in range(5):
        Letter.objects.all().delete()
        me.post(url)

    assert not Letter.objects.exists()


def test_pages_of_others_do_not_exist(me, stranger):
    earn(stranger, 100_000)
    account = usable_account(stranger)
    payout = payouts.request(stranger, 50_000, account)

    for name, argument in (("payout_cancel", payout.code), ("bank_account_remove", account.pk), ("bank_account_letter", account.pk)):
        assert me.post(reverse(f"billing:{name}", args=[argument])).status_code == 404


def test_a_plan_is_chosen_and_given_up(me, owner):
    me.post(reverse("billing:payout_plan"), {"rhythm": "monthly", "keep": "100"})
    plan = PayoutPlan.objects.get(owner=owner)
    assert plan.next_on is not None
    assert (plan.rhythm, plan.keep_minor, plan.next_on.day) == ("monthly", 10_000, 1)

    me.post(reverse("billing:payout_plan"), {"rhythm": "never", "keep": ""})

    plan.refresh_from_db()
    assert (plan.rhythm, plan.keep_minor, str(plan.next_on)) == ("never", 0, "None")


def test_data_for_the_tax_office_are_taken_whole_or_not(me, owner):
    said = {"kind": "private", "name": "Pavel Novák", "street": "Na Rybníčku 1", "city": "Opava", "postcode": "746 01", "country": "cz"}

    half = me.post(reverse("billing:seller_data"), said)
    me.post(reverse("billing:seller_data"), {**said, "birth_date": "1980-01-01", "tin": "8001011234"})

    assert half.status_code == 400
    assert b"This is missing." in half.content
    assert SellerData.objects.get(owner=owner).country == "CZ"


def test_sums_agree_by_month_charger_and_guest(me, owner, sold):
    page = me.get(reverse("billing:earnings"), {"year": timezone.localtime(sold[0].created_at).year}).content.decode()

    assert page.count("70.20") >= 4
    assert "Tereza" not in page
    assert "Guest " in page


def test_a_month_adds_up(owner, sold, staff, settings):
    from billing import statements  # noqa: PLC0415

    settings.PAYOUT_IBAN = OTHER_IBAN
    earn(owner, 50_000)
    payout = payouts.request(owner, 50_000, usable_account(owner))
    Payout.objects.update(not_before=timezone.now())
    payouts.approve(payout, staff)
    payouts.export([payout], staff)
    payouts.mark_paid(payout)

    statement = statements.of_month(owner, timezone.localdate().replace(day=1))

    assert statement.paid_out_minor == 50_000
    assert statement.closing_minor == 7_020
    moved = statement.sums.earned_minor - statement.paid_out_minor + statement.returned_minor + statement.other_minor
    assert statement.opening_minor + moved == statement.closing_minor


def test_tables_to_take_away_hold_no_formulas(me, owner, sold):
    year = timezone.localtime(sold[0].created_at).year
    bill = make_bill(make_user("=HYPERLINK(1)"), owner, 1_000, place_name="=HYPERLINK(0)", settled_at=sold[0].created_at)
    settlement.settle(bill)

    text = me.get(reverse("billing:earning_export", args=[year, "csv"])).content.decode("utf-8-sig")
    book = me.get(reverse("billing:earning_export", args=[year, "xlsx"]))

    rows = list(csv.reader(io.StringIO(text)))
    assert len(rows) == 4
    assert rows[3][5] == "'=HYPERLINK(0)"
    assert "Tereza" not in text
    with zipfile.ZipFile(io.BytesIO(book.content)) as parts:
        sheet = parts.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert me.get(reverse("billing:tax_export", args=[year, "csv"])).status_code == 200
    assert "no-store" in book.headers["Cache-Control"]


def test_the_export_of_everything_holds_accounts_and_payouts(owner):
    from billing import export  # noqa: PLC0415

    earn(owner, 50_000)
    payouts.request(owner, 50_000, usable_account(owner))

    everything = export.everything_about(owner)

    assert everything["bank_accounts"][0]["iban"] == IBAN
    assert everything["payouts"][0]["amount_minor"] == 50_000
