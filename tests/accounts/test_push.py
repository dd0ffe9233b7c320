"""Web push against a push service over real HTTPS: what arrives, what does not, and what is never asked."""

import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import http_ece
import pytest
from django.conf import LazySettings
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts import closing, devices, logins, notifications, push, push_services, ways
from accounts.models import Notification, NotificationPreferences, Push, PushSubscription, User
from accounts.ways import Kind
from chargeshare import tally
from chargeshare.errors import Invalid
from tests import factories
from tests.accounts.test_notifications import example
from tests.meeting import meeting, one_waits_for_the_other
from tests.push_stub import Device, PushStub, push_service

KEY = push_services.create_key()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PushStub]:
    """The push service of this module, whose certificate is believed."""
    with push_service(tmp_path_factory.mktemp("push")) as (stub, certificate), pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(certificate))
        yield stub


@pytest.fixture
def stub(service: PushStub, settings: LazySettings) -> PushStub:
    """The push service with nothing in it, known by the settings."""
    service.taken.clear()
    service.answers.clear()
    settings.PUSH_HOSTS = [service.host]
    settings.VAPID_PRIVATE_KEY = KEY
    settings.VAPID_CONTACT = "mailto:push@example.com"
    tally.pushes.clear()
    return service


@pytest.fixture
def phone(stub: PushStub, driver: User) -> Device:
    """A device of the driver's."""
    device = stub.device()
    device.join(driver)
    return device


def send(after: timedelta = timedelta(0)) -> int:
    return push.send_due(now=timezone.now() + after)


def test_what_arrives_is_for_this_device_alone_and_signed_by_us(stub: PushStub, phone: Device, driver: User) -> None:
    row = notifications.notify(driver, Kind.SESSION_FINISHED, url="/sessions/1/", place="U Nováků", energy_wh=14_200)

    assert [send(), send()] == [1, 0]

    [(path, headers, body)] = stub.taken
    assert path == phone.path
    assert "Nov" not in body.decode(errors="replace")
    [said] = stub.told(phone)
    assert said == push.message(row)
    assert said["url"] == "/sessions/1/"
    assert "U Nováků" in said["title"] + said["body"]
    with pytest.raises(http_ece.ECEException):
        stub.device().opened(body)
    assert headers["Content-Encoding"] == "aes128gcm"
    assert (headers["TTL"], headers["Urgency"], headers["Topic"]) == (headers["TTL"], "normal", f"news-{row.pk}")
    assert 0 < int(headers["TTL"]) <= 86_400
    claims = stub.claims(headers)
    assert claims["sub"] == "mailto:push@example.com"
    assert 0 < claims["exp"] - timezone.now().timestamp() <= 86_400
    row.refresh_from_db()
    assert row.pushed_at is not None
    assert not Push.objects.exists()
    assert tally.pushes == {"sent": 1}


def test_all_devices_of_hers_and_nobody_elses(stub: PushStub, phone: Device, driver: User, stranger: User) -> None:
    tablet, foreign = stub.device(), stub.device()
    tablet.join(driver)
    foreign.join(stranger)
    notifications.notify(driver, Kind.SESSION_FAILED)

    assert send() == 2
    assert (len(stub.told(phone)), len(stub.told(tablet)), len(stub.told(foreign))) == (1, 1, 0)
    assert {headers["Urgency"] for _path, headers, _body in stub.taken} == {"high"}


@pytest.mark.parametrize("kind", Kind.values)
def test_every_kind_fits_and_says_no_more_than_its_line_in_the_inbox(kind: str, driver: User) -> None:
    row = example(driver, kind)
    said = push.message(row)

    assert set(said) == {"title", "body", "url", "tag", "lang", "whose"}
    assert said["title"]
    assert len(str(said).encode()) < push_services.LONGEST


