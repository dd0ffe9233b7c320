import re
import uuid
from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import DatabaseError
from django.http import Http404
from django.urls import reverse
from django.utils import timezone, translation

from accounts.pages import who
from billing import ledger, paper, receipts, settlement, top_ups
from billing.models import DemoPayment, LedgerTransaction, Tariff, TopUp
from billing.pricing import Prices
from tests.billing.books import balance, make_bill
from tests.factories import give_credit, make_tariff


@pytest.fixture
def page(client, driver):
    client.force_login(driver)
    return client


def text(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode().replace("\u00a0", " ")))


def top_up(page, amount, key=None):
    return page.post("/wallet/", {"amount": amount, "key": key or str(uuid.uuid4())})


def test_the_wallet_shows_what_is_available(page, driver, owner):
    ledger.grant(driver, 5_000, reason="power cut")
    settlement.settle(make_bill(driver, owner))
    ledger.hold(driver, 10_000, key="session:x")

    shown = text(page.get("/wallet/"))

    for words in ("385.00 Kč", "Your money 385.00", "Promo credit 0.00", "Held 100.00 Kč", "Balance 485.00"):
        assert words in shown
    for words in ("U Nováků", "−65.00 Kč", "485.00 Kč left", "+50.00 Kč", "power cut", "10.00 kWh"):
        assert words in shown
    assert page.get("/wallet/").headers["Cache-Control"] != ""


def test_own_money_promo_and_held_add_up(page, driver):
    ledger.grant(driver, 5_000, reason="x")
    ledger.hold(driver, 52_000, key="session:x")

    context = page.get("/wallet/").context

    assert (context["own_minor"], context["promo_minor"], context["purse"].held_minor) == (0, 3_000, 52_000)


def test_the_journal_has_pages(page, driver):
    for number in range(45):
        ledger.grant(driver, 100, reason=f"grant {number}")

    second = page.get("/wallet/?page=2")

    assert len(second.context["movements"]) == 20
    assert second.context["movements"][0].balance_minor == 50_000 + 2_500
    assert "grant 24" in text(second)


def test_the_wallet_of_a_debtor_says_so(client, stranger, owner):
    settlement.settle(make_bill(stranger, owner, 5_000))
    client.force_login(stranger)

    shown = text(client.get("/wallet/"))

    assert "You owe 32.50 Kč" in shown
    assert "32.50 Kč owed" in shown


def test_a_top_up_through_the_pretend_bank(page, driver):
    leaves = top_up(page, "200")
    wish = TopUp.objects.get()
    assert leaves.status_code == 302
    assert leaves.url == f"/wallet/demo-gateway/{wish.gateway_id}/"
    bank = page.get(leaves.url)
    assert "Pay 200.00 Kč" in text(bank)

    comes_back = page.post(leaves.url, {"deed": "pay"})

    assert comes_back.url == f"/wallet/top-ups/{wish.code}/return/?id={wish.gateway_id}"
    shown = text(page.get(comes_back.url))
    assert "Paid" in shown
    assert "700.00 Kč is available" in shown
    assert balance(driver, "cash") == 70_000
    assert "This payment is over" in text(page.get(leaves.url))


def test_a_payment_may_be_cancelled_or_left(page, driver):
    wishes = [TopUp.objects.get(gateway_id=top_up(page, "200").url.split("/")[3]) for _ in range(2)]
    page.post(f"/wallet/demo-gateway/{wishes[0].gateway_id}/", {"deed": "cancel"})
    page.post(f"/wallet/demo-gateway/{wishes[1].gateway_id}/", {"deed": "leave"})

    assert "nothing left your card" in text(page.get(wishes[0].get_absolute_url()))
    assert "Checking the payment" in text(page.get(wishes[1].get_absolute_url()))
    assert "awaits payment" in text(page.get("/wallet/"))
    assert balance(driver, "cash") == 50_000


def test_a_form_sent_twice_is_one_top_up(page):
    key = str(uuid.uuid4())

    assert top_up(page, "200", key).url == top_up(page, "200", key).url
    assert "was used with another request" in text(top_up(page, "300", key))
    assert TopUp.objects.count() == 1
    page.post(top_up(page, "200", key).url, {"deed": "cancel"})
    top_up(page, "200", key)
    assert TopUp.objects.count() == 2


