"""A month of the demo town's past: everything happens through the rooms, only the clock is set back while it does."""

import contextlib
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import cast

from django.db import transaction
from django.utils import timezone

from accounts import id_tokens, registration, vehicle_models, vehicles
from accounts.models import Notification, User
from billing import ledger, tariffs, top_ups
from billing.gateway import demo as demo_gateway
from billing.models import LedgerTransaction, Tariff, TopUp
from chargeshare.demo import bookings, drawings, opinions, payouts, sockets, town
from chargeshare.demo.town import BOXES, PEOPLE, Box, Person
from ocpp_core import dialects
from ocpp_core.simulator import Car, Outlet, Transaction
from stations import charge_points, connectivity, readings, sessions
from stations.metering import Reading, Sample
from stations.models import ChargePoint, ChargingSession, Connector
from stations.readings import Incoming

DAYS = 30
MOVED_IN_BEFORE = timedelta(days=3)
SEED = 746  # the post code of Opava begins with it
STEP_S = 300.0
BATCH = 12
MEASURANDS = "Energy.Active.Import.Register,Power.Active.Import"
ENOUGH_MINOR = 60_000
HOURS = (6, 7, 8, 9, 11, 12, 14, 15, 16, 16, 17, 17, 18, 18, 19, 20, 21, 22)


@dataclass(frozen=True)
class Visit:
    """Somebody charges somewhere; what comes of it is up to the rules."""

    at: datetime
    person: Person
    id_tag: str
    box: Box
    number: int
    wanted_wh: float
    ending: str = "Local"


def charger_password(identity: str) -> str:
    """Give the password of a demo charger, which its simulator must know again on the next day."""
    return f"demo-{identity.lower()}"


def seed(*, now: datetime | None = None, say: Callable[[str], None] = lambda _line: None) -> bool:
    """Build the town once; False where it stands already. Interrupted, it goes on where it was."""
    if User.objects.filter(email=town.STAFF).exists():
        return False
    now = _begun_at() or now or timezone.now()
    began = now - timedelta(days=DAYS)
    with _clock_at(began - MOVED_IN_BEFORE):
        people = {person.email: _move_in(person) for person in PEOPLE}
        boxes = {box.identity: _build(box, people[box.owner]) for box in BOXES}
    say(f"{len(people)} people and {len(boxes)} chargers around Opava.")
    with _clock_at(began - timedelta(days=1)):
        _welcome(people)
    for week, visits in _weeks(_visits(random.Random(SEED), began, now), began):
        if visits and ChargingSession.objects.filter(started_at=visits[0].at).exists():
            continue
        dice = random.Random(f"{SEED} {visits[0].at if visits else week}")
        _fill_wallets(people, week, dice)
        with transaction.atomic():
            for visit in visits:
                _charge(visit, boxes[visit.box.identity], dice, now)
    say(f"{ChargingSession.objects.count()} charging sessions in the last {DAYS} days.")
    with _clock_at(now - timedelta(hours=20)):
        asked = payouts.make(people[town.OWNER], timezone.now())
    say(f"{asked} payout that waits for staff.")
    _read_old_news(now)
    say(f"{drawings.hang()} drawings of where the chargers are.")
    say(f"{bookings.make(timezone.now())} bookings for the days to come.")
    say(f"{opinions.make(timezone.now())} reviews of the last days.")
    sockets.make(now)
    registration.register(town.STAFF, town.PASSWORD, name="Správa ChargeShare", is_staff=True, confirmed=True)
    User.objects.filter(email=town.STAFF).update(is_superuser=True)
    return True


def _begun_at() -> datetime | None:
    """Give the present of a town whose building was interrupted, so that its plan is the same again."""
    first = User.objects.filter(email=PEOPLE[0].email).first()
    return first.date_joined + MOVED_IN_BEFORE + timedelta(days=DAYS) if first is not None else None


def top_up(user: User, amount_minor: int) -> TopUp | None:
    """Pay money into a wallet as a browser would, through the demo gateway."""
    begun = top_ups.begin(user, amount_minor)
    payment = demo_gateway.find(begun.gateway_id or "")
    if payment is None or begun.gateway_id is None:
        return None
    TopUp.objects.filter(pk=begun.pk).update(created_at=timezone.now())
    demo_gateway.pay(payment)
    return top_ups.refresh(begun.gateway_id)


def register_wh(connector: Connector) -> int:
    """Give what the meter of an outlet shows after its last session."""
    last = ChargingSession.objects.filter(connector=connector).order_by("-id").first()
    if last is None:
        return 0
    shown = [last.meter_start_wh or 0, last.meter_stop_wh or 0, int(last.meter.get("register") or 0)]
    return max(shown)