def test_words_without_an_end_are_cut(driver: User) -> None:
    row = notifications.notify(driver, Kind.CHARGER_ALERT, url="//evil.example/", place="č" * 2000, reason="ř" * 2000)
    said = push.message(row)

    assert len(said["title"]) <= push.LONGEST_TITLE
    assert len(said["body"]) <= push.LONGEST_TEXT
    assert said["url"] == ""


@pytest.mark.parametrize(
    ("status", "outcome", "devices_left", "pushes_left"),
    [(200, "sent", 1, 0), (404, "gone", 0, 0), (410, "gone", 0, 0), (413, "refused", 1, 0), (403, "refused", 1, 0), (500, "busy", 1, 1)],
)
def test_what_the_service_says_is_heeded(
    stub: PushStub, phone: Device, driver: User, status: int, outcome: str, devices_left: int, pushes_left: int
) -> None:
    stub.answers[phone.path] = (status, {})
    notifications.notify(driver, Kind.TOP_UP_PAID)

    send()

    assert tally.pushes == {outcome: 1}
    assert (PushSubscription.objects.count(), Push.objects.count()) == (devices_left, pushes_left)


def test_no_redirect_is_followed(stub: PushStub, phone: Device, driver: User) -> None:
    stub.answers[phone.path] = (307, {"Location": f"{stub.origin}/elsewhere"})
    notifications.notify(driver, Kind.TOP_UP_PAID)

    assert send() == 0
    assert [path for path, _headers, _body in stub.taken] == [phone.path]


def test_a_busy_service_is_asked_again_when_it_says(stub: PushStub, phone: Device, driver: User) -> None:
    stub.answers[phone.path] = (429, {"Retry-After": "600"})
    notifications.notify(driver, Kind.TOP_UP_PAID)
    assert send() == 0
    stub.answers.clear()

    assert send(timedelta(minutes=9)) == 0
    assert send(timedelta(minutes=11)) == 1


def test_a_service_that_stays_busy_is_left_in_peace(stub: PushStub, phone: Device, driver: User) -> None:
    stub.answers[phone.path] = (503, {})
    notifications.notify(driver, Kind.TOP_UP_PAID)
    for minutes in range(0, 120, 10):
        send(timedelta(minutes=minutes))

    assert len(stub.taken) == push.ATTEMPTS
    assert not Push.objects.exists()


def test_a_service_that_does_not_answer_keeps_nobody_elses_waiting(
    stub: PushStub, phone: Device, driver: User, settings: LazySettings
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        away = f"localhost:{closed.getsockname()[1]}"
        settings.PUSH_HOSTS = [stub.host, away]
        others = [Device(f"https://{away}") for _ in range(3)]
        for device in others:
            device.join(driver)
        PushSubscription.objects.exclude(endpoint=phone.endpoint).update(used_at=timezone.now() + timedelta(hours=1))
        notifications.notify(driver, Kind.TOP_UP_PAID)

        assert send() == 1
    assert tally.pushes == {"sent": 1, "away": 1}
    assert Push.objects.filter(after__gt=timezone.now()).count() == 3


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://fcm.googleapis.com/fcm/send/1",
        "https://127.0.0.1/latest/meta-data/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::1]/x",
        "https://fcm.googleapis.com.evil.example/x",
        "https://evil.example/fcm.googleapis.com/",
        "https://fcm.googleapis.com@evil.example/x",
        "https://user:pass@fcm.googleapis.com/x",
        "https://fcm.googleapis.com:8443/x",
        "https://fcm.googleapis.com:99999/x",
        "https://push.services.mozilla.com/x",  # the pattern asks for a name before it
        "https://evilpush.apple.com.example/x",
        "https://fcm.googleapis.com\\@evil.example/x",
        "https://fcm.googleapis.com/x\r\nHost: evil.example",
        "https://fcm.googleapis.com/x y",
        "https://fcm.googleapis.com",
        "ftp://fcm.googleapis.com/x",
        "//fcm.googleapis.com/x",
        "https://fcm.googleapis.com/" + "x" * 1000,
        "https://fcm.googleapis.ćom/x",
        "",
    ],
)
def test_an_address_that_is_no_push_service_is_refused(driver: User, endpoint: str) -> None:
    keys = Device("https://fcm.googleapis.com").keys

    with pytest.raises(Invalid) as refused:
        devices.add(driver, endpoint=endpoint, **keys)

    assert list(refused.value.fields) == ["endpoint"]
    assert not PushSubscription.objects.exists()


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://fcm.googleapis.com/fcm/send/abc:APA91b-_x",
        "https://FCM.googleapis.com:443/wp/x",
        "https://updates.push.services.mozilla.com/wpush/v2/gAAA==",
        "https://wns2-par02p.notify.windows.com/w/?token=BQY%2fx%3d",
        "https://web.push.apple.com/QJ-x",
    ],
)
def test_the_services_of_the_browsers_are_known(endpoint: str) -> None:
    assert devices.is_known_service(endpoint)