@pytest.mark.parametrize(
    ("amount", "words"), [("", "required"), ("abc", "Enter an amount"), ("0.5", "least"), ("99999", "at most"), ("1.005", "two decimals")]
)
def test_every_bad_amount_gets_a_sentence(page, amount, words):
    refused = top_up(page, amount)

    assert refused.status_code == 400
    assert words in text(refused)
    assert TopUp.objects.count() == 0


def test_a_gateway_that_is_away_says_what_did_not_happen(page, stub):
    stub.refuse_tokens = True

    assert "No payment was started and nothing left your card" in text(top_up(page, "200"))


def test_the_payer_goes_to_gopay(page, stub):
    leaves = top_up(page, "200")

    assert leaves.url.startswith(stub.url)
    assert "form-action 'self' https://*.gopay.cz" in leaves.headers["Content-Security-Policy"]


def test_nobody_sees_another_s_payment(client, driver, stranger):
    wish = top_ups.begin(driver, 1_000)
    client.force_login(stranger)

    for url in (wish.get_absolute_url(), f"/wallet/demo-gateway/{wish.gateway_id}/", "/wallet/demo-gateway/1/"):
        assert client.get(url).status_code == 404
    assert client.post(f"/wallet/demo-gateway/{wish.gateway_id}/", {"deed": "pay"}).status_code == 404
    assert DemoPayment.objects.get().state == "CREATED"


@pytest.mark.parametrize("name", ["wallet", "tariff_list", "tariff_new"])
def test_money_asks_who_you_are(client, db, name):
    assert client.get(reverse(f"billing:{name}")).status_code == 302


def test_a_view_behind_the_log_in_trusts_nobody(rf):
    request = rf.get("/wallet/")
    request.user = AnonymousUser()

    with pytest.raises(Http404):
        who(request)


def test_the_notification_nudges(client, driver, stub):
    wish = top_ups.begin(driver, 20_000)
    stub.move(wish.gateway_id, "PAID")

    answers = [client.get("/gopay/notification/", {"id": wish.gateway_id}) for _ in range(20)]

    assert {answer.status_code for answer in answers} == {200}
    assert {answer.content for answer in answers} == {b""}
    assert balance(driver, "cash") == 70_000
    assert sum(call.startswith("GET") for call in stub.calls) == 1


@pytest.mark.parametrize("gateway_id", ["", "3999999999", "abc", "1" * 21, "-5", "1 OR 1=1", "²", "<script>"])
def test_a_forged_notification_costs_nothing(client, driver, stub, gateway_id):
    assert client.get("/gopay/notification/", {"id": gateway_id}).status_code == 200
    assert client.post(f"/gopay/notification/?id={gateway_id}").status_code == 200
    assert client.head("/gopay/notification/").status_code == 200
    assert client.put("/gopay/notification/").status_code == 405
    assert stub.calls == []


def test_a_notification_during_an_outage_is_kept(client, driver, stub):
    wish = top_ups.begin(driver, 20_000)
    stub.move(wish.gateway_id, "PAID")
    stub.answers.append((503, {}))

    assert client.get("/gopay/notification/", {"id": wish.gateway_id}).status_code == 200

    top_ups.refresh_pending(now=timezone.now() + timedelta(seconds=30))
    assert balance(driver, "cash") == 70_000


def test_a_notification_that_cannot_be_kept_comes_again(client, driver, stub, monkeypatch):
    wish = top_ups.begin(driver, 20_000)
    monkeypatch.setattr(top_ups, "_apply", lambda *_args: (_ for _ in ()).throw(DatabaseError("gone")))
    client.raise_request_exception = False
    stub.move(wish.gateway_id, "PAID")

    assert client.get("/gopay/notification/", {"id": wish.gateway_id}).status_code >= 500


@pytest.fixture
def cdr(driver, owner):
    ledger.grant(driver, 5_000, reason="x")
    bill = make_bill(
        driver, owner, 34_170, meter_start_wh=4_812_360, meter_stop_wh=4_846_530, id_token_label="blue card", place_address="Nová 1, Opava"
    )
    return settlement.settle(bill)


