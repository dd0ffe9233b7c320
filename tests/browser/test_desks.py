"""The desks of staff in a real browser: a case and a dispute are settled by a click, the books are proved, and all of it looks right."""

from collections.abc import Callable
from typing import Any, Literal

import pytest
from django.urls import reverse
from playwright.sync_api import Browser, BrowserContext, Page, expect

from accounts.models import User
from billing import audit, disputes
from billing.models import Dispute
from stations.models import ChargePoint, ChargingSession, MeterCase
from tests import factories
from tests.browser.conftest import DESKTOP, PHONE
from tests.browser.eyes import LOOKING
from tests.serving import Served
from tests.stations.acting import HOUR, MINUTE, NOON, begin, go_online, reading, session_of, stop

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
Aside = Callable[[Callable[[], Any]], Any]


@pytest.fixture
def live(serve_process: Callable[..., Served]) -> Served:
    """Nothing is decided by itself meanwhile."""
    return serve_process(HOUSEKEEPING="False")


@pytest.fixture
def clerk(staff: User) -> User:
    """Somebody of staff who reads English."""
    staff.language = "en"
    staff.save()
    return staff


@pytest.fixture
def case(charge_point: ChargePoint, driver: User) -> MeterCase:
    """3 kWh one can believe, 84 kWh the meter claims."""
    go_online(charge_point)
    started = begin(charge_point, factories.make_id_token(driver).uid)
    stop(charge_point, started.transaction_id, meter=85_000, at=NOON + 40 * MINUTE, readings=[reading(30, 3000), reading(31, 84_000)])
    found: MeterCase = session_of(started).meter_cases.get()
    return found


@pytest.fixture
def dispute(charge_point: ChargePoint, driver: User) -> Dispute:
    """A complaint about 13 Kč."""
    go_online(charge_point)
    started = begin(charge_point, factories.make_id_token(driver).uid, at=NOON + 2 * HOUR)
    stop(charge_point, started.transaction_id, meter=3000, at=NOON + 3 * HOUR)
    cdr = session_of(started).cdr
    assert cdr is not None
    return disputes.open_dispute(driver, cdr, reason="too_much", text="The car took less.", amount_minor=650, evidence={})


def test_a_case_is_settled_by_a_click(
    case: MeterCase, clerk: User, context: BrowserContext, log_in: Callable[[BrowserContext, User], None], page: Page, aside: Aside
) -> None:
    log_in(context, clerk)
    page.goto(reverse("admin:stations_review_desk"))
    page.get_by_role("link", name=case.session.charge_point.name).click()
    expect(page.get_by_text("impossible, at most 0.40")).to_be_visible()
    page.get_by_role("radio", name="Reported energy").check()
    expect(page.get_by_role("button", name="Charge 546.00 Kč")).to_be_visible()
    page.get_by_role("radio", name="Plausible energy").check()
    page.get_by_label("Reason, both sides read it").fill("The meter leapt by 81 kWh in a minute.")
    page.get_by_label("Ask the owner to have the meter looked at").check()
    page.get_by_role("button", name="Charge 19.50 Kč").click()

    expect(page.get_by_text("Settled. Both sides were told why.")).to_be_visible()
    expect(page.get_by_text("The meter leapt by 81 kWh in a minute.")).to_be_visible()
    settled = aside(lambda: ChargingSession.objects.select_related("cdr").get())
    assert (settled.status, settled.cdr.total_minor) == ("COMPLETED", 1_950)
    assert aside(audit.check) == []


def test_a_dispute_is_decided_and_the_books_are_proved(
    dispute: Dispute, clerk: User, context: BrowserContext, log_in: Callable[[BrowserContext, User], None], page: Page, aside: Aside
) -> None:
    log_in(context, clerk)
    page.goto(reverse("admin:billing_dispute_desk"))
    page.get_by_role("link", name="more was charged than the car took").click()
    expect(page.get_by_text("The car took less.")).to_be_visible()
    expect(page.get_by_label("Amount", exact=True)).to_have_value("6.50")
    page.get_by_role("radio", name="All of it goes back").check()
    page.get_by_label("Reason, both sides read it").fill("Nothing arrived.")
    page.get_by_role("button", name="Return 13.00 Kč").click()

    expect(page.get_by_text("13.00 Kč goes back to the driver.")).to_be_visible()
    assert aside(lambda: Dispute.objects.get().returned_minor) == 1_300
    page.get_by_role("link", name="Proof").click()
    page.get_by_role("button", name="Prove now").click()
    expect(page.get_by_text("The books balance.").first).to_be_visible()


@pytest.mark.parametrize(("language", "size"), [("en", DESKTOP), ("cs", PHONE)])
def test_the_desks_look_right(
    case: MeterCase,
    dispute: Dispute,
    clerk: User,
    browser: Browser,
    live: Served,
    log_in: Callable[[BrowserContext, User], None],
    language: str,
    size: dict[str, int],
) -> None:
    context = browser.new_context(base_url=live.url, locale=language, viewport=size, reduced_motion="reduce")  # type: ignore[arg-type]
    log_in(context, clerk)
    context.add_cookies([{"name": "django_language", "value": language, "url": live.url}])
    page, wrong = context.new_page(), []
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    pages: dict[str, list[Any]] = {
        "stations_review_desk": [],
        "stations_review_case": [case.pk],
        "billing_dispute_desk": [],
        "billing_proof": [],
    }
    for name, words in {**pages, "billing_dispute_case": [dispute.code], "billing_payout_desk": []}.items():
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            answer = page.goto(reverse(f"admin:{name}", args=words))
            assert answer is not None
            assert answer.ok, name
            wrong += [f"{name} ({language}, {scheme}): {what}" for what in page.evaluate(LOOKING, None)]
    context.close()
    assert not wrong, "\n".join(wrong)