@pytest.mark.parametrize(
    ("keys", "wrong"),
    [
        ({"p256dh": ""}, "p256dh"),
        ({"p256dh": "BBBB"}, "p256dh"),
        ({"p256dh": "B" * 87}, "p256dh"),
        ({"p256dh": "%%%"}, "p256dh"),
        ({"auth": ""}, "auth"),
        ({"auth": "ž"}, "auth"),
        ({"auth": "A"}, "auth"),
        ({"auth": "AAAA"}, "auth"),
    ],
)
def test_keys_that_open_nothing_are_refused(driver: User, keys: dict[str, Any], wrong: str) -> None:
    device = Device("https://fcm.googleapis.com")

    with pytest.raises(Invalid) as refused:
        devices.add(driver, endpoint=device.endpoint, **{**device.keys, **keys})

    assert list(refused.value.fields) == [wrong]


def test_a_host_that_is_allowed_no_more_is_never_asked(stub: PushStub, phone: Device, driver: User, settings: LazySettings) -> None:
    settings.PUSH_HOSTS = ["fcm.googleapis.com"]
    notifications.notify(driver, Kind.TOP_UP_PAID)

    assert send() == 0
    assert stub.taken == []
    assert not PushSubscription.objects.exists()


def test_without_a_key_nothing_is_offered_and_nothing_waits(phone: Device, driver: User, settings: LazySettings) -> None:
    settings.VAPID_PRIVATE_KEY = ""
    notifications.notify(driver, Kind.TOP_UP_PAID)

    assert send() == 0
    assert notifications.send_unsent(now=timezone.now()) == 1
    assert not Push.objects.exists()


def test_what_was_read_meanwhile_or_comes_too_late_is_not_sent(stub: PushStub, phone: Device, driver: User) -> None:
    read, late = (notifications.notify(driver, kind) for kind in (Kind.TOP_UP_PAID, Kind.WAITLIST_OFFERED))
    notifications.decide(now=timezone.now())
    notifications.mark_read(driver, now=timezone.now(), ids=[read.pk])

    assert send(timedelta(minutes=16)) == 0
    assert tally.pushes == {"dropped": 2}
    assert (stub.taken, Push.objects.count(), late.pushed_at) == ([], 0, None)


def test_a_group_that_is_not_pushed_and_quiet_hours(stub: PushStub, phone: Device, driver: User) -> None:
    now = timezone.localtime()
    quiet = {"quiet_from": (now - timedelta(hours=1)).time(), "quiet_to": (now + timedelta(hours=1)).time()}
    ways.change(driver, {"ways": {"money": {"push": False}}, **quiet})
    for kind in (Kind.TOP_UP_PAID, Kind.SESSION_FINISHED, Kind.WAITLIST_OFFERED):
        notifications.notify(driver, kind)

    assert send() == 1
    assert send(timedelta(minutes=30)) == 0
    assert send(timedelta(hours=2)) == 1
    assert [said["tag"] for said in stub.told(phone)] == [
        f"news-{Notification.objects.get(kind=kind).pk}" for kind in (Kind.WAITLIST_OFFERED, Kind.SESSION_FINISHED)
    ]


