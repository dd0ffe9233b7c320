"""The notification centre, its settings, and the same for programs."""

from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client
from rest_framework.test import APIClient

from accounts import devices, logins, notifications, push_services, ways
from accounts.models import Notification, PushSubscription, User
from accounts.ways import Kind
from tests.push_stub import Device

API = "/api/v1/notifications"
INBOX = "/accounts/inbox/"
SETTINGS = "/accounts/inbox/settings/"
KEY = push_services.create_key()


@pytest.fixture
def browser(client: Client, driver: User) -> Client:
    """The driver, logged in, in English."""
    driver.language = "en"
    driver.save()
    client.force_login(driver)
    client.cookies["django_language"] = "en"
    return client


@pytest.fixture
def offered(settings: LazySettings) -> None:
    """Pushes are offered, and one made-up service is known."""
    settings.VAPID_PRIVATE_KEY = KEY
    settings.PUSH_HOSTS = ["*.push.example"]


def device() -> Device:
    return Device("https://eu.push.example")


def titles(page: Any) -> list[str]:
    return [item["row"].kind for item in page.context["news"]]


def test_one_looks_at_a_group_or_at_what_is_unread(browser: Client, driver: User) -> None:
    paid, started, chat = (notifications.notify(driver, kind) for kind in (Kind.TOP_UP_PAID, Kind.SESSION_STARTED, Kind.MESSAGE_RECEIVED))
    Notification.objects.filter(pk=started.pk).update(read_at=started.created_at)

    assert titles(browser.get(INBOX)) == [chat.kind, started.kind, paid.kind]
    assert titles(browser.get(INBOX, {"unread": "1"})) == [chat.kind, paid.kind]
    page = browser.get(INBOX, {"group": "money"})
    assert titles(page) == [paid.kind]
    assert page.context["unread"] == 1
    assert titles(browser.get(INBOX, {"group": "charging", "unread": "1"})) == []
    assert titles(browser.get(INBOX, {"group": "nonsense", "page": "x"})) == [chat.kind, started.kind, paid.kind]
    assert "Operation" not in browser.get(INBOX).content.decode()


def test_one_marks_one_or_a_group_or_all_as_read(browser: Client, driver: User, stranger: User) -> None:
    rows = [notifications.notify(driver, kind) for kind in (Kind.TOP_UP_PAID, Kind.SESSION_STARTED, Kind.CREDIT_LOW, Kind.EARNED)]
    foreign = notifications.notify(stranger, Kind.TOP_UP_PAID)

    def unread() -> list[int]:
        return list(Notification.objects.filter(read_at=None).order_by("pk").values_list("pk", flat=True))

    for nonsense in ("x", "-1", "9" * 30, str(foreign.pk)):
        browser.post(f"{INBOX}read/", {"id": nonsense})
    assert unread() == [*(row.pk for row in rows), foreign.pk]
    answer = browser.post(f"{INBOX}read/", {"id": rows[0].pk}, headers={"referer": f"http://testserver{INBOX}?group=money"})
    assert answer["Location"] == f"{INBOX}?group=money"
    assert unread() == [row.pk for row in rows[1:]] + [foreign.pk]
    browser.post(f"{INBOX}read/", {"group": "money"})
    assert unread() == [rows[1].pk, rows[3].pk, foreign.pk]
    assert browser.post(f"{INBOX}read/")["Location"] == INBOX
    assert unread() == [foreign.pk]


def test_the_settings_without_a_key_offer_no_push(browser: Client) -> None:
    page = browser.get(SETTINGS).content.decode()

    assert "push.js" not in page
    assert "data-push" not in page
    assert 'name="charging-email"' in page
    assert 'name="charging-push"' not in page
    assert browser.post(f"{SETTINGS}devices/", {"endpoint": "https://evil.example/"}).status_code == 302
    assert not PushSubscription.objects.exists()


@pytest.mark.usefixtures("offered")
def test_what_is_ticked_is_kept(browser: Client, driver: User) -> None:
    assert f'data-push="{push_services.public_key()}"' in browser.get(SETTINGS).content.decode()

    chosen = {"charging-push": "on", "money-email": "on", "quiet_from": "22:00", "quiet_to": "06:30", "time_zone": "Europe/Lisbon"}
    assert browser.post(SETTINGS, chosen).status_code == 302

    wishes = ways.of(driver)
    assert (wishes.by_push(Kind.SESSION_STARTED), wishes.by_email(Kind.SESSION_STARTED)) == (True, False)
    assert (wishes.by_push(Kind.TOP_UP_PAID), wishes.by_email(Kind.TOP_UP_PAID)) == (False, True)
    assert wishes.by_email(Kind.ACCOUNT_CHANGED)
    assert f"{wishes.quiet_from:%H:%M} {wishes.quiet_to:%H:%M} {wishes.time_zone}" == "22:00 06:30 Europe/Lisbon"
    page = browser.get(SETTINGS).content.decode()
    assert 'value="22:00"' in page
    assert 'value="Europe/Lisbon" selected' in page


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"quiet_from": "22:00"}, "need a beginning and an end"),
        ({"quiet_from": "22:00", "quiet_to": "22:00"}, "never be over"),
        ({"quiet_from": "25:00", "quiet_to": "6:00"}, "Enter a valid time"),
        ({"time_zone": "Mars/Olympus"}, "not one of the available choices"),
    ],
)
def test_the_settings_refuse_in_one_sentence(browser: Client, driver: User, said: dict[str, str], sentence: str) -> None:
    answer = browser.post(SETTINGS, {"time_zone": "Europe/Prague", **said})

    assert answer.status_code == 400
    assert sentence in answer.content.decode()
    assert ways.of(driver) == ways.Wishes()


