"""The page of a box's settings."""

import pytest
from django.urls import reverse
from django.utils import timezone

from ocpp_core.models import ConfigurationKey
from stations import commands
from stations.models import ChargePoint, Command
from tests.stations.acting import go_online


@pytest.fixture
def box(charge_point):
    for key, value, is_readonly in (
        ("HeartbeatInterval", "300", False),
        ("NumberOfConnectors", "1", True),
        ("AuthorizationKey", "***", False),
        ("SecurityProfile", "1", False),
    ):
        ConfigurationKey.objects.create(charge_point=charge_point, key=key, value=value, is_readonly=is_readonly, read_at=timezone.now())
    return go_online(charge_point)


@pytest.fixture
def url(box):
    return reverse("ocpp_core:configuration", args=[box.code])


@pytest.fixture
def mine(client, owner):
    client.force_login(owner)
    return client


def settings_of(page):
    return {setting.key.key: setting for setting in page.context["settings"]}


def test_a_key_is_changed_in_place_and_read_back(mine, box, url):
    page = mine.post(url, {"deed": "set", "key": "HeartbeatInterval", "value": "60"})

    assert page.headers["Location"] == url
    asked = [(one.action, one.payload) for one in Command.objects.order_by("id")]
    assert asked == [
        ("ChangeConfiguration", {"key": "HeartbeatInterval", "value": "60"}),
        ("GetConfiguration", {"key": ["HeartbeatInterval"]}),
    ]


def test_one_is_read_again_or_all(mine, box, url):
    mine.post(url, {"deed": "read"})
    mine.post(url, {"deed": "read", "key": "HeartbeatInterval"})

    assert [one.payload for one in Command.objects.order_by("id")] == [{}, {"key": ["HeartbeatInterval"]}]
    assert mine.get(url).context["is_reading"]


@pytest.mark.parametrize(
    ("key", "may"), [("HeartbeatInterval", True), ("NumberOfConnectors", False), ("AuthorizationKey", False), ("SecurityProfile", False)]
)
def test_only_what_may_be_changed_here_has_a_form(mine, box, url, key, may):
    page = mine.get(url)

    assert settings_of(page)[key].may_be_changed is may
    assert (f'name="key" value="{key}"' in page.content.decode()) is may


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("NumberOfConnectors", "2"),
        ("AuthorizationKey", "0123456789abcdef"),
        ("securityprofile", "3"),
        ("Unheard", "1"),
        ("HeartbeatInterval", "x" * 501),
        ("HeartbeatInterval", "a\0b"),
        ("a\0b", "1"),
        ("", ""),
    ],
)
def test_what_may_not_be_changed_here_is_refused_in_a_sentence(mine, box, url, key, value):
    page = mine.post(url, {"deed": "set", "key": key, "value": value}, HTTP_REFERER=f"http://testserver{url}", follow=True)

    assert page.status_code == 200
    assert [str(message) for message in page.context["messages"]]
    assert not Command.objects.exists()


@pytest.mark.parametrize("said", [{}, {"deed": "x"}, {"deed": "read", "key": "k" * 51}, {"deed": "read", "key": "\0"}])
def test_garbage_asks_for_nothing(mine, box, url, said):
    assert mine.post(url, said).status_code in (302, 404)
    assert not Command.objects.exists()


@pytest.mark.parametrize("word", ["RebootRequired", "NotSupported", "Rejected", "Accepted"])
def test_what_came_of_a_change_stands_beside_its_key(mine, box, url, word):
    mine.post(url, {"deed": "set", "key": "HeartbeatInterval", "value": "60"})
    command = commands.claim(Command.objects.order_by("id")[0].pk)
    assert command is not None
    commands.record_result(command, status="accepted", response={"status": word})

    assert settings_of(mine.get(url))["HeartbeatInterval"].change == command
    ChargePoint.objects.filter(pk=box.pk).update(booted_at=timezone.now())
    after_boot = settings_of(mine.get(url))["HeartbeatInterval"].change
    assert (after_boot is None) == (word == "RebootRequired")


def test_passwords_stay_hidden_and_strangers_outside(mine, client, stranger, box, url):
    ConfigurationKey.objects.create(charge_point=box, key="WifiPassword", value="topsecret", read_at=timezone.now())
    assert "topsecret" not in mine.get(url).content.decode()

    client.force_login(stranger)
    assert client.get(url).status_code == client.post(url, {"deed": "read"}).status_code == 404
    assert not Command.objects.exists()