@pytest.mark.django_db(transaction=True)
def test_any_number_of_processes_tell_nobody_twice(stub: PushStub) -> None:
    user = factories.make_user("Tereza")
    phone = stub.device()
    phone.join(user)
    for _ in range(10):
        notifications.notify(user, Kind.TOP_UP_PAID)
    barrier = threading.Barrier(3)
    sent: list[int] = []

    def housekeeping() -> None:
        barrier.wait()
        try:
            sent.append(send())
        finally:
            connection.close()

    threads = [threading.Thread(target=housekeeping) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sent.append(send())  # what one had decided when the others had looked already

    assert sum(sent) == 10
    tags = [said["tag"] for said in stub.told(phone)]
    assert len(tags) == len(set(tags)) == 10


@pytest.mark.django_db(transaction=True)
@one_waits_for_the_other
def test_who_waited_for_another_claim_has_none(stub: PushStub) -> None:
    user = factories.make_user("Tereza")
    stub.device().join(user)
    notifications.notify(user, Kind.TOP_UP_PAID)
    notifications.decide(now=timezone.now())
    second: list[int] = []

    with meeting(lambda: second.append(send(timedelta(seconds=1)))):
        Push.objects.update(attempts=1, after=timezone.now() + timedelta(minutes=5))

    assert (second, stub.taken) == ([0], [])


def log_in(user: User, *, cookies_of: Client | None = None) -> Client:
    """A browser in which somebody has just typed her password."""
    client = Client(HTTP_USER_AGENT="Mozilla/5.0 (Linux; Android 15) Chrome/140.0 Mobile Safari/537.36")
    if cookies_of is not None:
        client.cookies = cookies_of.cookies
    client.post("/accounts/login/", {"login": user.email, "password": factories.PASSWORD})
    return client


def take_pushes(client: Client, device: Device) -> Any:
    return client.post("/accounts/inbox/settings/devices/", {"endpoint": device.endpoint, **device.keys})


def reached(stub: PushStub, user: User) -> int:
    """How many devices are told of what happens to a person."""
    stub.taken.clear()
    notifications.notify(user, Kind.SESSION_FAILED)
    send()
    return len(stub.taken)


def test_a_browser_takes_pushes_until_it_is_logged_out(stub: PushStub, driver: User) -> None:
    browser = log_in(driver)
    assert take_pushes(browser, stub.device()).status_code == 302
    assert PushSubscription.objects.get().name == "Chrome · Android"
    assert reached(stub, driver) == 1

    browser.post("/accounts/logout/")

    assert reached(stub, driver) == 0
    assert not PushSubscription.objects.exists()


def test_a_device_follows_whoever_logs_in(stub: PushStub, driver: User, stranger: User) -> None:
    browser = log_in(driver)
    take_pushes(browser, stub.device())
    browser.cookies.pop("sessionid")  # the log-in has run out

    log_in(stranger, cookies_of=browser)

    assert (reached(stub, driver), reached(stub, stranger)) == (0, 1)


def test_a_browser_that_is_logged_out_from_afar_is_told_nothing(stub: PushStub, driver: User) -> None:
    lost, here = log_in(driver), log_in(driver)
    take_pushes(lost, stub.device())
    take_pushes(here, stub.device())
    assert reached(stub, driver) == 2

    here.post("/accounts/sessions/")

    assert reached(stub, driver) == 1
    assert devices.prune(now=timezone.now()) == 1


@pytest.mark.parametrize("left", ["from afar", "by a new password"])
def test_what_waited_for_the_morning_does_not_go_where_she_has_left_meanwhile(stub: PushStub, driver: User, left: str) -> None:
    lost, here = log_in(driver), log_in(driver)
    take_pushes(lost, stub.device())
    now = timezone.localtime()
    ways.change(driver, {"quiet_from": (now - timedelta(hours=1)).time(), "quiet_to": (now + timedelta(hours=1)).time()})
    notifications.notify(driver, Kind.SESSION_FINISHED)
    assert send() == 0
    assert Push.objects.count() == 1

    if left == "from afar":
        here.post("/accounts/sessions/")
    else:
        driver.set_password("a-new-long-password-7")
        driver.save()

    assert send(timedelta(hours=2)) == 0
    assert (stub.taken, Push.objects.count()) == ([], 0)


def test_what_nobody_wants_any_more_goes_without_a_key_too(stub: PushStub, phone: Device, driver: User, settings: LazySettings) -> None:
    notifications.notify(driver, Kind.TOP_UP_PAID)
    notifications.decide(now=timezone.now())
    settings.VAPID_PRIVATE_KEY = ""
    devices.prune(now=timezone.now() + timedelta(hours=23))
    assert Push.objects.count() == 1
    devices.prune(now=timezone.now() + timedelta(hours=25))
    assert not Push.objects.exists()


def test_a_new_password_ends_all_devices_but_this_one(stub: PushStub, driver: User) -> None:
    thief, here = log_in(driver), log_in(driver)
    take_pushes(thief, stub.device())
    take_pushes(here, stub.device())
    words = {"oldpassword": factories.PASSWORD, "password1": "a-new-long-password-7", "password2": "a-new-long-password-7"}

    here.post("/accounts/password/change/", words)

    driver.refresh_from_db()
    assert driver.check_password("a-new-long-password-7")
    assert reached(stub, driver) == 1


def test_a_program_takes_pushes_until_it_is_logged_out(stub: PushStub, phone: Device, driver: User) -> None:
    assert reached(stub, driver) == 1

    logins.end_all(driver)

    assert reached(stub, driver) == 0


def test_who_closes_the_account_takes_the_devices_along(db: None, stub: PushStub) -> None:
    user = factories.make_user("Tereza")
    stub.device().join(user)
    ways.change(user, {"ways": {"money": {"email": False}}})
    notifications.notify(user, Kind.TOP_UP_PAID)
    notifications.decide(now=timezone.now())
    assert Push.objects.count() == 1

    closing.close_account(user)

    assert send() == 0
    assert (PushSubscription.objects.count(), Push.objects.count(), NotificationPreferences.objects.count()) == (0, 0, 0)


def test_the_eleventh_device_pushes_out_the_one_that_was_silent_longest(stub: PushStub, driver: User) -> None:
    first, *others = [stub.device() for _ in range(devices.MOST + 1)]
    first.join(driver)
    PushSubscription.objects.update(used_at=timezone.now() - timedelta(days=1))
    for device in others:
        device.join(driver)

    kept = set(PushSubscription.objects.values_list("endpoint", flat=True))
    assert kept == {device.endpoint for device in others}


def test_a_renewed_address_takes_the_place_of_the_old_one(stub: PushStub, phone: Device, driver: User) -> None:
    fresh, guessed = stub.device(), stub.device()
    said = {"old_endpoint": phone.endpoint, "endpoint": fresh.endpoint, **fresh.keys}

    assert Client(enforce_csrf_checks=True).post("/push/renewed/", {**said, "old_endpoint": guessed.endpoint}).status_code == 404
    assert Client().post("/push/renewed/", {**said, "old_endpoint": "\x00"}).status_code == 404
    assert Client().post("/push/renewed/", {**said, "endpoint": "https://evil.example/"}).status_code == 400
    assert Client(enforce_csrf_checks=True).post("/push/renewed/", said).status_code == 204

    assert reached(stub, driver) == 1
    assert len(stub.told(fresh)) == 1


def test_devices_nothing_was_sent_to_for_long_are_forgotten(stub: PushStub, phone: Device, driver: User) -> None:
    PushSubscription.objects.update(used_at=timezone.now() - timedelta(days=181))
    stub.device().join(driver)

    assert devices.prune(now=timezone.now()) == 1
    assert PushSubscription.objects.count() == 1