def test_a_receipt_for_the_driver(page, cdr):
    shown = text(page.get(cdr.get_absolute_url()))

    for words in ("222.11 Kč", "4,812.36", "4,846.53", "34.17 kWh × 6.50 Kč", "from promo credit 50.00 Kč", "from the wallet 172.11 Kč"):
        assert words in shown
    for words in (cdr.number, "Pavel Novák", "blue card", "Nová 1, Opava"):
        assert words in shown
    assert "fee" not in shown


def test_a_receipt_for_the_owner(client, owner, cdr):
    client.force_login(owner)

    shown = text(client.get(cdr.get_absolute_url()))

    assert "the platform's fee 22.21 Kč" in shown
    assert "you get 199.90 Kč" in shown
    assert "blue card" not in shown
    assert "promo" not in shown


def test_a_receipt_for_nobody_else(client, stranger, staff, cdr):
    client.force_login(stranger)
    assert client.get(cdr.get_absolute_url()).status_code == 404
    assert client.get(f"/receipts/{cdr.number}.pdf").status_code == 404
    client.force_login(staff)
    assert client.get(cdr.get_absolute_url()).status_code == 200


def test_corrections_and_estimates_are_explained(page, driver, owner):
    bill = make_bill(driver, owner, is_estimated=True)
    cdr = settlement.settle(bill)
    corrected = settlement.correct(cdr, make_bill(driver, owner, 8_000, session_code=bill.session_code))
    empty = settlement.settle(make_bill(driver, owner, 5))

    assert corrected is not None
    first = text(page.get(cdr.get_absolute_url()))
    assert "Estimated" in first
    assert f"Corrected by {corrected.number}: −13.00 Kč" in first
    second = text(page.get(corrected.get_absolute_url()))
    assert "Given back" in second
    assert cdr.number in second
    assert "nothing is charged" in text(page.get(empty.get_absolute_url()))


@pytest.mark.parametrize("language", ["cs", "en"])
def test_a_receipt_on_paper(page, cdr, language):
    with translation.override(language):
        printed = receipts.pdf(cdr)
        assert paper.moment(cdr.started_at).startswith("20. 11. 2026" if language == "cs" else "20 Nov 2026")

    assert printed.startswith(b"%PDF")
    assert len(receipts.pdf(cdr, with_parts=False)) < len(printed)
    served = page.get(f"/receipts/{cdr.number}.pdf")
    assert served.headers["Content-Type"] == "application/pdf"
    assert cdr.number in served.headers["Content-Disposition"]


def test_a_credit_note_on_paper(driver, owner):
    bill = make_bill(driver, owner, is_estimated=True)
    corrected = settlement.correct(
        settlement.settle(bill), make_bill(driver, owner, 8_000, session_code=bill.session_code, is_estimated=True)
    )

    assert corrected is not None
    assert receipts.pdf(corrected).startswith(b"%PDF")


@pytest.mark.parametrize(("total", "agrees"), [("222.11", True), ("222,11", True), ("222.10", False), ("x", False), ("", False)])
def test_anybody_can_check_a_receipt(client, cdr, total, agrees):
    shown = text(client.get(f"/receipts/{cdr.number}/verify/", {"total": total}))

    assert ("Number and total agree." in shown) == agrees
    assert "Nováků" not in shown
    assert "Number and total do not agree" in text(client.get("/receipts/2026-0001-999999/verify/?total=222.11"))


def test_an_owner_keeps_tariffs(client, owner):
    client.force_login(owner)
    assert "No prices yet" in text(client.get("/owner/tariffs/"))
    typed = {
        "name": "Day and night",
        "price_per_kwh": "6,50",
        "session_fee": "5",
        "bands": "mon-fri 22:00-06:00 4,5\nsat,sun 22:00-06:00 4",
    }

    saved = client.post("/owner/tariffs/new/", typed)

    assert saved.status_code == 302
    tariff = Tariff.objects.get(owner=owner)
    assert tariff.current is not None
    assert len(tariff.current.bands) == 2
    form = client.get(f"/owner/tariffs/{tariff.pk}/").context["form"]
    assert form.initial["bands"] == "mon-fri 22:00-06:00 4.50\nsat,sun 22:00-06:00 4.00"
    client.post(f"/owner/tariffs/{tariff.pk}/", {**typed, "price_per_kwh": "7"})
    tariff.refresh_from_db()
    assert tariff.current is not None
    assert tariff.current.number == 2
    assert "7.00 Kč" in text(client.get("/owner/tariffs/"))
    assert client.post(f"/owner/tariffs/{tariff.pk}/delete/").status_code == 302
    assert client.get(f"/owner/tariffs/{tariff.pk}/").status_code == 404


