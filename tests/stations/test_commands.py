"""Commands: rows that are spoken once, answered once, and never lost."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from chargeshare.errors import Invalid
from stations import charge_points, commands, connectivity
from stations.models import Command


@pytest.fixture
def online(charge_point):
    connectivity.connected(charge_point.pk, uuid4(), at=timezone.now())
    charge_point.refresh_from_db()
    return charge_point


def claim(command: Command) -> Command:
    claimed = commands.claim(command.pk)
    assert claimed is not None
    return claimed


def test_asked_while_offline_is_final(charge_point):
    command = commands.ask(charge_point, "Reset", {"type": "Soft"})
    assert command.status == "offline"
    assert commands.pending(charge_point.pk) == []
    assert commands.claim(command.pk) is None
    assert not commands.record_result(command, status=Command.Status.ACCEPTED, response={})


def test_a_command_is_spoken_once_and_answered_once(online):
    command = commands.reset(online)
    assert commands.pending(online.pk) == [command.pk]
    claimed = claim(command)
    assert claimed.payload == {"type": "Soft"}
    assert commands.claim(command.pk) is None
    assert commands.record_result(claimed, status=Command.Status.ACCEPTED, response={"status": "Rejected"})
    assert not commands.record_result(claimed, status=Command.Status.UNANSWERED)
    command.refresh_from_db()
    assert (command.status, command.response) == ("accepted", {"status": "Rejected"})
    assert command.answered_at is not None


def test_order_is_kept(online):
    asked = [commands.reset(online).pk for _ in range(3)]
    assert commands.pending(online.pk) == asked


def test_the_relay_rests_between_two_unlocks_and_between_two_starts(online, connector):
    first = commands.unlock(connector)
    start = commands.ask(online, "RemoteStartTransaction", {"connectorId": 1, "idTag": "A"})
    second, third = commands.unlock(connector), commands.unlock(connector)
    stop = commands.ask(online, "RemoteStopTransaction", {"transactionId": 1})
    assert (first.not_before, start.not_before) == (None, None)
    assert second.not_before is not None
    assert third.not_before is not None
    assert second.not_before - first.created_at == timedelta(seconds=10)
    assert third.not_before - second.not_before == timedelta(seconds=10)
    assert commands.pending(online.pk) == [first.pk, start.pk, stop.pk]
    assert commands.claim(second.pk) is None


@pytest.mark.parametrize("value", ["", "1234567", "x" * 41, "ř" * 21])
def test_a_password_that_protects_nothing_or_fits_nowhere_is_not_set(online, value):
    with pytest.raises(Invalid):
        commands.ask(online, "ChangeConfiguration", {"key": "authorizationkey", "value": value})
    assert not Command.objects.exists()


def test_a_password_does_not_stay_in_the_table(online):
    command = commands.ask(online, "ChangeConfiguration", {"key": "authorizationKey", "value": "secret-secret"})
    claimed = claim(command)
    assert claimed.payload["value"] == "secret-secret"
    assert Command.objects.get().payload["value"] == "***"
    commands.record_result(claimed, status=Command.Status.ACCEPTED, response={"status": "Accepted"})
    online.refresh_from_db()
    assert charge_points.password_matches(online, b"secret-secret")
    assert Command.objects.get().payload["value"] == "***"


def test_a_refused_password_changes_nothing(online):
    claimed = claim(commands.ask(online, "ChangeConfiguration", {"key": "AuthorizationKey", "value": "secret-secret"}))
    commands.record_result(claimed, status=Command.Status.ACCEPTED, response={"status": "Rejected"})
    online.refresh_from_db()
    assert not charge_points.password_matches(online, b"secret-secret")


def test_dropped_socket_leaves_spoken_commands_unanswered_and_waiting_ones_waiting(online):
    spoken, waiting = commands.reset(online), commands.reset(online)
    commands.claim(spoken.pk)
    assert commands.mark_dropped(online.pk) == 1
    spoken.refresh_from_db()
    assert spoken.status == "unanswered"
    assert commands.pending(online.pk) == [waiting.pk]


def test_an_answer_stands_though_the_next_socket_came_before_it_was_written_down(online):
    """A box takes a new password, hangs up and dials again with it at once; it must not be locked out."""
    claimed = claim(commands.ask(online, "ChangeConfiguration", {"key": "AuthorizationKey", "value": "secret-secret"}))
    assert commands.mark_dropped(online.pk) == 1
    assert commands.record_result(claimed, status=Command.Status.ACCEPTED, response={"status": "Accepted"})
    assert Command.objects.get().status == "accepted"
    online.refresh_from_db()
    assert charge_points.password_matches(online, b"secret-secret")
    assert not commands.record_result(claimed, status=Command.Status.UNANSWERED)


def test_old_commands_are_given_up(online):
    spoken, waiting = commands.reset(online), commands.reset(online)
    commands.claim(spoken.pk)
    now = timezone.now()
    assert commands.give_up_old(now=now) == 0
    assert commands.give_up_old(now=now + timedelta(minutes=3)) == 1
    assert commands.give_up_old(now=now + timedelta(minutes=11)) == 1
    assert set(Command.objects.values_list("status", flat=True)) == {"unanswered"}
    assert waiting.pk
