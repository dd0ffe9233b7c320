"""A person to whom everything has happened that a page can show."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.utils import timezone

from accounts import notifications
from accounts.models import User
from billing import bank_accounts, disputes, ledger, payouts, seller_data, top_ups
from billing.gateway import demo
from billing.models import BankAccount, Dispute, Payout, TopUp
from ocpp_core.models import ConfigurationKey, ConnectionAttempt, OcppFrame
from stations import (
    areas,
    arrival,
    booking_rules,
    booking_series,
    charge_points,
    circles,
    command_batches,
    commands,
    evidence,
    favourites,
    filter_profiles,
    pairing,
    photos,
    problems,
    readings,
    reservations,
    reviews,
    sessions,
    site_facts,
    threads,
    waitlist,
)
from stations.metering import Reading
from stations.models import ChargePoint, ChargingSession, Connector, OperatorReservation, PrepaidStart, Reservation, WaitlistPlace
from stations.readings import Incoming
from tests import factories
from tests.photographs import make_photo
from tests.stations.acting import begin, go_online, session_of, stop

HOUR = timedelta(hours=1)
STEPS = 8
Status = ChargingSession.Status


@dataclass(frozen=True)
class Town:
    """Whom and what the pages are opened with."""

    me: User
    staff: User
    home: ChargePoint
    spare: ChargePoint
    neighbour: ChargePoint
    sessions: dict[str, ChargingSession]
    top_ups: dict[str, TopUp]
    pairings: list[int]
    reservations: dict[str, Reservation]
    waiting: list[WaitlistPlace]
    disputes: list[Dispute]
    prepaid: list[PrepaidStart]
    links: list[str]


def build() -> Town:
    """Let it all happen, through the rooms."""
    now = timezone.now()
    me = factories.make_user("Jana Horká-Procházková", email="jana@example.com")
    EmailAddress.objects.create(user=me, email=me.email, primary=True, verified=True)
    host = factories.make_user("Pavel Novák")
    guest = factories.make_user("Tereza Malá")
    for person in (me, guest):
        factories.give_credit(person, 200_000)
    ledger.grant(me, 10_000, reason="Výpadek proudu")
    factories.make_vehicle(me, plate="1AB 2345")
    factories.make_vehicle(me, name="Mercedes-Benz EQE 350 po tchánovi", battery_wh=89_000, dc_limit_w=170_000)
    my_card, guests_card, blocked = (factories.make_id_token(person) for person in (me, guest, me))
    factories.make_id_token(me, "04:A2:B3:C4:D5:E6:80", confirmed=False, label="Klíčenka od auta v garáži u babičky")
    blocked.is_blocked = True
    blocked.save()

    home = _home(me, guest)
    spare = _spare(me)
    neighbour = factories.make_charge_point(host, connectors=3, name="Wallbox Kateřinky", address="Holasická 12, Opava")
    go_online(neighbour)
    visits = {
        "paid": _visit(neighbour, my_card.uid, now - 30 * HOUR, wh=14_203),
        "hosted": _visit(home, guests_card.uid, now - 20 * HOUR, wh=31_457),
        "free": _visit(home, my_card.uid, now - 10 * HOUR, wh=8_001),
        "nothing": _visit(neighbour, my_card.uid, now - 8 * HOUR, wh=40),
        "review": _visit(neighbour, my_card.uid, now - 60 * HOUR, wh=140_000),
        "invalid": session_of(begin(neighbour, blocked.uid, at=now - 5 * HOUR)),
        "estimated": _forgotten(neighbour, my_card.uid, now - 4 * HOUR, host),
        "active": _visit(neighbour, my_card.uid, now - HOUR, wh=7_777, ends=False, number=2),
        "visited": _visit(home, guests_card.uid, now - HOUR, wh=9_999, ends=False),
        "pending": sessions.request_start(driver=me, connector=neighbour.connectors.get(number=3), max_energy_wh=20_000),
    }
    favourites.add(me, neighbour, note="Zvonit u Novákových, brána se zavírá sama a druhá zásuvka je za rohem u kůlny")
    favourites.add(me, home)
    filter_profiles.save(me, name="Po cestě do Ostravy", filters={"connector_type": "CCS,TYPE_2", "min_power_w": "11000", "facts": "cable"})
    areas.watch(me, areas.Area("Opava a okolí", 49.9387, 17.9026, radius_km=10, connector_types=["TYPE_2"], min_power_w=11_000))
    site_facts.edit(neighbour, {"has_cable": True, "fits_trailer": True, "is_overnight": True, "has_barrier": True, "max_height_cm": 210})
    for person, text in ((me, "Nemůžu najít zásuvku."), (host, "Na boku chaty pod přístřeškem, za oranžovým krytem."), (me, "Už ji mám.")):
        threads.write(user=person, visit=visits["paid"], text=text)
    for number, place in enumerate((neighbour, neighbour, home)):
        photos.add(place, make_photo(colour=("teal", "tan")[number % 2]), caption="Zásuvka je na boku chaty pod přístřeškem.")
    kind = "Kabel dosáhl i dozadu k zásuvce. Start napoprvé, účtenka seděla na haléř a hostitel poradil s parkováním."
    reviews.write(user=me, session=visits["paid"], rating=4, text=kind, tags=["easy_to_find", "started_at_once", "as_described"])
    said = reviews.write(user=host, session=visits["paid"], rating=5, text="Příjemná řidička.", tags=["careful"])
    for visit in (visits["paid"], visits["hosted"]):
        lid = "Víčko zásuvky nedrží a drží ho jen šňůrka u rámu."
        problems.report(user=threads.sides(visit)[0], visit=visit, kind="broken", text=lid)
    reviews.reply(user=host, review=said.session.reviews.get(side="driver"), text="Děkujeme, přijeďte zase.")
    _news(me)
    _money_out(me)
    links = _circles(me, host, guest, home)
    command_batches.begin([home, spare], "GetConfiguration", {"key": ["HeartbeatInterval"]}, asked_by=me)
    return Town(
        me=me,
        staff=factories.make_user("Správa", email="staff@example.com", is_staff=True, is_superuser=True),
        home=home,
        spare=spare,
        neighbour=neighbour,
        sessions=visits,
        top_ups=_top_ups(me),
        pairings=_pairings(me, neighbour, spare),
        reservations=_reservations(me, guest, neighbour, home),
        waiting=_waiting(me, guest, neighbour),
        disputes=_disputes(me, visits),
        prepaid=[
            PrepaidStart.objects.create(
                driver=me,
                connector=neighbour.connectors.get(number=1),
                top_up=TopUp.objects.filter(user=me).order_by("pk").first(),
                amount_minor=20_000,
                status="failed",
                note="Nabíječka se neozvala.",
                returned_at=now,
            )
        ],
        links=links,
    )


def _circles(me: User, host: User, guest: User, home: ChargePoint) -> list[str]:
    """My friends with one of them, a household that has not answered, a group; and whose circles I am in. Returns links to join."""
    household, friends = circles.all_of(me)
    circles.invite(friends, guest.email)
    circles.accept(guest, friends.pk)
    circles.invite(household, host.email)
    circles.set_prices(home.connectors.get(number=1), {friends: factories.make_tariff(me, "2.50")})
    street = circles.create_group(me, "Sousedé z ulice Na Konci světa za železničním přejezdem")
    neighbours, club = circles.create_group(host, "Sousedé"), circles.create_group(host, "Klub elektromobilů")
    circles.join(neighbours.link or "", me)
    circles.invite(circles.all_of(host)[0], me.email)
    return [club.link or "", neighbours.link or "", street.link or ""]


def guard(person: User) -> None:
    """A second factor and its recovery codes."""
    TOTP.activate(person, generate_totp_secret())
    RecoveryCodes.activate(person)


def _home(me: User, guest: User) -> ChargePoint:
    """Mine, with everything: two connectors, one of them broken, an invitation, commands, frames, settings, refusals."""
    tariff = factories.make_tariff(
        me,
        price_per_minute="0.2500",
        session_fee="9.00",
        idle_price_per_minute="1.50",
        bands=[{"days": [1, 2, 3, 4, 5], "from": "22:00", "to": "06:00", "price_per_kwh": "4.90"}],
    )
    home = factories.make_charge_point(me, tariff=tariff, connectors=2, name="Garáž na konci dlouhé slepé ulice", access="private")
    charge_points.edit(home, address="Krnovská 2871/71, 746 01 Opava", description="Vjezd ze dvora.\nKlíč má soused.", make="solax")
    charge_points.invite(home, guest.email)
    connector = home.connectors.get(number=2)
    Connector.objects.filter(pk=connector.pk).update(
        status="Faulted", error_code="GroundFailure", info="RCD tripped", vendor_error_code="E-117"
    )
    go_online(home)
    ChargePoint.objects.filter(pk=home.pk).update(booted_at=timezone.now(), vendor="SolaX", model="X3-HAC-11KW-P-R", firmware="1.023.04")
    home.refresh_from_db()
    for action, payload, status, response in (
        ("UnlockConnector", {"connectorId": 1}, "accepted", {"status": "Unlocked"}),
        ("ClearCache", {}, "rejected", {"code": "NotSupported", "description": "Not here"}),
    ):
        command = commands.ask(home, action, payload, source="person", asked_by=me)
        claimed = commands.claim(command.pk)
        assert claimed is not None
        commands.record_result(claimed, status=status, response=response)
    commands.ask(home, "TriggerMessage", {"requestedMessage": "StatusNotification"}, source="person", asked_by=me)
    _what_the_door_knows(home)
    return home


def _spare(me: User) -> ChargePoint:
    """Mine too: it sends no password and has never come."""
    spare, _password = charge_points.register(owner=me, name="Chata", latitude=49.95, longitude=17.9, password="", make="wallbox")
    return spare


def _what_the_door_knows(charge_point: ChargePoint) -> None:
    now = timezone.now()
    for outcome, detail in (("wrong_password", "19 characters came, the password has 20"), ("accepted", "")):
        words = {"outcome": outcome, "detail": detail, "address": "2001:db8:85a3::8a2e:370:7334", "first_at": now, "at": now, "times": 3}
        ConnectionAttempt.objects.create(charge_point=charge_point, identity=charge_point.identity, **words)
    for key, value in (("HeartbeatInterval", "300"), ("MeterValuesSampledData", "Energy.Active.Import.Register,Power.Active.Import,SoC")):
        ConfigurationKey.objects.create(charge_point=charge_point, key=key, value=value, read_at=now)
    said = [
        ("from_charger", "call", '[2,"1","StatusNotification",{"connectorId":1,"errorCode":"NoError","status":"Charging"}]'),
        ("to_charger", "result", '[3,"1",{}]'),
        ("to_charger", "call", '[2,"2","UnlockConnector",{"connectorId":1}]'),
        ("from_charger", "error", '[4,"2","NotSupported","not here",{}]'),
    ]
    for number, (direction, kind, raw) in enumerate(said):
        words = {
            "direction": direction,
            "type": kind,
            "raw": raw,
            "message_id": str(number // 2 + 1),
            "answered_in_ms": 12 if number % 2 else None,
        }
        OcppFrame.objects.create(charge_point=charge_point, at=now, action=("StatusNotification", "UnlockConnector")[number // 2], **words)


def _visit(place: ChargePoint, card: str, at: datetime, *, wh: int, ends: bool = True, number: int = 1) -> ChargingSession:
    """Some hours of charging at 9 kW with a few readings; more than half a day of it is more than a connector of 11 kW can give."""
    began = begin(place, card, meter=1_000_000, at=at, number=number)
    lasts = min(HOUR * wh / 9_000, 10 * HOUR)
    said = [
        Reading(at + lasts * step / STEPS, [_sample(1_000_000 + wh * step // STEPS), _sample(9_000, "Power.Active.Import", "W")])
        for step in range(1, STEPS + (0 if ends else 1))
    ]
    readings.store([Incoming(place.pk, number, began.transaction_id, (reading,), reading.at) for reading in said])
    if ends:
        stop(place, began.transaction_id, meter=1_000_000 + wh, at=at + lasts)
    else:
        Connector.objects.filter(charge_point=place, number=number).update(status="Charging")
    return session_of(began)


def _sample(value: int, measurand: str = "Energy.Active.Import.Register", unit: str = "Wh") -> Any:
    return {"value": str(value), "measurand": measurand, "unit": unit}


def _forgotten(place: ChargePoint, card: str, at: datetime, host: User) -> ChargingSession:
    """The charger never said goodbye; then it did after all, and the bill was put right."""
    session = _visit(place, card, at, wh=3_000, ends=False)
    sessions.close(user=host, session=session)
    stop(place, session.transaction_id, meter=1_002_500, at=at + HOUR)
    return ChargingSession.objects.select_related("cdr").get(pk=session.pk)


def _disputes(me: User, visits: dict[str, ChargingSession]) -> list[Dispute]:
    """One that waits for an answer, as its driver sees it, and one of a guest that I am to answer."""
    opened = []
    for name, user in (("estimated", me), ("hosted", None)):
        session = visits.get(name)
        if session is None or session.cdr is None:
            continue
        complainant = user or session.driver
        assert complainant is not None
        opened.append(
            disputes.open_dispute(
                complainant,
                session.cdr,
                reason="too_much",
                text="Auto ukazuje o dvě kilowatthodiny méně.",
                amount_minor=None,
                evidence=evidence.of(session),
            )
        )
    return opened


def _top_ups(me: User) -> dict[str, TopUp]:
    """One of each kind."""
    made = {}
    for state in ("pending", "paid", "closed", "review"):
        begun = top_ups.begin(me, 20_000)
        payment = demo.find(begun.gateway_id or "")
        assert payment is not None
        if state == "paid":
            demo.pay(payment)
        elif state == "closed":
            demo.cancel(payment)
        top_ups.refresh(begun.gateway_id or "")
        if state == "review":
            TopUp.objects.filter(pk=begun.pk).update(status="review")
        made[state] = TopUp.objects.get(pk=begun.pk)
    return made


def _money_out(me: User) -> None:
    """A bank account in use and one that is coming; payouts of every kind."""
    entries = [(ledger.platform_account("bank"), -500_000), (ledger.account(me, "earnings_available"), 500_000)]
    ledger.post(key="test:earned", kind="test", entries=entries)
    account, _is_new = bank_accounts.enter(me, "19-2000145399/0800")
    bank_accounts.confirm(account)
    BankAccount.objects.filter(pk=account.pk).update(usable_from=timezone.now())
    account.refresh_from_db()
    for amount_minor in (20_000, 120_050, 30_000):
        payouts.request(me, amount_minor, account)
    first = Payout.objects.order_by("pk")[0]
    payouts.cancel(first)
    payouts.fail(Payout.objects.order_by("pk")[1], reason="The bank does not know the account.")
    coming, _is_new = bank_accounts.enter(me, "1234567899/0800", name="Jana Horká-Procházková")
    payouts.request(me, 45_000, coming)
    seller_data.ask(now=timezone.now())


def _pairings(me: User, *places: ChargePoint) -> list[int]:
    """One waits, one was too late."""
    made = [pairing.open(me, place) for place in places]
    made[-1].expires_at = timezone.now()
    made[-1].save()
    return [one.pk for one in made]


def _waiting(me: User, guest: User, neighbour: ChargePoint) -> list[WaitlistPlace]:
    """One place in a line, and one whose turn has come."""
    connector, begins_at = neighbour.connectors.all()[0], timezone.now() + 200 * HOUR
    places = []
    for number in range(2):
        slot = {"begins_at": begins_at + 5 * number * HOUR, "ends_at": begins_at + (5 * number + 2) * HOUR}
        taken = reservations.book(driver=guest, connector=connector, **slot)
        places.append(waitlist.join(driver=me, connector=connector, **slot))
        if number:
            reservations.cancel(user=guest, reservation=taken)
    return places


def _reservations(me: User, guest: User, neighbour: ChargePoint, home: ChargePoint) -> dict[str, Reservation]:
    """Mine to come and mine that came to nothing, a guest's at my charger, and what a charger holds by itself."""
    evening = timezone.localtime().replace(hour=18, minute=0, second=0, microsecond=0) + 24 * HOUR
    made = {
        "booked": (me, neighbour.connectors.get(number=1), evening, 3.5),
        "cancelled": (me, neighbour.connectors.get(number=2), evening + 24 * HOUR, 2),
        "expired": (me, neighbour.connectors.get(number=3), evening + 48 * HOUR, 12),
        "hosted": (guest, home.connectors.get(number=1), evening, 2),
    }
    rows = {
        name: reservations.book(driver=person, connector=connector, begins_at=begins_at, ends_at=begins_at + hours * HOUR)
        for name, (person, connector, begins_at, hours) in made.items()
    }
    opened = booking_rules.edit(
        home,
        approval="first",
        buffer_minutes=30,
        free_until_hours=24,
        late_fee_minor=3_000,
        no_show_fee_minor=5_000,
        wants_confirmed_email=False,
        open=[{"days": [1, 2, 3, 4, 5], "from": "06:00", "to": "12:00"}, {"from": "13:00", "to": "24:00"}],
        own=[{"days": [7], "from": "18:00", "to": "20:00"}],
    )
    booking_rules.close(opened.charge_point, begins_at=evening + 500 * HOUR, ends_at=evening + 600 * HOUR, note="Dovolená u moře")
    arrival.edit(home, spot="Druhé stání vlevo", gate_code="2580#", socket="Pod přístřeškem", rules="Po 22. hodině potichu.")
    afternoon = evening + 68 * HOUR
    rows["requested"] = booking_series.book(
        driver=guest, connector=home.connectors.all()[0], begins_at=afternoon, ends_at=afternoon + HOUR, weeks=3, skip_taken=True
    )[0]
    rows["cancelled"] = reservations.cancel(user=me, reservation=rows["cancelled"])
    Reservation.objects.filter(pk=rows["expired"].pk).update(
        status=Reservation.Status.EXPIRED, answer="Occupied", begins_at=evening - 48 * HOUR, ends_at=evening - 47 * HOUR
    )
    OperatorReservation.objects.create(
        charge_point=home, connector_number=1, reservation_id=7, id_tag="04A2B3C4D5E680", expires_at=timezone.now() + HOUR
    )
    return rows


def _news(me: User) -> None:
    for kind, words in (
        ("session_finished", {"place": "Wallbox Kateřinky", "energy_wh": 14_203, "total_minor": 9_232, "currency": "CZK"}),
        ("charger_alert", {"place": "Garáž", "reason": "It reports a fault."}),
        ("credit_low", {"available_minor": 5_000, "currency": "CZK"}),
    ):
        notifications.notify(me, kind, url="/sessions/", **words)
