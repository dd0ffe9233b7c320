"""Which cards a box may be given: those it may let charge while nobody can be asked."""

from datetime import timedelta

import pytest
from django.utils import timezone

from billing import ledger
from stations import charge_points, local_lists
from stations.models import ChargePoint, ChargingSession
from tests import factories


@pytest.fixture
def private(charge_point, driver):
    charge_points.edit(charge_point, access="private")
    charge_points.invite(charge_point, driver.email)
    return charge_point


def tags(charge_point):
    return [card.id_tag for card in local_lists.cards(charge_point)]


def test_the_owners_cards_come_first_and_those_of_guests_after_them(private, owner, driver):
    factories.make_id_token(driver, "GUEST01")
    factories.make_id_token(owner, "04:a1:b2")
    factories.make_id_token(owner, "TYPED-IN", confirmed=False, parent_uid="FLEET")

    assert [(card.id_tag, card.is_owners, card.parent_tag) for card in local_lists.cards(private)] == [
        ("04A1B2", True, owner.group_tag),
        ("TYPEDIN", True, "FLEET"),
        ("GUEST01", False, driver.group_tag),
    ]


@pytest.mark.parametrize("access", ["public", "members"])
def test_where_anybody_may_charge_only_the_owner_needs_no_asking(charge_point, owner, driver, access):
    charge_points.edit(charge_point, access="private")
    charge_points.invite(charge_point, driver.email)
    charge_points.edit(charge_point, access=access)
    factories.make_id_token(driver, "GUEST01")
    factories.make_id_token(owner, "OWNER01")

    assert tags(charge_point) == ["OWNER01"]


def test_cards_that_are_blocked_or_past_their_date_stay_out_whoever_holds_them(private, owner, driver):
    yesterday, tomorrow = timezone.now() - timedelta(days=1), timezone.now() + timedelta(days=1)
    for holder in (owner, driver):
        factories.make_id_token(holder, f"{holder.pk}BLOCKED", is_blocked=True)
        factories.make_id_token(holder, f"{holder.pk}PAST", expires_at=yesterday)
        factories.make_id_token(holder, f"{holder.pk}GOOD", expires_at=tomorrow)
    factories.make_id_token(driver, "UNCONFIRMED", confirmed=False)
    factories.make_id_token(driver, "NEVER", max_sessions=0)

    assert [(card.id_tag, card.expires_at) for card in local_lists.cards(private)] == [
        (f"{owner.pk}GOOD", tomorrow),
        (f"{driver.pk}GOOD", tomorrow),
    ]


def test_a_guest_whose_credit_would_not_pay_for_a_night_is_asked_about_every_time(private, driver):
    """Thirty kilowatt-hours at 6.50 Kč are 195 Kč."""
    factories.make_id_token(driver, "GUEST01")
    assert tags(private) == ["GUEST01"]
    held = ledger.hold(driver, 30_501, key="elsewhere")
    assert tags(private) == []
    ledger.release(held)
    assert tags(private) == ["GUEST01"]


def test_where_it_is_free_guests_need_no_credit(owner, stranger):
    charge_point = factories.make_charge_point(owner, tariff=factories.make_tariff(owner, "0"), access="private")
    charge_points.invite(charge_point, stranger.email)
    factories.make_id_token(stranger, "GUEST01")

    assert tags(charge_point) == ["GUEST01"]


@pytest.mark.parametrize("change", [{"is_published": False}, {"is_paused": True}], ids=["not published", "paused"])
def test_what_keeps_guests_out_keeps_their_cards_out(private, owner, driver, change):
    factories.make_id_token(driver, "GUEST01")
    factories.make_id_token(owner, "OWNER01")
    ChargePoint.objects.filter(pk=private.pk).update(**change)
    private.refresh_from_db()

    assert tags(private) == ["OWNER01"]


def test_without_a_price_no_guest_can_pay(private, driver):
    factories.make_id_token(driver, "GUEST01")
    private.connectors.update(tariff=None)

    assert tags(private) == []


def test_a_guest_who_is_not_active_and_one_who_was_sent_away_are_out(private, driver, stranger):
    factories.give_credit(stranger, 50_000)
    charge_points.invite(private, stranger.email)
    factories.make_id_token(driver, "GUEST01")
    factories.make_id_token(stranger, "GUEST02")
    driver.is_active = False
    driver.save()
    assert tags(private) == ["GUEST02"]
    charge_points.uninvite(private, stranger)
    assert tags(private) == []


def test_nothing_is_given_to_a_retired_box_or_for_an_owner_who_is_not_active(charge_point, owner):
    factories.make_id_token(owner, "OWNER01")
    owner.is_active = False
    owner.save()
    charge_point.refresh_from_db()
    assert tags(charge_point) == []
    owner.is_active = True
    owner.save()
    charge_points.retire(charge_point)
    assert tags(ChargePoint.objects.get(pk=charge_point.pk)) == []


def test_a_card_is_spelled_as_this_reader_spells_it(charge_point, connector, owner):
    read_here, never_read, too_long = (factories.make_id_token(owner, uid) for uid in ("04:A2:B3:C4", "04-11-22-33", "X" * 24))
    for spelling in ("04A2B3C4", "VID:04a2b3c4", "04a2b3c4"):
        ChargingSession.objects.create(
            charge_point=charge_point,
            connector=connector,
            owner=owner,
            driver=owner,
            id_token=read_here,
            id_tag=spelling,
            status="COMPLETED",
        )

    assert tags(charge_point) == ["04a2b3c4", "04112233"]
    assert never_read.uid != "04112233"
    assert len(too_long.uid_key) > local_lists.LONGEST_TAG


def test_the_owner_reads_the_names_of_her_own_cards_alone(charge_point, owner, driver):
    factories.make_id_token(owner, "OWNER01", label="Blue fob")
    factories.make_id_token(driver, "GUEST01", label="Tereza's")

    assert local_lists.own_labels(charge_point, ["owner01", "GUEST01", "NOBODYS"]) == {"owner01": "Blue fob"}
