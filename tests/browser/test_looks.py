"""Every page there is: on a phone and on a desk, by day and by night, in Czech and in English, by eye, by ear and by keyboard."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.core import signing
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from billing import bank_accounts
from stations import stickers
from tests.browser import town
from tests.browser.conftest import DESKTOP, PHONE
from tests.browser.eyes import Eyes
from tests.browser.town import Town
from tests.factories import PASSWORD
from tests.serving import Served

Asking = dict[str, list[tuple[Any, ...]]]

# Addresses that are no pages: deeds, files, what programs read, and the steps of a log-in that only lead on.
NO_PAGES = {
    *("healthz", "readyz", "metrics", "manifest", "favicon", "service_worker", "set_language", "schema", "docs"),
    *("offline_pages", "stations:share"),
    *("account_confirm_login_code", "account_set_password", "mfa_authenticate", "mfa_reauthenticate", "mfa_download_recovery_codes"),
    *("accounts:vehicle_default", "accounts:vehicle_remove", "stations:session_vehicle"),
    *("accounts:card_block", "accounts:card_confirm", "accounts:card_remove", "accounts:inbox_read", "accounts:inbox_open"),
    *("accounts:device_add", "accounts:device_remove", "accounts:device_renewed"),
    *("billing:payout_cancel", "billing:payout_plan", "billing:bank_account_remove", "billing:bank_account_letter"),
    *("billing:earning_export", "billing:monthly_statement_export", "billing:tax_export"),
    *("billing:wallet_statement_file", "stations:session_export"),
    *("billing:gopay_notification", "billing:receipt_pdf", "billing:tariff_delete", "billing:auto_top_up_end"),
    *("billing:dispute_reply", "billing:dispute_withdraw"),
    *("ocpp_core:charger_upload", "ocpp_core:diagnostics_ask", "ocpp_core:diagnostics_download"),
    *("stations:reservation_calendar", "stations:reservation_approve", "stations:reservation_reject", "stations:waitlist_join"),
    *(
        "stations:waitlist_claim",
        "stations:waitlist_leave",
        "stations:favourite",
        "stations:filter_profile",
        "stations:review_reply",
        "stations:photo",
        "stations:photo_change",
        "stations:message_report",
        "stations:review_report",
        "stations:owner_closure_add",
        "stations:owner_closure_remove",
    ),
    *("stations:session_start", "stations:owner_ask", "stations:owner_publish", "stations:owner_pause", "stations:owner_new_password"),
    *("stations:problem_mended", "stations:problem_photo", "stations:owner_stickers_pdf", "stations:sticker_issue"),
    *("ocpp_core:security_ask",),
    *("ocpp_core:command_again", "ocpp_core:batch_ask", "ocpp_core:batch_interrupt", "ocpp_core:messages_export"),
    *("stations:circle_change", "stations:circle_answer"),
    *("stations:owner_invite", "stations:owner_uninvite", "stations:register_place", "stations:register_make"),
}


def of_everybody(people: Town) -> Asking:
    """What one sees before one has logged in."""
    cdr = people.sessions["paid"].cdr
    assert cdr is not None
    return {
        "account_login": [()],
        "account_signup": [()],
        "account_inactive": [()],
        "account_email_verification_sent": [()],
        "account_confirm_email": [("nonsense",)],
        "account_reset_password": [()],
        "account_reset_password_done": [()],
        "account_reset_password_from_key": [("1", "nonsense")],
        "account_reset_password_from_key_done": [()],
        "offline": [()],
        "stations:map": [()],
        "stations:charge_point_detail": [(people.neighbour.code,)],
        "stations:connector_qr": [(people.neighbour.code, 1)],
        "stations:prepay": [(people.neighbour.code, 1)],
        "billing:receipt_verify": [(cdr.number,)],
        "stations:sticker": [(stickers.of(people.neighbour.connectors.get(number=1)).short,)],
    }


def of_mine(people: Town) -> Asking:
    """What one sees afterwards, as a driver and as an owner."""
    cards = [(pk,) for pk in people.me.id_tokens.values_list("pk", flat=True)[:1]]
    receipts = [(session.cdr.number,) for session in people.sessions.values() if session.cdr]
    receipts += [
        (correction.number,) for session in people.sessions.values() if session.cdr for correction in session.cdr.corrections.all()
    ]
    mine = [(people.home.code,), (people.spare.code,)]
    return {
        "account_logout": [()],
        "account_reauthenticate": [()],
        "account_email": [()],
        "account_change_password": [()],
        "mfa_index": [()],
        "mfa_activate_totp": [()],
        "usersessions_list": [()],
        "accounts:profile": [()],
        "accounts:id_tokens": [()],
        "accounts:card_edit": cards,
        "accounts:vehicle_list": [()],
        "accounts:vehicle_new": [()],
        "accounts:vehicle_edit": [(code,) for code in people.me.vehicles.values_list("code", flat=True)[:1]],
        "accounts:notifications": [()],
        "accounts:privacy": [()],
        "accounts:inbox_settings": [()],
        "accounts:close": [()],
        "billing:wallet": [()],
        "billing:wallet_statement": [(f"{timezone.localdate():%Y-%m}",)],
        "billing:auto_top_up": [()],
        "billing:refund": [()],
        "billing:disputes": [()],
        "billing:dispute": [(dispute.code,) for dispute in people.disputes],
        "stations:dispute_open": [(people.sessions["paid"].code,)],
        "stations:prepaid_start": [(start.code,) for start in people.prepaid],
        "billing:top_up_return": [(top_up.code,) for top_up in people.top_ups.values()],
        "billing:demo_gateway": [(top_up.gateway_id,) for top_up in people.top_ups.values()][:2],
        "billing:receipt": receipts,
        "billing:tariff_list": [()],
        "billing:tariff_new": [()],
        "billing:payouts": [()],
        "billing:bank_account": [()],
        "billing:bank_account_confirm": [
            (signing.dumps(account.pk, salt=bank_accounts.SALT),) for account in people.me.bank_accounts.all()
        ],
        "billing:earnings": [()],
        "billing:monthly_statement": [(f"{timezone.localdate():%Y-%m}",)],
        "billing:taxes": [()],
        "billing:seller_data": [()],
        "billing:tariff_edit": [(people.me.tariffs.order_by("pk")[0].pk,)],
        "stations:map": [()],
        "stations:charge_point_detail": [(people.neighbour.code,), (people.home.code,)],
        "stations:connector_qr": [(people.neighbour.code, 1)],
        "stations:session_list": [()],
        "stations:driver_statistics": [()],
        "stations:session_detail": [(session.code,) for session in people.sessions.values()],
        "stations:book": [(people.neighbour.code,), (people.home.code,)],
        "stations:reservation_list": [()],
        "stations:reservation_detail": [(booking.code,) for booking in people.reservations.values()],
        "stations:reservation_cancel": [(people.reservations["booked"].code,)],
        "stations:reservation_change": [(people.reservations["booked"].code,)],
        "stations:favourites": [()],
        "stations:filter_profiles": [()],
        "stations:filter_profile_new": [()],
        "stations:areas": [()],
        "stations:area_new": [()],
        "stations:area": [(alert.code,) for alert in people.me.area_alerts.all()],
        "stations:session_messages": [(people.sessions["paid"].code,)],
        "stations:reservation_messages": [(people.reservations["booked"].code,)],
        "stations:review": [(people.sessions[name].code,) for name in ("paid", "hosted")],
        "stations:threads": [()],
        "stations:reviews": [(people.neighbour.code,), (people.home.code,), (people.spare.code,)],
        "stations:session_problem": [(people.sessions[name].code,) for name in ("paid", "active")],
        "stations:reservation_problem": [(people.reservations["booked"].code,)],
        "stations:session_limits": [(people.sessions["active"].code,)],
        "stations:owner_problems": mine,
        "stations:owner_stickers": mine,
        "stations:waitlist_place": [(place.code,) for place in people.waiting],
        "stations:owner_booking_rules": mine,
        "stations:owner_photos": mine,
        "stations:owner_arrival": [(people.home.code,)],
        "stations:owner_reservations": [()],
        "stations:session_stop": [(people.sessions["active"].code,)],
        "stations:circles": [()],
        "stations:circle": [(pk,) for pk in people.me.circles.values_list("pk", flat=True)],
        "stations:my_circles": [()],
        "stations:circle_join": [(link,) for link in people.links],
        "stations:owner": [()],
        "stations:owner_charge_points": [()],
        "stations:owner_sessions": [()],
        "stations:register": [()],
        "stations:owner_charge_point": mine,
        "stations:owner_edit": [(people.home.code,)],
        "stations:owner_connector": [(people.home.code, 1)],
        "stations:owner_retire": [(people.home.code,)],
        "stations:pair_card": [()],
        "stations:pair_card_wait": [(pk,) for pk in people.pairings],
        "ocpp_core:connection": mine,
        "ocpp_core:messages": mine,
        "ocpp_core:configuration": mine,
        "ocpp_core:firmware": mine,
        "ocpp_core:charging_profiles": mine,
        "ocpp_core:local_list": mine,
        "ocpp_core:security": mine,
        "ocpp_core:deviations": mine,
        "ocpp_core:console": mine,
        "ocpp_core:ask": [(people.home.code, action) for action in ("SetChargingProfile", "GetConfiguration", "Reset")],
        "ocpp_core:command": [(people.home.code, pk) for pk in people.home.commands.values_list("pk", flat=True)[:2]],
        "ocpp_core:batches": [()],
        "ocpp_core:batch_new": [()],
        "ocpp_core:batch": [(code,) for code in people.me.command_batches.values_list("code", flat=True)],
    }


def walked_all_over(people: Town) -> list[str]:
    """Where a driver's way leads: there the keyboard goes everywhere, on a phone as on a desk."""
    code = people.neighbour.code
    steps: list[tuple[str, tuple[Any, ...]]] = [
        ("stations:map", ()),
        ("stations:charge_point_detail", (code,)),
        ("stations:connector_qr", (code, 1)),
        ("stations:book", (code,)),
        ("stations:reservation_detail", (people.reservations["booked"].code,)),
        ("stations:session_detail", (people.sessions["active"].code,)),
        ("billing:wallet", ()),
    ]
    return [reverse(name, args=args) for name, args in steps]