@contextlib.contextmanager
def _clock_at(moment: datetime) -> Iterator[None]:
    """Let it be another time for everything that asks: rows write the time down by themselves, and the books are never changed."""
    real = timezone.now
    timezone.now = lambda: moment
    try:
        yield
    finally:
        timezone.now = real


def _move_in(person: Person) -> User:
    user = User.objects.filter(email=person.email).first()
    if user is None:
        if person.email in town.LOGINS:
            user = registration.register(person.email, town.PASSWORD, name=person.name, confirmed=True)
        else:
            user = User.objects.create_user(person.email, name=person.name)
        User.objects.filter(pk=user.pk).update(date_joined=timezone.now())
    for uid, label in person.cards:
        if id_tokens.find(uid) is None:
            id_tokens.add(user, uid, confirmed=True, label=label)
    if person.car and not user.vehicles.exists():
        model = vehicle_models.find(person.car)
        if model is not None:
            vehicles.create(user, {**vars(model), "name": model.full_name})
    return user


def _build(box: Box, owner: User) -> ChargePoint:
    charge_point = charge_points.find_by_identity(box.identity)
    if charge_point is None:
        charge_point, _password = charge_points.register(
            owner=owner,
            identity=box.identity,
            password=charger_password(box.identity),
            name=box.name,
            address=box.address,
            description=box.description,
            latitude=box.latitude,
            longitude=box.longitude,
            access=box.access,
            make=box.make[0],
            auto_configure=False,
        )
    vendor, model, firmware = box.make
    serial = f"{random.Random(box.identity).randrange(10**9):09}"
    if charge_point.booted_at is None:
        connectivity.boot(charge_point, vendor=vendor, model=model, firmware=firmware, serial_number=serial)
    for number, (kind, power_w) in enumerate(box.outlets, start=1):
        connector = connectivity.connector(charge_point, number)
        if connector.tariff is None:
            charge_points.edit_connector(connector, type=kind, max_power_w=power_w, tariff=_tariff(owner, box))
            now = timezone.now()
            connectivity.status(charge_point, connector_number=number, status="Available", error_code="NoError", at=now, received_at=now)
    return charge_points.publish(charge_point)


def _tariff(owner: User, box: Box) -> Tariff:
    known = tariffs.of(owner).filter(name=box.price.name).first()
    return known or tariffs.create(owner, box.price.values())


def _welcome(people: dict[str, User]) -> None:
    if LedgerTransaction.objects.filter(kind="grant").exists():
        return
    for email in (town.DRIVER, "jakub.cerny@example.com", "eva.nemcova@example.com"):
        ledger.grant(people[email], 10_000, reason="Vítejte v ChargeShare")


