"""Who is in whose circle, and what that person pays where."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.utils import timezone

from accounts.models import Notification
from billing.models import Hold, TariffVersion
from chargeshare.errors import Invalid, NotFound
from stations import authorization, circles, closing, export, local_lists, reservations, search, sessions
from stations.authorization import NotAdmitted
from stations.estimates import prices_of
from stations.models import ChargePoint, ChargingSession, Circle, CircleMember, CirclePrice, Command
from stations.search import Box, Wanted
from tests import factories
from tests.stations.acting import HOUR, NOON, balance_minor, begin, go_online, session_of, stop
from tests.stations.test_sessions_at_once import at_once

CARD = "04A1B2C3"
WORLD = Box(-180.0, -90.0, 180.0, 90.0)
Kind = Circle.Kind


def circle_of(owner, kind=Kind.FRIENDS, *people, name=""):
    """A circle with these people in it."""
    if kind == Kind.GROUP:
        circle = circles.create_group(owner, name or "Street")
    else:
        circle = next(one for one in circles.all_of(owner) if one.kind == kind)
    for person in people:
        circles.invite(circle, person.email)
        circles.accept(person, circle.pk)
    return circle


def give_price(connector, circle, price, **more):
    """A price per kWh for a circle; returns its tariff."""
    tariff = factories.make_tariff(connector.charge_point.owner, price, **more)
    circles.set_prices(connector, {circle: tariff})
    return tariff


def link_of(circle):
    """What the owner passes on."""
    assert circle.link is not None
    return circle.link


def price_of(tariff):
    """What a kilowatt-hour costs by it today."""
    assert tariff is not None
    assert tariff.current is not None
    return tariff.current.price_per_kwh


def test_everybody_has_household_and_friends_once(owner):
    assert [circle.kind for circle in circles.all_of(owner)] == ["household", "friends"]
    circles.create_group(owner, "Street")
    assert [str(circle.kind) for circle in circles.all_of(owner)] == ["household", "friends", "group"]


def test_an_invitation_holds_once_it_is_accepted(owner, driver, connector):
    circle = circle_of(owner)
    tariff = give_price(connector, circle, "90")
    member = circles.invite(circle, f" {driver.email.upper()} ")
    assert circles.tariff_for(connector, driver) == connector.tariff
    told = Notification.objects.get(user=driver)
    assert (told.kind, told.url) == ("circle_invited", "/circles/")
    assert told.context == {"host": "Pavel", "circle": ""}
    assert circles.invite(circle, driver.email) == member
    assert Notification.objects.filter(user=driver).count() == 1

    assert circles.accept(driver, circle.pk).joined_at is not None
    assert circles.tariff_for(connector, driver) == tariff
    circles.leave(driver, circle.pk)
    assert circles.tariff_for(connector, driver) == connector.tariff


def test_who_cannot_be_invited(owner, driver):
    circle = circle_of(owner)
    with pytest.raises(Invalid):
        circles.invite(circle, "nobody@example.com")
    with pytest.raises(circles.OwnCircle):
        circles.invite(circle, owner.email)
    driver.is_active = False
    driver.save()
    with pytest.raises(Invalid):
        circles.invite(circle, driver.email)


def test_invitations_are_no_advertising(owner, driver, monkeypatch):
    monkeypatch.setattr(circles, "INVITATIONS", 1)
    circle = circle_of(owner)
    circles.invite(circle, driver.email)
    with pytest.raises(circles.TooManyInvitations):
        circles.invite(circle, driver.email)


def test_a_link_lets_in_until_it_is_renewed(owner, driver, stranger):
    group = circles.create_group(owner, "Street")
    old = group.link
    assert old
    assert len(old) == 20
    first = circles.join(old, driver)
    assert circles.join(old, driver) == first
    circles.renew_link(group)
    assert group.link != old
    with pytest.raises(NotFound):
        circles.join(old, stranger)
    circles.close_link(group)
    for link in (old, "", "None"):
        with pytest.raises(NotFound):
            circles.find_by_link(link)
    assert list(group.members.values_list("user", flat=True)) == [driver.pk]


def test_a_link_accepts_an_invitation(owner, driver):
    group = circles.create_group(owner, "Street")
    circles.invite(group, driver.email)
    assert circles.join(link_of(group), driver).joined_at is not None
    assert group.members.count() == 1


def test_links_of_owners_who_are_gone(owner, driver):
    group = circles.create_group(owner, "Street")
    owner.is_active = False
    owner.save()
    with pytest.raises(NotFound):
        circles.join(link_of(group), driver)


def test_the_owner_does_not_join_and_a_circle_fills_up(owner, driver, monkeypatch):
    group = circles.create_group(owner, "Street")
    with pytest.raises(circles.OwnCircle):
        circles.join(link_of(group), owner)
    monkeypatch.setattr(circles, "MEMBERS_PER_CIRCLE", 0)
    with pytest.raises(circles.CircleFull):
        circles.join(link_of(group), driver)


def test_groups_have_names_and_the_others_stay(owner, monkeypatch):
    group = circles.create_group(owner, " Street ")
    assert str(circles.rename(group, "Our street")) == "Our street"
    household = circles.all_of(owner)[0]
    for refused in (
        lambda: circles.rename(household, "Us"),
        lambda: circles.delete(household),
        lambda: circles.create_group(owner, " "),
        lambda: circles.rename(group, "x" * 61),
    ):
        with pytest.raises(Invalid):
            refused()
    monkeypatch.setattr(circles, "GROUPS_PER_OWNER", 1)
    with pytest.raises(circles.TooManyCircles):
        circles.create_group(owner, "Another")


def test_the_innermost_circle_with_a_price_decides(owner, driver, stranger, connector):
    household, friends = (circle_of(owner, kind, driver) for kind in (Kind.HOUSEHOLD, Kind.FRIENDS))
    dear, cheap = (circle_of(owner, Kind.GROUP, driver, name=name) for name in ("Street", "Club"))
    everyones = connector.tariff
    assert circles.tariff_for(connector, driver) == everyones
    give_price(connector, dear, "5")
    by_group = give_price(connector, cheap, "4")
    assert circles.tariff_for(connector, driver) == by_group
    by_friends = give_price(connector, friends, "4.50")
    assert circles.tariff_for(connector, driver) == by_friends
    by_household = give_price(connector, household, "6")
    assert circles.tariff_for(connector, driver) == by_household
    circles.set_prices(connector, {household: None})
    assert circles.tariff_for(connector, driver) == by_friends
    for other in (None, AnonymousUser(), stranger, owner):
        assert circles.tariff_for(connector, other) == everyones


def test_many_connectors_by_one_query(owner, driver, django_assert_num_queries):
    box = factories.make_charge_point(owner, connectors=6)
    circle = circle_of(owner, Kind.FRIENDS, driver)
    connectors = list(box.connectors.select_related("tariff__current"))
    tariff = give_price(connectors[0], circle, "1")
    with django_assert_num_queries(1):
        circles.look_up(connectors, driver)
        seen = [circles.tariff_for(connector, driver) for connector in connectors]
        assert [circles.shown_tariff(connector) for connector in connectors] == seen
        assert price_of(seen[0]) == 1
    assert seen == [tariff, *[connectors[1].tariff] * 5]


def test_prices_stay_in_the_family(owner, driver, stranger, connector):
    mine, theirs = circle_of(owner), circle_of(stranger)
    with pytest.raises(Invalid):
        circles.set_prices(connector, {theirs: factories.make_tariff(owner)})
    with pytest.raises(Invalid):
        circles.set_prices(connector, {mine: factories.make_tariff(stranger)})
    gone = factories.make_tariff(owner)
    gone.deleted_at = timezone.now()
    gone.save()
    with pytest.raises(Invalid):
        circles.set_prices(connector, {mine: gone})
    assert not CirclePrice.objects.exists()


def test_a_card_pays_the_price_of_its_holders_circle(owner, driver, connector, charge_point):
    factories.make_id_token(driver, CARD)
    tariff = give_price(connector, circle_of(owner, Kind.FRIENDS, driver), "2")
    started = begin(charge_point, CARD, meter=0)
    assert session_of(started).tariff_version == tariff.current
    stop(charge_point, started.transaction_id, meter=10_000, at=NOON + HOUR)
    assert balance_minor(driver) == 50_000 - 2_000


def test_who_leaves_while_charging_keeps_the_price_she_began_with(owner, driver, connector, charge_point):
    factories.make_id_token(driver, CARD)
    circle = circle_of(owner, Kind.GROUP, driver)
    give_price(connector, circle, "2")
    started = begin(charge_point, CARD, meter=0)
    circles.delete(circle)
    stop(charge_point, started.transaction_id, meter=10_000, at=NOON + HOUR)
    assert balance_minor(driver) == 50_000 - 2_000


def test_free_needs_no_credit_and_no_hold_and_leaves_the_wallet_free(owner, stranger, tariff, settings):
    settings.OPEN_SESSIONS_PER_WALLET = 1
    factories.make_id_token(stranger, CARD)
    circle = circle_of(owner, Kind.HOUSEHOLD, stranger)
    boxes = [factories.make_charge_point(owner, tariff=tariff) for _number in range(3)]
    assert begin(boxes[0], CARD).status == "Blocked"
    for box in boxes[:2]:
        give_price(box.connectors.get(), circle, "0")
    started = [begin(box, CARD, meter=0, at=NOON + HOUR) for box in boxes[:2]]
    assert {one.status for one in started} == {"Accepted"}
    assert authorization.authorize(boxes[1], CARD).status == "Accepted"
    assert not Hold.objects.exists()
    factories.give_credit(stranger, 20_000)
    assert begin(boxes[2], CARD, at=NOON + HOUR).status == "Accepted"
    stop(boxes[0], started[0].transaction_id, meter=9_000, at=NOON + 2 * HOUR)
    receipt = session_of(started[0]).cdr
    assert receipt is not None
    assert (receipt.total_minor, receipt.fee_minor) == (0, 0)
    assert balance_minor(stranger) == 20_000


def test_the_app_starts_at_the_price_of_the_circle(owner, stranger, connector, charge_point):
    go_online(charge_point)
    tariff = give_price(connector, circle_of(owner, Kind.FRIENDS, stranger), "0")
    session = sessions.request_start(driver=stranger, connector=connector)
    assert (session.tariff_version, session.hold) == (tariff.current, None)
    assert Command.objects.filter(session=session, action="RemoteStartTransaction").exists()


def test_a_dearer_circle_needs_its_own_credit(owner, driver, connector, charge_point):
    go_online(charge_point)
    give_price(connector, circle_of(owner, Kind.GROUP, driver), "40")
    hold = sessions.request_start(driver=driver, connector=connector).hold
    assert hold is not None
    assert hold.amount_minor == 40_000


def test_who_pays_nothing_books_with_a_debt_of_credit(owner, stranger, connector, charge_point):
    go_online(charge_point)
    give_price(connector, circle_of(owner, Kind.FRIENDS, stranger), "0")
    begins_at = timezone.now() + timedelta(hours=3)
    assert reservations.book(driver=stranger, connector=connector, begins_at=begins_at, ends_at=begins_at + HOUR).pk


def test_a_price_lets_a_circle_into_a_private_charger(owner, driver, stranger, connector, charge_point):
    ChargePoint.objects.filter(pk=charge_point.pk).update(access="private")
    charge_point.refresh_from_db()
    circle = circle_of(owner, Kind.GROUP, driver)
    with pytest.raises(NotAdmitted):
        authorization.admit(driver, charge_point)
    give_price(connector, circle, "3")
    authorization.admit(driver, charge_point)
    assert list(ChargePoint.objects.visible_to(driver)) == [charge_point]
    assert search.in_box(driver, WORLD, Wanted()) == [charge_point]
    assert not ChargePoint.objects.visible_to(stranger).exists()
    assert search.in_box(stranger, WORLD, Wanted()) == []

    circles.invite(circle, stranger.email)
    with pytest.raises(NotAdmitted):
        authorization.admit(stranger, charge_point)
    assert not ChargePoint.objects.visible_to(stranger).exists()
    circles.remove(circle, circle.members.get(user=driver).pk)
    with pytest.raises(NotAdmitted):
        authorization.admit(driver, charge_point)


def test_cards_of_household_and_friends_go_into_the_box_those_of_groups_do_not(owner, driver, stranger, connector, charge_point):
    ChargePoint.objects.filter(pk=charge_point.pk).update(access="private")
    charge_point.refresh_from_db()
    for person, card in ((driver, CARD), (stranger, "04FFFFFF")):
        factories.make_id_token(person, card)
    give_price(connector, circle_of(owner, Kind.GROUP, driver, stranger), "0")
    assert local_lists.cards(charge_point) == []
    give_price(connector, circle_of(owner, Kind.HOUSEHOLD, stranger), "0")
    assert [card.id_tag for card in local_lists.cards(charge_point)] == ["04FFFFFF"]


def test_the_filter_by_price_asks_what_the_viewer_pays(owner, driver, connector, charge_point):
    give_price(connector, circle_of(owner, Kind.FRIENDS, driver), "1.50")
    cheap = Wanted(max_price_per_kwh=Decimal(2))
    assert search.in_box(driver, WORLD, cheap) == [charge_point]
    assert search.in_box(None, WORLD, cheap) == []
    give_price(connector, circle_of(owner, Kind.HOUSEHOLD, driver), "9")
    assert search.in_box(driver, WORLD, cheap) == []
    assert search.in_box(None, WORLD, Wanted(max_price_per_kwh=Decimal(7))) == [charge_point]


def test_a_map_costs_one_query_more_for_who_has_logged_in(owner, driver, django_assert_max_num_queries):
    circle = circle_of(owner, Kind.FRIENDS, driver)
    for _number in range(5):
        give_price(factories.make_charge_point(owner).connectors.get(), circle, "1")
    with django_assert_max_num_queries(4):  # places, their outlets, how far they may be counted on, and her prices
        found = search.in_box(driver, WORLD, Wanted()) or []
        prices = [prices_of(outlet) for one in found for outlet in one.connectors.all()]
    assert {each and each.price_per_kwh for each in prices} == {1}


def test_closing_an_account_takes_its_circles_and_memberships(owner, driver, stranger):
    circle = circle_of(owner, Kind.GROUP, driver, stranger)
    closing.prepare_closing(None, user=driver)
    assert list(circle.members.values_list("user", flat=True)) == [stranger.pk]
    closing.prepare_closing(None, user=owner)
    assert not Circle.objects.exists()
    assert not CircleMember.objects.exists()


def test_what_a_person_gets_of_her_circles(owner, driver, connector):
    give_price(connector, circle_of(owner, Kind.GROUP, driver, name="Street"), "3")
    hers = export.everything_about(owner)["circles"]
    assert [(circle["name"], circle["members"]) for circle in hers] == [("Street", ["Tereza"])]
    assert hers[0]["prices"][0]["connector__number"] == 1
    mine = export.everything_about(driver)["circles_i_am_in"]
    assert [(circle["circle__kind"], circle["circle__name"]) for circle in mine] == [("group", "Street")]


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite lets one writer in at a time")
def test_joining_eight_times_at_once_is_joining_once(owner, driver):
    group = circles.create_group(owner, "Street")
    answers = at_once(*[lambda: circles.join(link_of(group), driver)] * 8)
    assert len({member.pk for member in answers}) == 1
    assert CircleMember.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite lets one writer in at a time")
def test_the_last_place_goes_to_one(owner, driver, stranger, monkeypatch):
    monkeypatch.setattr(circles, "MEMBERS_PER_CIRCLE", 1)
    group = circles.create_group(owner, "Street")
    answers = at_once(lambda: circles.join(link_of(group), driver), lambda: circles.join(link_of(group), stranger))
    assert sorted(type(answer).__name__ for answer in answers) == ["CircleFull", "CircleMember"]


def test_versions_of_a_circles_tariff_are_kept_apart_from_the_session(owner, driver, connector, charge_point):
    factories.make_id_token(driver, CARD)
    tariff = give_price(connector, circle_of(owner, Kind.FRIENDS, driver), "2")
    started = begin(charge_point, CARD, meter=0)
    began_with = tariff.current
    tariff.current = TariffVersion.objects.create(tariff=tariff, number=2, price_per_kwh=9)
    tariff.save()
    assert ChargingSession.objects.get(transaction_id=started.transaction_id).tariff_version == began_with