GUARDED: Asking = {"mfa_deactivate_totp": [()], "mfa_view_recovery_codes": [()], "mfa_generate_recovery_codes": [()], "mfa_index": [()]}


@pytest.fixture
def live(serve_process: Callable[..., Served]) -> Served:
    """Chargers that nobody speaks for stay online while they are looked at."""
    return serve_process(OFFLINE_AFTER_S="3600", HOUSEKEEPING="False")


@pytest.fixture
def people(transactional_db: None) -> Town:
    return town.build()


@pytest.fixture
def pairs_of_eyes(people: Town, browser: Browser, live: Served) -> Iterator[list[Eyes]]:
    """Every page is opened twice: in English by day on a desk, in Czech by night on a phone; and turned over each time."""
    both = [
        Eyes(browser, live, language="en", size=DESKTOP, scheme="light"),
        Eyes(browser, live, language="cs", size=PHONE, scheme="dark"),
    ]
    yield both
    for eyes in both:
        eyes.context.close()


def addresses(asking: Asking) -> list[str]:
    return [reverse(name, args=args) for name, several in asking.items() for args in several]


def test_every_page_is_looked_at(people: Town) -> None:
    looked_at = {*of_everybody(people), *of_mine(people), *GUARDED}
    named = set(_names(get_resolver()))
    assert named - looked_at - NO_PAGES == set()
    assert (looked_at | NO_PAGES) - named == set()


