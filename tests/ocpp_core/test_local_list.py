"""The list of cards in a box: what goes out, what is learnt from the answers, and when anything goes out at all."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from ocpp_core import answers, frames, local_list, schemas
from ocpp_core import local_list_updates as updates
from ocpp_core.local_list_updates import Entry, Limits
from ocpp_core.models import ConfigurationKey, LocalList
from stations import charge_points, commands
from stations.authorization import ChargerOffline
from stations.models import ChargePoint, Command
from tests import factories
from tests.stations.acting import go_online

LATER = datetime(2034, 5, 1, 10, tzinfo=UTC)
ROOM = Limits(100, 50)


def card(number, **more):
    return Entry(f"CARD{number:04}", **more)


def told(charge_point, **keys):
    """What the box said of its settings."""
    for key, value in keys.items():
        ConfigurationKey.objects.update_or_create(
            charge_point=charge_point, key=key, defaults={"value": str(value), "read_at": timezone.now()}
        )


def speak(charge_point):
    """The next command that goes out."""
    [first, *_rest] = commands.pending(charge_point.pk)
    command = commands.claim(first)
    assert command is not None
    assert schemas.problems(command.action, command.payload) is None
    return command


def answer(command, **response):
    """The box answers it."""
    answers.learn(command.charge_point_id, command.action, command.payload, response)
    commands.record_result(command, status=Command.Status.ACCEPTED, response=response)


def asked(charge_point):
    return [Command.objects.get(pk=pk).action for pk in commands.pending(charge_point.pk)]


def known(charge_point):
    return LocalList.objects.get(charge_point=charge_point)


def there(charge_point):
    return [entry.id_tag for entry in known(charge_point).entries.all()]


@pytest.fixture
def box(charge_point):
    told(charge_point, LocalAuthListMaxLength=20, SendLocalListMaxLength=20)
    return go_online(charge_point)


@pytest.fixture
def cards(owner):
    return [factories.make_id_token(owner, f"CARD{number:04}") for number in range(1, 4)]


def send_all(box):
    """A whole list in one piece, accepted and confirmed."""
    local_list.send(box, whole=True)
    command = speak(box)
    answer(command, status="Accepted")
    answer(speak(box), listVersion=command.payload["listVersion"])


# What goes out


def test_a_whole_list_names_every_card_with_what_is_known_of_it():
    wanted = [card(1, expires_at=LATER, parent_tag="GROUP"), card(2)]
    assert updates.whole(3, wanted, ROOM) == {
        "listVersion": 3,
        "updateType": "Full",
        "localAuthorizationList": [
            {"idTag": "CARD0001", "idTagInfo": {"status": "Accepted", "expiryDate": "2034-05-01T10:00:00Z", "parentIdTag": "GROUP"}},
            {"idTag": "CARD0002", "idTagInfo": {"status": "Accepted"}},
        ],
    }
    assert updates.whole(1, [], ROOM) == {"listVersion": 1, "updateType": "Full", "localAuthorizationList": []}


def test_a_difference_names_what_goes_without_anything_beside_it():
    agreed, wanted = [card(1), card(2), card(3)], [card(2), Entry("card0003", parent_tag="GROUP"), card(4)]
    assert updates.difference(4, agreed, wanted, ROOM) == {
        "listVersion": 4,
        "updateType": "Differential",
        "localAuthorizationList": [
            {"idTag": "CARD0001"},
            {"idTag": "card0003", "idTagInfo": {"status": "Accepted", "parentIdTag": "GROUP"}},
            {"idTag": "CARD0004", "idTagInfo": {"status": "Accepted"}},
        ],
    }
    assert updates.difference(4, agreed, [Entry("card0001"), card(2), card(3)], ROOM) is None, "case makes no other card"


def test_a_full_box_throws_out_before_it_takes_in():
    limits = Limits(3, 20)
    agreed, wanted = [card(1), card(2), card(3)], [card(2), card(3), card(4)]
    first = updates.difference(2, agreed, wanted, limits)
    assert first is not None
    assert first["localAuthorizationList"] == [{"idTag": "CARD0001"}]
    second = updates.difference(3, updates.applied(agreed, first), wanted, limits)
    assert second is not None
    assert [entry["idTag"] for entry in second["localAuthorizationList"]] == ["CARD0004"]


@pytest.mark.parametrize("at_once", [1, 7, 1000])
def test_a_long_list_goes_out_in_pieces_that_every_box_can_swallow(at_once):
    wanted = [card(number, expires_at=LATER, parent_tag=f"GROUP{number:015}") for number in range(95)]
    limits = Limits(90, at_once)
    piece: dict[str, Any] | None = updates.whole(1, wanted, limits)
    has: list[Entry] = []
    version, pieces = 1, 0
    while piece is not None:
        assert piece["updateType"] == ("Differential" if pieces else "Full")
        assert piece["listVersion"] == version
        assert len(piece["localAuthorizationList"]) <= at_once
        assert len(frames.call("0" * 36, "SendLocalList", piece).encode()) < 2_000
        assert schemas.problems("SendLocalList", piece) is None
        has, version, pieces = updates.applied(has, piece), version + 1, pieces + 1
        piece = updates.difference(version, has, wanted, limits)
    assert has == wanted[:90]
    assert pieces >= 7


@pytest.mark.parametrize(
    ("versions", "following"), [((None, None), 1), ((0, None), 1), ((-1, 4), 5), ((7, 3), 8), ((2**31 - 1, 2), None), ((2**40,), None)]
)
def test_the_version_rises(versions, following):
    assert updates.next_version(*versions) == following


def test_times_that_are_none_are_left_out():
    said = [
        {"idTag": str(number), "idTagInfo": {"status": "Accepted", "expiryDate": text}}
        for number, text in enumerate(("2034-13-40T99:00:00Z", "soon", "2034-05-01T10:00:00"))
    ]
    read = updates.applied([], {"updateType": "Full", "localAuthorizationList": said})
    assert [entry.expires_at is None for entry in read] == [True, True, False]


# What is learnt


def test_a_list_is_agreed_once_the_box_took_it_and_confirmed_once_it_told_the_version(box, cards):
    local_list.send(box, whole=True, asked_by=box.owner)
    command = speak(box)
    assert (command.action, command.source, command.asked_by) == ("SendLocalList", Command.Source.SETUP, box.owner)
    assert (command.payload["listVersion"], command.payload["updateType"]) == (1, "Full")
    answer(command, status="Accepted")
    assert (known(box).version, known(box).is_agreed, known(box).confirmed_at) == (1, True, None)
    assert there(box) == ["CARD0001", "CARD0002", "CARD0003"]

    answer(speak(box), listVersion=1)
    assert known(box).confirmed_at is not None
    assert asked(box) == []


def test_only_what_changed_goes_out_and_nothing_where_nothing_did(box, cards, owner):
    send_all(box)
    assert local_list.send(box) is None
    cards[0].delete()
    factories.make_id_token(owner, "CARD0009")
    local_list.send(box)
    command = speak(box)
    assert (command.payload["listVersion"], command.payload["updateType"]) == (2, "Differential")
    assert [entry["idTag"] for entry in command.payload["localAuthorizationList"]] == ["CARD0001", "CARD0009"]
    answer(command, status="Accepted")
    assert there(box) == ["CARD0002", "CARD0003", "CARD0009"]


def test_the_next_piece_goes_out_when_the_last_was_taken_and_not_before(box, owner):
    told(box, SendLocalListMaxLength=2)
    for number in range(5):
        factories.make_id_token(owner, f"CARD{number:04}")
    local_list.send(box, whole=True)
    kinds = []
    while asked(box) == ["SendLocalList"]:
        command = speak(box)
        assert asked(box) == []
        kinds.append((command.payload["updateType"], command.payload["listVersion"], len(command.payload["localAuthorizationList"])))
        answer(command, status="Accepted")
    assert kinds == [("Full", 1, 2), ("Differential", 2, 2), ("Differential", 3, 1)]
    assert asked(box) == ["GetLocalListVersion"]
    assert len(there(box)) == 5


@pytest.mark.parametrize(
    ("status", "is_agreed", "is_supported", "follows"),
    [
        ("Failed", True, True, []),
        ("VersionMismatch", False, True, ["GetLocalListVersion"]),
        ("NotSupported", True, False, []),
        ("Whatever", True, True, []),
    ],
)
def test_a_list_that_was_not_taken_leaves_ours_as_it_was(box, cards, status, is_agreed, is_supported, follows):
    send_all(box)
    cards[0].delete()
    local_list.send(box)
    answer(speak(box), status=status)
    assert (known(box).outcome, known(box).version, known(box).is_agreed, known(box).is_supported) == (status, 1, is_agreed, is_supported)
    assert there(box) == ["CARD0001", "CARD0002", "CARD0003"]
    assert asked(box) == follows


def test_after_a_mismatch_a_whole_list_follows_the_version_of_the_box(box, cards):
    send_all(box)
    cards[0].delete()
    local_list.send(box)
    answer(speak(box), status="VersionMismatch")
    answer(speak(box), listVersion=40)
    assert (known(box).version, known(box).is_agreed, there(box)) == (40, False, [])
    local_list.send(box)
    command = speak(box)
    assert (command.payload["updateType"], command.payload["listVersion"]) == ("Full", 41)
    answer(command, status="Accepted")
    assert (known(box).is_agreed, there(box)) == (True, ["CARD0002", "CARD0003"])


def test_what_a_person_sent_through_the_command_door_is_learnt_and_nothing_follows(box, cards):
    send_all(box)
    expiry = "2034-05-01T10:00:00Z"
    entries = [{"idTag": "HERS", "idTagInfo": {"status": "Blocked", "expiryDate": expiry}}, {"idTag": "card0001"}]
    commands.ask(box, "SendLocalList", {"listVersion": 9, "updateType": "Differential", "localAuthorizationList": entries})
    answer(speak(box), status="Accepted")
    assert (known(box).version, known(box).is_agreed, asked(box)) == (9, True, [])
    assert there(box) == ["CARD0002", "CARD0003", "HERS"]
    hers = known(box).entries.get(id_tag="HERS")
    assert (hers.status, hers.expires_at) == ("Blocked", LATER)


def test_a_difference_to_a_list_that_nobody_knows_agrees_on_nothing(box):
    entries = [{"idTag": "HERS", "idTagInfo": {"status": "Accepted"}}]
    commands.ask(box, "SendLocalList", {"listVersion": 9, "updateType": "Differential", "localAuthorizationList": entries})
    answer(speak(box), status="Accepted")
    assert (known(box).version, known(box).is_agreed) == (9, False)


@pytest.mark.parametrize(
    ("version", "is_agreed", "is_supported", "left"),
    [
        (1, True, True, 3),
        ("1", True, True, 3),
        (0, True, True, 0),
        (7, False, True, 0),
        (-1, False, False, 0),
    ],
)
def test_what_the_version_of_the_box_says(box, cards, version, is_agreed, is_supported, left):
    send_all(box)
    commands.ask(box, "GetLocalListVersion", {})
    answer(speak(box), listVersion=version)
    assert (known(box).is_agreed, known(box).is_supported, len(there(box))) == (is_agreed, is_supported, left)
    assert known(box).version == (None if version == -1 else int(version))


@pytest.mark.parametrize("response", [{}, {"listVersion": None}, {"listVersion": "many"}, {"listVersion": 1e300}, {"listVersion": 2**70}])
def test_a_version_that_is_none_teaches_nothing(box, cards, response):
    send_all(box)
    commands.ask(box, "GetLocalListVersion", {})
    answer(speak(box), **response)
    assert (known(box).version, known(box).is_agreed) == (1, True)


def test_a_version_beyond_all_reason_is_begun_anew(box, cards):
    send_all(box)
    commands.ask(box, "SendLocalList", {"listVersion": 2**31 - 1, "updateType": "Full"})
    answer(speak(box), status="Accepted")
    assert there(box) == []
    local_list.send(box)
    command = speak(box)
    assert (command.payload["updateType"], command.payload["listVersion"]) == ("Full", 1)


def test_cleared_cards_do_not_come_back(box, cards):
    local_list.keep(box, kept=True)
    send_all(box)
    local_list.clear(box, asked_by=box.owner)
    command = speak(box)
    assert command.payload == {"listVersion": 2, "updateType": "Full", "localAuthorizationList": []}
    answer(command, status="Accepted")
    answer(speak(box), listVersion=2)
    assert (there(box), known(box).is_kept, asked(box)) == ([], False, [])
    assert local_list.keep_up_to_date(now=timezone.now()) == 0


# When anything goes out


def test_a_box_that_never_said_how_much_it_holds_is_asked_first(charge_point, owner):
    go_online(charge_point)
    for number in range(25):
        factories.make_id_token(owner, f"CARD{number:04}")
    local_list.send(charge_point, whole=True)
    assert asked(charge_point) == ["GetConfiguration", "SendLocalList"]
    keys = [{"key": "LocalAuthListMaxLength", "value": "23", "readonly": True}]
    answer(speak(charge_point), configurationKey=keys)
    while asked(charge_point) == ["SendLocalList"]:
        answer(speak(charge_point), status="Accepted")
    assert len(there(charge_point)) == 23


def test_an_offline_box_is_sent_nothing(charge_point, cards):
    for deed in (local_list.send, local_list.clear, local_list.ask_version):
        with pytest.raises(ChargerOffline):
            deed(charge_point)
    with pytest.raises(ChargerOffline):
        local_list.allow_offline(charge_point, allowed=True)
    assert not Command.objects.exists()


def test_one_list_at_a_time(box, cards):
    local_list.send(box, whole=True)
    with pytest.raises(local_list.ListUnderWay):
        local_list.send(box, whole=True)
    with pytest.raises(local_list.ListUnderWay):
        local_list.clear(box)


def test_nothing_goes_out_unless_the_owner_wishes_it(box, cards):
    send_all(box)
    cards[0].delete()
    assert local_list.keep_up_to_date(now=timezone.now()) == 0
    local_list.keep(box, kept=True)
    assert local_list.keep_up_to_date(now=timezone.now()) == 1
    command = speak(box)
    assert command.payload["localAuthorizationList"] == [{"idTag": "CARD0001"}]
    assert local_list.keep_up_to_date(now=timezone.now()) == 0, "while one is under way"
    answer(command, status="Accepted")
    answer(speak(box), listVersion=2)
    assert local_list.keep_up_to_date(now=timezone.now()) == 0, "nothing changed"


def test_a_box_that_comes_back_is_asked_what_it_has_and_given_it_again_if_it_forgot(box, cards):
    send_all(box)
    local_list.keep(box, kept=True)
    go_online(box)
    assert local_list.keep_up_to_date(now=timezone.now()) == 1
    command = speak(box)
    assert command.action == "GetLocalListVersion"
    answer(command, listVersion=0)
    assert local_list.keep_up_to_date(now=timezone.now()) == 1
    command = speak(box)
    assert (command.payload["updateType"], len(command.payload["localAuthorizationList"])) == ("Full", 3)


@pytest.mark.parametrize("status", ["Failed", "NotSupported"])
def test_a_refusal_is_respected_for_a_while(box, cards, status):
    send_all(box)
    local_list.keep(box, kept=True)
    cards[0].delete()
    local_list.keep_up_to_date(now=timezone.now())
    answer(speak(box), status=status)
    assert local_list.keep_up_to_date(now=timezone.now()) == 0
    later = timezone.now() + timedelta(hours=2)
    assert local_list.keep_up_to_date(now=later) == (0 if status == "NotSupported" else 1)


def test_a_box_that_answers_nothing_useful_is_not_asked_over_and_over(box, cards):
    local_list.keep(box, kept=True)
    assert local_list.keep_up_to_date(now=timezone.now()) == 1
    commands.record_result(speak(box), status=Command.Status.REJECTED, response={"code": "NotImplemented", "description": ""})
    assert local_list.keep_up_to_date(now=timezone.now()) == 0
    assert local_list.keep_up_to_date(now=timezone.now() + timedelta(days=2)) == 0


def test_what_the_owner_chose_for_times_without_a_connection_outlives_a_new_firmware(box):
    usual = (("MeterValueSampleInterval", "60"), ("LocalAuthorizeOffline", "false"))
    assert local_list.chosen(box, usual) == list(usual)
    local_list.allow_offline(box, allowed=True)
    said = [speak(box).payload for _each in range(2)]
    assert said == [{"key": "LocalAuthListEnabled", "value": "true"}, {"key": "LocalAuthorizeOffline", "value": "true"}]
    assert local_list.chosen(box, usual) == [
        ("LocalAuthListEnabled", "true"),
        ("MeterValueSampleInterval", "60"),
        ("LocalAuthorizeOffline", "true"),
    ]
    little = (("MeterValueSampleInterval", "60"),)
    assert local_list.chosen(box, little) == list(little), "no make is asked for a key that it cannot stand"
    local_list.allow_offline(box, allowed=False)
    assert speak(box).payload == {"key": "LocalAuthorizeOffline", "value": "false"}
    assert local_list.chosen(box, usual) == list(usual)


@pytest.mark.parametrize(
    ("said", "decides"),
    [
        ({}, None),
        ({"LocalAuthorizeOffline": "false"}, False),
        ({"LocalAuthorizeOffline": "True"}, True),
        ({"LocalAuthorizeOffline": "true", "LocalAuthListEnabled": "false"}, False),
    ],
)
def test_whether_the_box_decides_by_itself(charge_point, said, decides):
    told(charge_point, **said)
    assert local_list.decides_offline(charge_point) is decides


def test_nobody_reads_a_guests_card_in_what_was_sent(box, driver, owner):
    charge_points.edit(box, access="private")
    charge_points.invite(box, driver.email)
    factories.make_id_token(driver, "GUEST0001")
    local_list.send(ChargePoint.objects.get(pk=box.pk), whole=True)
    command = Command.objects.get(action="SendLocalList")
    assert command.payload["localAuthorizationList"][0]["idTag"] == "GUEST0001"
    assert command.shown_payload["localAuthorizationList"][0]["idTag"] == "…0001"
    assert driver.group_tag not in str(command.shown_payload)
