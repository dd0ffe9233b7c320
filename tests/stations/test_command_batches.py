"""The same request to many chargers."""

from datetime import timedelta

import pytest
from django.utils import timezone

from chargeshare.errors import Invalid
from stations import command_batches, commands
from stations.models import ChargePoint, Command
from tests import factories
from tests.stations.acting import go_online


@pytest.fixture
def chargers(owner):
    made = [factories.make_charge_point(owner) for _number in range(4)]
    for one in made[:3]:
        go_online(one)
    return made


def test_the_connected_get_their_turns_and_the_others_their_answer_at_once(owner, chargers):
    before = timezone.now()
    batch = command_batches.begin(chargers, "Reset", {"type": "Soft"}, asked_by=owner, per_minute=30)

    asked = list(batch.commands.order_by("pk"))
    assert [command.status for command in asked] == ["pending"] * 3 + ["offline"]
    assert [command.not_before is None for command in asked] == [True, False, False, True]
    second, third = asked[1].not_before, asked[2].not_before
    assert second is not None
    assert third is not None
    assert timedelta(seconds=4) <= third - before < timedelta(seconds=34)
    assert third - second == timedelta(seconds=2)
    assert {command.asked_by for command in asked} == {owner}
    assert command_batches.progress(batch) == (4, {"pending": 3, "offline": 1}, {})


def test_a_turn_that_has_not_come_is_neither_sent_nor_given_up(owner, chargers):
    batch = command_batches.begin(chargers, "ClearCache", {}, asked_by=owner, per_minute=1)
    first, second = batch.commands.order_by("pk")[:2]

    assert commands.claim(first.pk) is not None
    assert commands.claim(second.pk) is None
    Command.objects.filter(pk=second.pk).update(not_before=timezone.now() + timedelta(minutes=20))
    commands.give_up_old(now=timezone.now() + timedelta(minutes=25))
    second.refresh_from_db()
    assert second.status == "pending"
    commands.give_up_old(now=timezone.now() + timedelta(minutes=31))
    second.refresh_from_db()
    assert second.status == "unanswered"


def test_interrupting_calls_off_what_was_not_sent(owner, chargers):
    batch = command_batches.begin(chargers, "ClearCache", {}, asked_by=owner)
    first = commands.claim(batch.commands.order_by("pk")[0].pk)
    assert first is not None

    assert command_batches.interrupt(batch) == 2
    assert command_batches.interrupt(batch) == 0
    commands.record_result(first, status="accepted", response={"status": "Accepted"})

    progress = command_batches.progress(batch)
    assert progress.is_over
    assert progress == (4, {"accepted": 1, "cancelled": 2, "offline": 1}, {"Accepted": 1})
    assert batch.interrupted_at is not None
    assert not commands.pending(chargers[1].pk)


def test_relays_rest_in_a_batch_too(owner, chargers):
    commands.unlock(chargers[0].connectors.get())

    batch = command_batches.begin(chargers[:2], "UnlockConnector", {"connectorId": 1}, asked_by=owner)

    first, second = batch.commands.order_by("pk")
    assert first.not_before is not None
    assert second.not_before is None or second.not_before < first.not_before


@pytest.mark.parametrize("per_minute", [0, -1, 100_000])
def test_a_pace_that_is_none_is_refused(owner, chargers, per_minute):
    with pytest.raises(Invalid) as refusal:
        command_batches.begin(chargers, "ClearCache", {}, asked_by=owner, per_minute=per_minute)
    assert "per_minute" in refusal.value.fields


@pytest.mark.parametrize("value", ["0123456789abcdef", "***"])
def test_no_password_goes_to_many(owner, chargers, value):
    with pytest.raises(Invalid):
        command_batches.begin(chargers, "ChangeConfiguration", {"key": "AuthorizationKey", "value": value}, asked_by=owner)
    assert not Command.objects.exists()


def test_nobody_chosen_is_refused(owner):
    with pytest.raises(command_batches.NothingToAsk):
        command_batches.begin(ChargePoint.objects.none(), "ClearCache", {}, asked_by=owner)


def test_thousands_cost_few_questions(owner, django_assert_max_num_queries, charge_point):
    place = {"latitude": 50, "longitude": 18, "public_latitude": 50, "public_longitude": 18}
    names = [f"MANY-{number}" for number in range(2500)]
    made = ChargePoint.objects.bulk_create(
        [ChargePoint(owner=owner, name=name, identity=name, identity_key=name, **place) for name in names]
    )

    with django_assert_max_num_queries(60):
        batch = command_batches.begin(made, "ClearCache", {}, asked_by=owner)

    assert batch.commands.count() == 2500


def test_batches_are_seen_by_who_asked_and_by_staff(owner, stranger, staff, chargers):
    batch = command_batches.begin(chargers, "ClearCache", {}, asked_by=owner)

    assert list(command_batches.visible_to(owner)) == [batch]
    assert not command_batches.visible_to(stranger)
    assert list(command_batches.visible_to(staff)) == [batch]