def test_days_are_typed_and_shown_in_the_language_of_the_page(client, owner):
    client.force_login(owner)
    client.cookies["django_language"] = "cs"
    typed = {"name": "Noc", "price_per_kwh": "6,50", "bands": "po-pá 22:00-06:00 4,50\nso,NE 22:00-06:00 4\nut 10:00-12:00 3"}

    saved = client.post("/owner/tariffs/new/", typed)

    assert saved.status_code == 302
    tariff = Tariff.objects.get(owner=owner)
    form = client.get(f"/owner/tariffs/{tariff.pk}/").context["form"]
    assert form.initial["bands"] == "po-pá 22:00-06:00 4,50\nso,ne 22:00-06:00 4,00\nút 10:00-12:00 3,00"
    assert tariff.current is not None
    with translation.override("cs"):
        assert [str(band) for band in Prices.of(tariff.current).bands] == ["po–pá 22:00–06:00", "so, ne 22:00–06:00", "út 10:00–12:00"]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"name": ""}, "required"),
        ({"price_per_kwh": "cheap"}, "number from 0 to 100"),
        ({"price_per_kwh": "101"}, "number from 0 to 100"),
        ({"bands": "every night"}, "A line has days"),
        ({"bands": "mon-xyz 22:00-06:00 1"}, "Days are written"),
        ({"bands": "mon 22:00-06:00 x"}, "price of a band"),
        ({"bands": "mon 22:00-06:00 1\nmon 23:00-23:30 1"}, "overlap"),
    ],
)
def test_every_bad_price_gets_a_sentence(client, owner, typed, words):
    client.force_login(owner)

    refused = client.post("/owner/tariffs/new/", {"name": "Day", "price_per_kwh": "1", **typed})

    assert refused.status_code == 400
    assert words in text(refused)


def test_too_many_tariffs_on_a_page(client, owner, monkeypatch):
    client.force_login(owner)
    monkeypatch.setattr("billing.tariffs.TARIFFS_PER_OWNER", 1)
    make_tariff(owner)

    assert "up to 200 tariffs" in text(client.post("/owner/tariffs/new/", {"name": "Day"}))


def test_another_s_tariff_does_not_exist(client, driver, tariff):
    client.force_login(driver)

    assert client.get(f"/owner/tariffs/{tariff.pk}/").status_code == 404
    assert client.post(f"/owner/tariffs/{tariff.pk}/delete/").status_code == 404


def test_staff_read_everything_and_write_nothing(client, staff, driver, owner, cdr):
    give_credit(owner, 100)
    wish = top_ups.begin(driver, 1_000)
    TopUp.objects.filter(pk=wish.pk).update(status="review")
    make_tariff(owner)
    client.force_login(staff)
    tables = (
        "ledgeraccount",
        "ledgertransaction",
        "ledgerentry",
        "hold",
        "chargedetailrecord",
        "receiptseries",
        "topup",
        "demopayment",
        "tariff",
    )

    for table in tables:
        base = f"/admin/billing/{table}/"
        assert client.get(base).status_code == 200, table
        assert client.get(f"{base}add/").status_code in (403, 404), table
    assert client.get(f"/admin/billing/chargedetailrecord/{cdr.pk}/change/").status_code == 200
    assert client.get(f"/admin/billing/ledgertransaction/{LedgerTransaction.objects.latest('id').pk}/change/").status_code == 200
    assert client.post(f"/admin/billing/chargedetailrecord/{cdr.pk}/change/", {"total_minor": 1}).status_code in (403, 404)
    client.post("/admin/billing/topup/", {"action": "ask_again", "_selected_action": [wish.pk]})
    wish.refresh_from_db()
    assert wish.status == "pending"
