"""How many questions a page asks the database: as many for thirty rows as for three, and no more than stands here.

A page that asks once for each of its rows is quick on the day it is written and slow on the day it is needed.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import Notification, User
from billing import disputes
from billing.models import ChargeDetailRecord, Dispute
from ocpp_core.models import ChargerDeviation, ConfigurationKey, ConnectionAttempt, OcppFrame
from stations import circles
from stations.models import (
    AreaAlert,
    ChargePoint,
    ChargingSession,
    Command,
    CommandBatch,
    Favourite,
    FilterProfile,
    Message,
    MeterCase,
    MeterValue,
    Problem,
    Reservation,
    Review,
    Sticker,
    Thread,
)
from tests import factories

FEW, MANY = 3, 30
API = "/api/v1/"
WORDS = ["meterStop:missing", "timestamp:naive", "idTag:long", "unit:unknown", "frame:repaired"]

# How many at most, and by whom each is opened. `{box}` and the like are filled in from the town.
DRIVERS = {
    "stations:map": 15,
    "stations:charge_point_detail {box}": 28,
    "stations:book {box}": 22,
    "stations:session_list": 18,
    "stations:session_detail {session}": 15,
    "stations:reservation_list": 14,
    "stations:session_problem {session}": 20,
    "stations:threads": 12,
    f"{API}problems/": 8,
    f"{API}threads/": 8,
    "stations:my_circles": 13,
    "stations:favourites": 18,
    "stations:reviews {box}": 18,
    "stations:driver_statistics": 14,
    "stations:session_messages {session}": 18,
    "accounts:id_tokens": 12,
    "accounts:notifications": 13,
    "billing:wallet": 23,
    "billing:wallet_statement {month}": 18,
    "billing:receipt {receipt}": 15,
    "billing:disputes": 12,
    f"{API}charge-points/": 8,
    f"{API}charge-points/?near=49.9,17.9": 11,
    f"{API}charge-points/?near=49.9,17.9&ordering=price": 11,
    "stations:filter_profiles": 13,
    "stations:areas": 12,
    f"{API}filter-profiles/": 7,
    f"{API}areas/": 7,
    f"{API}places/?q=ko": 4,
    f"{API}charge-points/{{box}}/": 10,
    f"{API}sessions/": 9,
    f"{API}sessions/{{session}}/": 9,
    f"{API}sessions/{{session}}/meter-values/": 12,
    f"{API}receipts/": 10,
    f"{API}wallet/entries/": 13,
    f"{API}notifications/": 7,
    f"{API}me/id-tokens/": 7,
    f"{API}reservations/": 8,
    f"{API}favourites/": 8,
    f"{API}reviews/": 8,
}
OWNERS = {
    "stations:owner": 25,
    "/owner/?period=year": 30,
    "stations:owner_charge_points": 15,
    "stations:owner_sessions": 13,
    "stations:owner_charge_point {box}": 21,
    "stations:owner_reservations": 15,
    "stations:owner_problems {box}": 14,
    "stations:owner_stickers {box}": 14,
    f"{API}problems/?role=owner": 8,
    "stations:circles": 13,
    "stations:circle {circle}": 14,
    "billing:tariff_list": 11,
    "billing:earnings": 24,
    "billing:monthly_statement {month}": 18,
    "billing:taxes": 18,
    "billing:payouts": 24,
    "ocpp_core:console {box}": 15,
    "ocpp_core:batches": 11,
    "ocpp_core:batch_new": 14,
    "ocpp_core:messages {box}": 18,
    "ocpp_core:configuration {box}": 14,
    "ocpp_core:connection {box}": 14,
    "ocpp_core:deviations {box}": 13,
    "ocpp_core:firmware {box}": 16,
    "ocpp_core:security {box}": 18,
    "ocpp_core:local_list {box}": 18,
    "ocpp_core:charging_profiles {box}": 17,
    f"{API}charge-points/?role=owner": 12,
    f"{API}sessions/?role=owner": 8,
    f"{API}tariffs/": 8,
    f"{API}earnings/": 14,
    f"{API}charge-points/{{box}}/messages/": 12,
    f"{API}charge-points/{{box}}/commands/": 11,
    f"{API}charge-points/{{box}}/connections/": 11,
    f"{API}reservations/?role=owner": 8,
    f"{API}command-batches/": 10,
}
STAFFS = {
    "admin:stations_review_desk": 16,
    "admin:billing_dispute_desk": 16,
    "admin:billing_proof": 16,
    "admin:stations_chargepoint_changelist": 16,
    "admin:stations_chargingsession_changelist": 16,
    "admin:stations_metervalue_changelist": 16,
    "admin:stations_metercase_changelist": 16,
    "admin:stations_problem_changelist": 16,
    "admin:stations_sticker_changelist": 16,
    "admin:stations_reservation_changelist": 16,
    "admin:billing_chargedetailrecord_changelist": 16,
    "admin:billing_dispute_changelist": 16,
    "admin:ocpp_core_ocppframe_changelist": 16,
    "admin:accounts_user_changelist": 16,
    "admin:accounts_notification_changelist": 16,
    "admin:stations_command_changelist": 16,
    "admin:stations_review_changelist": 16,
    "admin:stations_quarantinedmessage_changelist": 16,
    "admin:ocpp_core_chargerdeviation_changelist": 16,
    "admin:ocpp_core_connectionattempt_changelist": 16,
    "admin:billing_ledgerentry_changelist": 16,
}


@dataclass
class Place:
    """Whom and what there is, and how to make more of it."""

    driver: User
    owner: User
    staff: User
    named: dict[str, Any] = field(default_factory=dict)
    rows: int = 0

    def grow(self, rows: int) -> None:
        """Let everything there is come to so many rows."""
        for number in range(self.rows, rows):
            self._add(number)
        self.rows = rows

    def _add(self, number: int) -> None:
        now = timezone.now()
        tariff = factories.make_tariff(self.owner)
        box = factories.make_charge_point(self.owner, tariff=tariff, connectors=2, latitude=f"49.9{number:02d}", longitude="17.9")
        ChargePoint.objects.filter(pk=box.pk).update(booted_at=now)
        first = self.named.setdefault("_box", box)
        self.named.setdefault("box", box.code)
        card = factories.make_id_token(self.driver)
        factories.give_credit(self.driver, 1_000)
        session = self._visit(box, card, number)
        self.named.setdefault("session", session.code)
        friends = circles.create_group(self.owner, f"Friends {number}")
        circles.join(friends.link or "", self.driver)
        circle = self.named.setdefault("_circle", friends)
        self.named.setdefault("circle", friends.pk)
        circles.invite(circle, factories.make_user(f"Guest {number}").email)
        circles.set_prices(box.connectors.get(number=1), {friends: tariff})
        news = {"place": "x", "energy_wh": 1, "earned_minor": 1, "currency": "CZK"}
        Notification.objects.create(user=self.driver, kind="earned", context=news)
        begins_at = now + timedelta(days=2, hours=2 * number)
        connector = first.connectors.get(number=1)
        Reservation.objects.create(
            driver=self.driver, charge_point=first, connector=connector, begins_at=begins_at, ends_at=begins_at + timedelta(hours=1)
        )
        FilterProfile.objects.create(user=self.driver, name=f"Filters {number}", filters={"fits_car": "true", "connector_type": "CCS"})
        circle_on_map = {"latitude": 49.9, "longitude": 17.9, "south": 49.8, "north": 50, "west": 17.8, "east": 18}
        AreaAlert.objects.create(user=self.driver, name=f"Area {number}", radius_km=5, **circle_on_map)
        self._spoken(first, number)

    def _visit(self, box: ChargePoint, card: Any, number: int) -> ChargingSession:
        at = timezone.now() - timedelta(minutes=5 + number)
        connector = box.connectors.get(number=1)
        code = ChargePoint._meta.get_field("connection").to_python(f"{number:032x}")
        said = {"started_at": at, "stopped_at": at, "energy_wh": 1_000, "owner": self.owner, "driver": self.driver}
        cdr = ChargeDetailRecord.objects.create(
            **said,
            number=f"Q-{number}",
            session_code=code,
            owner_name="Pavel Novák",
            place_name=box.name,
            charge_point_code=box.code,
            connector_label="1",
            currency="CZK",
            total_minor=650,
            fee_minor=65,
            owner_minor=585,
            cash_minor=650,
        )
        self.named.setdefault("receipt", cdr.number)
        session = ChargingSession.objects.create(
            **said,
            code=code,
            charge_point=box,
            connector=connector,
            id_token=card,
            id_tag=card.uid,
            status="COMPLETED" if number % 3 else "REVIEW",
            created_at=at,
            start_received_at=at,
            stop_received_at=at,
            tariff_version=connector.tariff.current if connector.tariff else None,
            meter_start_wh=0,
            meter_stop_wh=1_000,
            cdr=cdr,
        )
        first = self.named.setdefault("_session", session)
        samples = [{"value": str(number), "unit": "Wh"}]
        MeterValue.objects.create(session=first, connector=first.connector, at=at, received_at=at, samples=samples, sample_count=1)
        MeterCase.objects.create(session=session, kind="meter", plausible_wh=1, reported_wh=2, opened_at=at, decide_by=at)
        problem = {"charge_point": first.charge_point, "connector": first.connector, "reporter": self.driver}
        Problem.objects.create(session=session, kind="broken", **problem)
        Thread.objects.create(session=session, charge_point=box, driver=self.driver, owner=self.owner, last_by=self.owner)
        Sticker.objects.create(connector=connector, short=f"short{number}")
        self._said_of(session, box, first)
        Dispute.objects.create(
            cdr=cdr,
            opened_by=self.driver,
            side="driver",
            reason="price",
            disputed_minor=1,
            frozen_minor=1,
            reply_by=at + disputes.ANSWERED_WITHIN,
        )
        return session

    def _said_of(self, session: ChargingSession, box: ChargePoint, first: ChargingSession) -> None:
        """A heart and a review for each place, and one more message about the first visit."""
        Favourite.objects.create(user=self.driver, charge_point=box)
        words = {"author": self.driver, "about": self.owner, "rating": 4, "opens_at": timezone.now() - timedelta(days=1)}
        Review.objects.create(session=session, charge_point=first.charge_point, side="driver", **words)
        Message.objects.create(thread=first.thread, author=self.driver, text="I am here.")

    def _spoken(self, box: ChargePoint, number: int) -> None:
        now = timezone.now()
        call = f'[2,"m{number}","Heartbeat",{{}}]'
        frame = {"charge_point": box, "at": now, "message_id": f"m{number}", "action": "Heartbeat"}
        OcppFrame.objects.create(direction="from_charger", type="call", raw=call, **frame)
        OcppFrame.objects.create(
            direction="to_charger", type="result", raw=f'[3,"m{number}",{{"currentTime":"2026-11-20T12:00:00Z"}}]', **frame
        )
        batch = CommandBatch.objects.create(action="Reset", payload={"type": "Soft"}, asked_by=self.owner, total=1, per_minute=60)
        Command.objects.create(charge_point=box, action="Reset", payload={"type": "Soft"}, asked_by=self.owner, batch=batch)
        ConfigurationKey.objects.create(charge_point=box, key=f"Key{number}", value="1", read_at=now)
        ConnectionAttempt.objects.create(charge_point=box, identity=box.identity, outcome="accepted", first_at=now, at=now)
        if number < len(WORDS):
            ChargerDeviation.objects.create(charge_point=box, word=WORDS[number], first_at=now, last_at=now)

    def address(self, page: str) -> str:
        """Of a page of the tables above."""
        named = {"month": f"{timezone.localdate():%Y-%m}", **self.named}
        if page.startswith("/"):
            return page.format(**named)
        name, *arguments = page.split()
        return reverse(name, args=[argument.format(**named) for argument in arguments])


@pytest.fixture
def place(driver: User, owner: User, staff: User) -> Place:
    place = Place(driver, owner, staff)
    place.grow(FEW)
    return place


def asked(client: Client, address: str) -> list[str]:
    """What a page asks when it is opened for the second time: what is asked once a process is no matter here."""
    assert client.get(address).status_code == 200, address
    with CaptureQueriesContext(connection) as context:
        client.get(address)
    return [query["sql"] for query in context.captured_queries]


@pytest.mark.parametrize(("who", "pages"), [("driver", DRIVERS), ("owner", OWNERS), ("staff", STAFFS)], ids=["driver", "owner", "staff"])
def test_page_asks_as_much_for_thirty_rows_as_for_three(client: Client, place: Place, who: str, pages: dict[str, int]) -> None:
    if who == "staff":
        from tests.browser.town import guard  # noqa: PLC0415 - staff need a second factor

        guard(place.staff)
    client.force_login(getattr(place, who))
    few = {page: asked(client, place.address(page)) for page in pages}
    place.grow(MANY)
    many = {page: asked(client, place.address(page)) for page in pages}

    grown = {page: (len(few[page]), len(many[page])) for page in pages if len(many[page]) > len(few[page])}
    assert not grown, f"they ask more the more there is: {grown}"
    over = {page: len(many[page]) for page in pages if len(many[page]) > pages[page]}
    assert not over, f"they ask more than they may: {over}"
