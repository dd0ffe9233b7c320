"""The cards in a box as its owner sees them, on her page and over HTTP."""

import pytest
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from ocpp_core import local_list
from ocpp_core.models import ConfigurationKey, LocalList
from stations import charge_points, commands
from stations.models import Command
from tests import factories
from tests.ocpp_core.test_local_list import answer, send_all, speak, told
from tests.stations.acting import go_online


@pytest.fixture
def box(charge_point, owner, driver):
    charge_points.edit(charge_point, access="private")
    charge_points.invite(charge_point, driver.email)
    told(charge_point, LocalAuthListMaxLength=20, SendLocalListMaxLength=20)
    factories.make_id_token(owner, "04:A2:B3:C4", label="Blue fob")
    factories.make_id_token(driver, "GUEST0001", label="Tereza's")
    return go_online(charge_point)


@pytest.fixture
def page(box):
    return reverse("ocpp_core:local_list", args=[box.code])


def get(user, box, query=""):
    client = APIClient()
    if user is not None:
        client.force_authenticate(user)
    return client.get(f"/api/v1/charge-points/{box.code}/local-list/{query}")


# Over HTTP


def test_before_anything_was_sent_the_list_is_empty(box, owner):
    body = get(owner, box).json()
    assert (body["version"], body["is_agreed"], body["count"], body["results"]) == (None, False, 0, [])


def test_the_owner_reads_her_own_cards_and_the_ends_of_others(box, owner, staff):
    send_all(box)
    body = get(owner, box).json()
    assert (body["version"], body["is_agreed"], body["outcome"], body["count"]) == (1, True, "Accepted", 2)
    assert body["confirmed_at"].endswith("Z")
    assert body["results"] == [
        {"id_tag": "04A2B3C4", "label": "Blue fob", "status": "Accepted", "expires_at": None},
        {"id_tag": "…0001", "label": None, "status": "Accepted", "expires_at": None},
    ]
    assert [entry["id_tag"] for entry in get(staff, box).json()["results"]] == ["04A2B3C4", "GUEST0001"]


def test_it_comes_in_pages(box, owner):
    send_all(box)
    body = get(owner, box, "?page_size=1").json()
    assert (body["count"], len(body["results"]), body["version"]) == (2, 1, 1)
    assert body["next"].endswith(f"/charge-points/{box.code}/local-list/?page=2&page_size=1")
    assert get(owner, box, "?page=9").status_code == 404


def test_to_everybody_else_it_does_not_exist(box, driver, stranger, owner):
    for user in (driver, stranger):
        assert get(user, box).status_code == 404
    assert get(None, box).status_code == 401
    charge_points.retire(box)
    assert get(owner, box).status_code == 200, "history stays"


# The page


def test_the_page_is_the_owners_and_staffs(client, page, driver, staff):
    for user, status in ((driver, 404), (staff, 200)):
        client.force_login(user)
        assert client.get(page).status_code == status
        if status == 404:
            assert client.post(page, {"deed": "send"}).status_code == 404
    assert not Command.objects.exists()


def test_send_see_and_change(client, page, box, owner):
    client.force_login(owner)
    assert "No cards were sent to this charger yet." in client.get(page).content.decode()

    assert client.post(page, {"deed": "send"}).status_code == 302
    command = speak(box)
    assert (command.asked_by, len(command.payload["localAuthorizationList"])) == (owner, 2)
    assert "The cards are on their way." in client.get(page).content.decode()
    answer(command, status="Accepted")
    answer(speak(box), listVersion=1)

    text = client.get(page).content.decode()
    assert "The charger has exactly these cards. It told us the version itself." in text
    assert "Blue fob" in text
    assert "…0001" in text
    assert "GUEST0001" not in text
    assert "Tereza" not in text

    factories.make_id_token(owner, "0455667788")
    assert "The cards that may charge have changed" in client.get(page).content.decode()
    client.post(page, {"deed": "send_changes"})
    assert speak(box).payload["updateType"] == "Differential"


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        ("Failed", "could not keep the cards"),
        ("NotSupported", "keeps no cards"),
        ("VersionMismatch", "has another list than the one we know"),
    ],
)
def test_what_came_of_a_list_stands_on_the_page(client, page, box, owner, status, sentence):
    client.force_login(owner)
    client.post(page, {"deed": "send"})
    answer(speak(box), status=status)
    assert sentence in client.get(page).content.decode()


def test_an_error_and_silence_stand_there_too(client, page, box, owner):
    client.force_login(owner)
    client.post(page, {"deed": "send"})
    commands.record_result(speak(box), status=Command.Status.REJECTED, response={"code": "NotImplemented", "description": "no"})
    assert "The charger refused the cards: NotImplemented." in client.get(page).content.decode()
    client.post(page, {"deed": "send"})
    commands.record_result(speak(box), status=Command.Status.UNANSWERED)
    assert "The charger did not answer." in client.get(page).content.decode()


def test_the_other_buttons(client, page, box, owner):
    client.force_login(owner)
    client.post(page, {"deed": "version"})
    assert [speak(box).action, speak(box).action] == ["GetLocalListVersion", "GetConfiguration"]
    client.post(page, {"deed": "keep"})
    assert LocalList.objects.get().is_kept
    assert "We keep it up to date." in client.get(page).content.decode()
    client.post(page, {"deed": "keep_no_more"})
    assert not LocalList.objects.get().is_kept
    client.post(page, {"deed": "offline"})
    assert [speak(box).payload["key"] for _each in range(2)] == ["LocalAuthListEnabled", "LocalAuthorizeOffline"]
    client.post(page, {"deed": "offline_no_more"})
    assert speak(box).payload["value"] == "false"
    client.post(page, {"deed": "clear"})
    assert speak(box).payload["localAuthorizationList"] == []
    assert client.post(page, {"deed": "dance"}).status_code == 404


def test_nothing_to_send_is_said(client, page, box, owner):
    send_all(box)
    client.force_login(owner)
    text = client.post(page, {"deed": "send_changes"}, follow=True).content.decode()
    assert "Nothing has changed" in text


def test_an_offline_charger_is_said_to_be_one(client, charge_point, owner):
    client.force_login(owner)
    page = reverse("ocpp_core:local_list", args=[charge_point.code])
    text = client.post(page, {"deed": "send"}, follow=True).content.decode()
    assert "The charger is not connected." in text
    assert not Command.objects.exists()


def test_what_does_not_fit_and_what_a_public_charger_gets_is_said(client, box, page, owner):
    client.force_login(owner)
    ConfigurationKey.objects.filter(key="LocalAuthListMaxLength").update(value="1", read_at=timezone.now())
    text = client.get(page).content.decode()
    assert "1 card does not fit." in text
    assert local_list.limits(box).entries == 1
    charge_points.edit(box, access="public")
    assert "Only your own cards." in client.get(page).content.decode()