def _names(resolver: Any, space: str = "", prefix: str = "") -> Iterator[str]:
    for one in resolver.url_patterns:
        path = prefix + str(one.pattern)
        if path.startswith(("api/v1/", "admin/")):
            continue
        if isinstance(one, URLResolver):
            yield from _names(one, f"{space}{one.namespace}:" if one.namespace else space, path)
        elif isinstance(one, URLPattern) and one.name:
            yield space + one.name


def test_pages_of_everybody(people: Town, aside: Callable[[Callable[[], Any]], Any], pairs_of_eyes: list[Eyes]) -> None:
    paths = aside(lambda: addresses(of_everybody(people)))
    for eyes in pairs_of_eyes:
        for path in paths:
            eyes.look_at(path)
    wrong = [what for eyes in pairs_of_eyes for what in eyes.wrong]
    assert not wrong, "\n".join(wrong)


def test_my_pages(people: Town, aside: Callable[[Callable[[], Any]], Any], pairs_of_eyes: list[Eyes]) -> None:
    paths = aside(lambda: addresses(of_mine(people)))
    everywhere = aside(lambda: walked_all_over(people))
    for eyes in pairs_of_eyes:
        eyes.log_in(people.me.email)
        for path in paths:
            eyes.look_at(path, everywhere=everywhere)
    for eyes in pairs_of_eyes:
        eyes.prove_it_is_her()
    aside(lambda: town.guard(people.me))
    for eyes in pairs_of_eyes:
        for path in addresses(GUARDED):
            eyes.look_at(path)
    wrong = [what for eyes in pairs_of_eyes for what in eyes.wrong]
    assert not wrong, "\n".join(wrong)


def test_staff_pages_work_under_the_strict_policy(people: Town, aside: Callable[[Callable[[], Any]], Any], page: Page) -> None:
    """Django draws them; here only what the browser complains about counts."""
    page.goto(reverse("admin:index"))
    page.locator("input[name=login]").fill(people.staff.email)
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("main button[type=submit]").click()
    expect(page.locator("#site-name")).to_be_visible()
    for path in aside(_staff_pages):
        answer = page.goto(path)
        assert answer is not None
        assert answer.status == 200, path


def _staff_pages() -> list[str]:
    """Every list, and the first row of each."""
    paths = []
    for model in admin.site._registry:
        names = (model._meta.app_label, model._meta.model_name)
        paths.append(reverse("admin:{}_{}_changelist".format(*names)))
        row = model._default_manager.order_by("pk").first()
        if row is not None:
            paths.append(reverse("admin:{}_{}_change".format(*names), args=[row.pk]))
    return paths