def _fill_wallets(people: dict[str, User], week: datetime, dice: random.Random) -> None:
    for person in PEOPLE:
        if not person.visits_a_week:
            continue
        moment = week + timedelta(minutes=dice.randrange(5, 300))
        with _clock_at(moment):
            missing = person.visits_a_week * 22_000 + ENOUGH_MINOR - ledger.wallet(people[person.email]).available_minor
            if missing > 0:
                top_up(people[person.email], -(-missing // 50_000) * 50_000)


def _visits(dice: random.Random, began: datetime, now: datetime) -> list[Visit]:
    """Plan who charges where and when; nobody drives to an outlet that somebody else has planned for the same hours."""
    planned: list[Visit] = []
    for person in PEOPLE:
        own = [box for box in BOXES if box.owner == person.email]
        others = [box for box in BOXES if box.owner != person.email and box.today != "faulty"]
        for _ in range(round(person.visits_a_week * DAYS / 7)):
            day = began + timedelta(days=dice.randrange(DAYS))
            at = day.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(hours=dice.choice(HOURS), seconds=dice.randrange(3600))
            box = dice.choice(own) if own else dice.choices(others, [other.popularity for other in others])[0]
            number = dice.randrange(len(box.outlets)) + 1
            power_w = box.outlets[number - 1][1]
            wanted_wh = dice.uniform(15_000, 42_000) if power_w > 22_000 else dice.triangular(4_000, 30_000, 14_000)
            ending = dice.choice(("Local", "Local", "EVDisconnected", "EVDisconnected", "Remote"))
            id_tag = dice.choice(person.cards)[0]
            visit = Visit(at, person, id_tag, box, number, wanted_wh, ending)
            if began < at < now - timedelta(hours=8) and not any(_collide(visit, other) for other in planned):
                planned.append(visit)
    planned.sort(key=lambda visit: visit.at)
    return _with_oddities(planned)


def _with_oddities(planned: list[Visit]) -> list[Visit]:
    """Let some things go as they sometimes do: a meter that jumps, a stop that never comes, a card nobody knows."""
    paid = [
        index for index, visit in enumerate(planned) if visit.box.owner != visit.person.email and visit.box.price is not town.RADUN_FREE
    ]
    for index, ending in ((paid[-4], "jump"), (paid[len(paid) // 2], "lost")):
        planned[index] = replace(planned[index], ending=ending)
    stranger = planned[paid[-9]]
    planned.insert(
        paid[-9] + 1,
        replace(stranger, at=stranger.at + timedelta(hours=7), id_tag=town.ID_TAG_OF_STRANGER, wanted_wh=0, ending="DeAuthorized"),
    )
    return sorted(planned, key=lambda visit: visit.at)


def _collide(one: Visit, other: Visit) -> bool:
    same_place = (one.box.identity, one.number) == (other.box.identity, other.number)
    return (same_place or one.person == other.person) and abs(one.at - other.at) < timedelta(hours=6)


def _weeks(visits: list[Visit], began: datetime) -> Iterator[tuple[datetime, list[Visit]]]:
    for week in range(DAYS // 7 + 1):
        begins, ends = began + timedelta(days=7 * week), began + timedelta(days=7 * (week + 1))
        yield begins, [visit for visit in visits if begins <= visit.at < ends]


def _charge(visit: Visit, charge_point: ChargePoint, dice: random.Random, now: datetime) -> None:
    """Run one visit."""
    connector = connectivity.connector(charge_point, visit.number)
    power_w = connector.max_power_w or 0
    outlet = Outlet(visit.number, power_w, register_wh(connector) or dice.randrange(200_000, 4_000_000), is_plugged=True)
    car_power_w = power_w * 0.92 if power_w > 22_000 else dice.choice((7_360, 11_000, 11_000, 11_000))
    outlet.car = Car(wanted_wh=visit.wanted_wh, max_power_w=min(power_w, car_power_w))
    start = dialects.start_transaction(
        {"connectorId": visit.number, "idTag": visit.id_tag, "meterStart": outlet.register_wh, "timestamp": visit.at.isoformat()}, visit.at
    )
    with _clock_at(visit.at):
        begun = sessions.begin(
            charge_point,
            connector_number=visit.number,
            id_tag=visit.id_tag,
            meter_start_wh=outlet.register_wh,
            started_at=visit.at,
            received_at=visit.at,
            start_key=dialects.start_key(charge_point.pk, start, visit.at),
        )
    at = visit.at + timedelta(seconds=20)
    if begun.status == "Accepted":
        at = _flow(visit, charge_point, outlet, begun.transaction_id, now)
    with _clock_at(at):
        if visit.ending == "lost":
            session = ChargingSession.objects.get(transaction_id=begun.transaction_id)
            sessions.close(user=session.owner, session=session)
        else:
            sessions.stop(
                charge_point,
                transaction_id=begun.transaction_id,
                meter_stop_wh=outlet.register_wh + (1_000_000 if visit.ending == "jump" else 0),
                stopped_at=at,
                reason="Local" if visit.ending == "jump" else visit.ending,
                id_tag=visit.id_tag if visit.ending in ("Local", "jump") else "",
                received_at=at,
            )


def _flow(visit: Visit, charge_point: ChargePoint, outlet: Outlet, transaction_id: int, now: datetime) -> datetime:
    """Let energy flow and tell of it, twelve readings at a time; returns when the car has what it wanted."""
    outlet.transaction = Transaction(visit.id_tag, visit.at, outlet.register_wh, transaction_id)
    outlet.status = "Charging"
    at, told = visit.at, []
    while outlet.transaction.charged_wh < visit.wanted_wh and at < min(now - timedelta(hours=1), visit.at + timedelta(hours=5)):
        outlet.advance(STEP_S)
        at += timedelta(seconds=STEP_S)
        samples = [cast("Sample", {"format": "Raw", **sample}) for sample in outlet.sampled_values(MEASURANDS, "Sample.Periodic")]
        told.append(Reading(at=at, samples=samples))
        if len(told) == BATCH:
            _tell(charge_point, outlet, transaction_id, told)
            told = []
    _tell(charge_point, outlet, transaction_id, told)
    return at + timedelta(seconds=90)


def _tell(charge_point: ChargePoint, outlet: Outlet, transaction_id: int, told: list[Reading]) -> None:
    if told:
        with _clock_at(told[-1].at):
            readings.store([Incoming(charge_point.pk, outlet.number, transaction_id, tuple(told), told[-1].at)])


def _read_old_news(now: datetime) -> None:
    """Nobody gets e-mails about the past, and most of it has been read."""
    Notification.objects.filter(emailed_at=None).update(emailed_at=now)
    Notification.objects.filter(read_at=None, created_at__lt=now - timedelta(days=3)).update(read_at=now - timedelta(days=2))