@pytest.mark.usefixtures("offered")
def test_an_address_of_somebodys_own_is_refused_on_the_page(browser: Client) -> None:
    answer = browser.post(f"{SETTINGS}devices/", {"endpoint": "https://169.254.169.254/", **device().keys}, follow=True)

    assert not PushSubscription.objects.exists()
    assert "Something in the form is not right" in answer.content.decode()


@pytest.mark.usefixtures("offered")
def test_a_device_is_turned_off_by_its_owner_alone(browser: Client, driver: User, stranger: User) -> None:
    browser.post(f"{SETTINGS}devices/", {"endpoint": device().endpoint, **device().keys})
    mine = PushSubscription.objects.get()
    foreign = device().join(stranger)
    page = browser.get(SETTINGS).content.decode()
    assert "this one" in page
    assert mine.endpoint not in page

    assert browser.post(f"{SETTINGS}devices/{foreign.code}/remove/").status_code == 404
    assert browser.post(f"{SETTINGS}devices/{mine.code}/remove/").status_code == 302
    assert PushSubscription.objects.get() == foreign


@pytest.fixture
def program(driver: User) -> APIClient:
    """A program that is logged in as the driver."""
    return _program(driver)


def _program(user: User) -> APIClient:
    access, _refresh = logins.begin_chain(user)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {access}")
    return client


def test_programs_choose_as_well(program: APIClient, driver: User) -> None:
    said = program.get(f"{API}/preferences/").json()
    assert said["ways"]["charging"] == {"email": True, "push": True}
    assert (said["quiet_from"], said["quiet_to"], said["time_zone"], said["push_key"]) == (None, None, "Europe/Prague", "")
    assert "operation" not in said["ways"]

    changes = {"ways": {"money": {"push": False}}, "quiet_from": "22:00", "quiet_to": "07:00:00"}
    said = program.patch(f"{API}/preferences/", changes, format="json").json()

    assert said["ways"]["money"] == {"email": True, "push": False}
    assert (said["quiet_from"], said["quiet_to"]) == ("22:00:00", "07:00:00")
    assert program.get(f"{API}/preferences/").json() == said
    assert ways.of(driver).by_push(Kind.TOP_UP_PAID) is False


@pytest.mark.parametrize(
    "changes",
    [
        {"ways": []},
        {"ways": {"money": True}},
        {"ways": {"money": {"push": "perhaps"}}},
        {"quiet_from": "22:00"},
        {"quiet_from": "late", "quiet_to": "06:00"},
        {"time_zone": "Mars/Olympus"},
        {"time_zone": None},
        [],
    ],
)
def test_programs_are_refused_what_makes_no_sense(program: APIClient, driver: User, changes: Any) -> None:
    assert program.patch(f"{API}/preferences/", changes, format="json").status_code == 400
    assert ways.of(driver) == ways.Wishes()


@pytest.mark.usefixtures("offered")
def test_programs_hand_in_devices(program: APIClient, driver: User, stranger: User) -> None:
    its = device()
    said = {"endpoint": its.endpoint, "keys": its.keys, "name": "Kitchen tablet"}

    made = program.post(f"{API}/push-subscriptions/", said, format="json")
    again = program.post(f"{API}/push-subscriptions/", said, format="json")

    assert (made.status_code, again.status_code) == (201, 201)
    assert made.json()["code"] == again.json()["code"]
    assert set(made.json()) == {"code", "name", "created_at", "used_at"}
    assert program.get(f"{API}/push-subscriptions/").json()["count"] == 1
    assert len(devices.of([driver.pk])[driver.pk]) == 1
    path = f"{API}/push-subscriptions/{made.json()['code']}/"
    for method in ("get", "delete"):
        assert getattr(_program(stranger), method)(path).status_code == 404
        assert getattr(program, method)(f"{API}/push-subscriptions/nonsense/").status_code == 404
    assert program.get(path).json()["name"] == "Kitchen tablet"
    assert program.delete(path).status_code == 204
    assert not PushSubscription.objects.exists()


@pytest.mark.usefixtures("offered")
@pytest.mark.parametrize(
    "changes",
    [
        {"endpoint": "https://127.0.0.1/x"},
        {"endpoint": ""},
        {"endpoint": "https://eu.push.example/" + "x" * 1000},
        {"keys": {"p256dh": "x", "auth": "y"}},
        {"keys": []},
        {"keys": None},
        {"name": "x" * 201},
    ],
)
def test_programs_are_refused_devices_that_are_none(program: APIClient, changes: dict[str, Any]) -> None:
    its = device()

    answer = program.post(f"{API}/push-subscriptions/", {"endpoint": its.endpoint, "keys": its.keys, **changes}, format="json")

    assert answer.status_code == 400
    assert answer.json()["fields"]
    assert not PushSubscription.objects.exists()


def test_without_a_key_there_is_nothing_to_hand_in(program: APIClient) -> None:
    its = device()

    answer = program.post(f"{API}/push-subscriptions/", {"endpoint": its.endpoint, "keys": its.keys}, format="json")

    assert answer.status_code == 404


@pytest.mark.parametrize("path", ["preferences/", "push-subscriptions/"])
def test_strangers_to_the_site_see_nothing(path: str, db: None) -> None:
    assert APIClient().get(f"{API}/{path}").status_code == 401
