"""The path one would write first: the library's ChargePoint in a Channels consumer, one row created or saved per message.

It stores the same readings, stands, sessions, receipts and entries in the same tables, so that the ratio to the real door is one of
design and not of duty: it has no holds, no limits, no tariffs by the hour, no retries and no password to check.
Run as `python -m tests.bench.naive PORT`; the database is the one of the environment.
"""

import os
import sys
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chargeshare.settings")
django.setup()

from asgiref.sync import sync_to_async  # noqa: E402
from channels.generic.websocket import AsyncWebsocketConsumer  # noqa: E402
from channels.routing import URLRouter  # noqa: E402
from daphne.server import Server  # noqa: E402
from django.db import transaction  # noqa: E402
from django.urls import re_path  # noqa: E402
from django.utils import timezone  # noqa: E402
from ocpp.routing import on  # noqa: E402
from ocpp.v16 import ChargePoint, call_result  # noqa: E402
from ocpp.v16.datatypes import IdTagInfo  # noqa: E402
from ocpp.v16.enums import Action  # noqa: E402

from accounts.models import IdToken  # noqa: E402
from billing import ledger  # noqa: E402
from billing.models import CdrLine, ChargeDetailRecord, LedgerAccount, LedgerEntry, LedgerTransaction  # noqa: E402
from ocpp_core.models import OcppFrame  # noqa: E402
from stations import models  # noqa: E402


class NaiveCharger(ChargePoint):
    """Answers a MeterValues after each of its rows has been created."""

    row: models.ChargePoint

    @on(Action.boot_notification)
    async def on_boot(self, charge_point_vendor: str, charge_point_model: str, **_: Any) -> call_result.BootNotification:
        self.row.vendor, self.row.model, self.row.booted_at = charge_point_vendor, charge_point_model, timezone.now()
        await self.row.asave()
        return call_result.BootNotification(current_time=timezone.now().isoformat(), interval=300, status="Accepted")

    @on(Action.status_notification)
    async def on_status(self, connector_id: int, status: str, error_code: str, **_: Any) -> call_result.StatusNotification:
        stand: models.ChargePoint | models.Connector = self.row
        if connector_id:
            stand, _made = await models.Connector.objects.aget_or_create(charge_point=self.row, number=connector_id)
            stand.status_received_at = timezone.now()
        stand.status, stand.error_code, stand.status_at = status, error_code, timezone.now()
        await stand.asave()
        return call_result.StatusNotification()

    @on(Action.heartbeat)
    async def on_heartbeat(self) -> call_result.Heartbeat:
        return call_result.Heartbeat(current_time=timezone.now().isoformat())

    @on(Action.authorize)
    async def on_authorize(self, id_tag: str) -> call_result.Authorize:
        is_known = await IdToken.objects.filter(uid=id_tag).aexists()
        return call_result.Authorize(id_tag_info=IdTagInfo(status="Accepted" if is_known else "Invalid"))

    @on(Action.start_transaction)
    async def on_start(self, connector_id: int, id_tag: str, meter_start: int, timestamp: str, **_: Any) -> call_result.StartTransaction:
        session = await sync_to_async(self.begin)(connector_id, id_tag, meter_start, timestamp)
        return call_result.StartTransaction(transaction_id=session.transaction_id, id_tag_info=IdTagInfo(status="Accepted"))

    @on(Action.meter_values)
    async def on_meter_values(
        self, connector_id: int, meter_value: list[dict[str, Any]], transaction_id: int = 0, **_: Any
    ) -> call_result.MeterValues:
        await sync_to_async(self.store)(connector_id, meter_value, transaction_id)
        return call_result.MeterValues()

    @on(Action.stop_transaction)
    async def on_stop(self, transaction_id: int, meter_stop: int, timestamp: str, **_: Any) -> call_result.StopTransaction:
        await sync_to_async(self.end)(transaction_id, meter_stop, timestamp)
        return call_result.StopTransaction()

    def begin(self, number: int, id_tag: str, meter_wh: int, timestamp: str) -> models.ChargingSession:
        """Create the session, at the price of the outlet."""
        card = IdToken.objects.get(uid=id_tag)
        connector, _ = models.Connector.objects.get_or_create(charge_point=self.row, number=number)
        return models.ChargingSession.objects.create(
            charge_point=self.row,
            connector=connector,
            driver=card.user,
            owner=self.row.owner,
            id_token=card,
            id_tag=id_tag,
            status="ACTIVE",
            meter_start_wh=meter_wh,
            started_at=datetime.fromisoformat(timestamp),
            start_received_at=timezone.now(),
            tariff_version=connector.tariff.current if connector.tariff is not None else None,
        )

    def store(self, connector_id: int, meter_value: list[dict[str, Any]], transaction_id: int) -> None:
        """Create a row for each value, and keep what the session has used."""
        connector, _ = models.Connector.objects.get_or_create(charge_point=self.row, number=connector_id)
        session = models.ChargingSession.objects.get(transaction_id=transaction_id) if transaction_id else None
        for value in meter_value:
            models.MeterValue.objects.update_or_create(
                session=session,
                connector=connector,
                at=datetime.fromisoformat(value["timestamp"]),
                defaults={"received_at": timezone.now(), "samples": value["sampled_value"], "sample_count": len(value["sampled_value"])},
            )
        if session is not None:
            session.energy_wh = int(meter_value[-1]["sampled_value"][0]["value"]) - (session.meter_start_wh or 0)
            session.last_received_at = timezone.now()
            session.save()

    @transaction.atomic
    def end(self, transaction_id: int, meter_wh: int, timestamp: str) -> None:
        """End the session, write its receipt and move the money: each account found, locked and saved by itself."""
        session = models.ChargingSession.objects.select_for_update().get(transaction_id=transaction_id)
        assert session.driver is not None
        session.status, session.meter_stop_wh, session.energy_wh = "COMPLETED", meter_wh, meter_wh - (session.meter_start_wh or 0)
        session.stopped_at = ended_at = datetime.fromisoformat(timestamp)
        session.stop_received_at = timezone.now()
        price = session.tariff_version.price_per_kwh if session.tariff_version is not None else 0
        total = round(session.energy_wh * price / 10)
        session.cdr = self.receipt(session, ended_at, total)
        session.save()
        booked = LedgerTransaction.objects.create(key=f"session:{session.code}:settle", kind="settle")
        for account, amount in (
            (ledger.account(session.owner, "earnings_pending"), total - total // 10),
            (ledger.platform_account("platform_fee"), total // 10),
            (ledger.account(session.driver, "cash"), -total),
        ):
            locked = LedgerAccount.objects.select_for_update().get(pk=account.pk)
            locked.balance_minor += amount
            locked.save()
            after = locked.balance_minor
            LedgerEntry.objects.create(transaction=booked, account=locked, amount_minor=amount, balance_after_minor=after)

    def receipt(self, session: models.ChargingSession, ended_at: datetime, total: int) -> ChargeDetailRecord:
        """Create the receipt and its one line."""
        record = ChargeDetailRecord.objects.create(
            number=str(session.code)[:30],
            session_code=session.code,
            driver=session.driver,
            owner=session.owner,
            owner_name=session.owner.name,
            place_name=self.row.name,
            charge_point_code=self.row.code,
            connector_label="1",
            started_at=session.started_at or ended_at,
            stopped_at=ended_at,
            energy_wh=session.energy_wh,
            currency="CZK",
            total_minor=total,
            fee_minor=total // 10,
            owner_minor=total - total // 10,
            cash_minor=total,
        )
        quantity = Decimal(session.energy_wh) / 1000
        CdrLine.objects.create(cdr=record, kind="energy", quantity=quantity, unit_price=0, amount_minor=total)
        return record


class NaiveConsumer(AsyncWebsocketConsumer):
    """One consumer per charger; it is the library's connection as well."""

    async def connect(self) -> None:
        identity = self.scope["url_route"]["kwargs"]["identity"]
        self.charger = NaiveCharger(identity, self)
        self.charger.row = await models.ChargePoint.objects.select_related("owner").aget(identity=identity)
        self.charger.row.connection, self.charger.row.last_seen_at = uuid4(), timezone.now()
        await self.charger.row.asave()
        await self.accept("ocpp1.6")

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        await self.log("from_charger", text_data or "")
        await self.charger.route_message(text_data)

    async def send(self, text_data: str | None = None, bytes_data: bytes | None = None, close: bool = False) -> None:  # noqa: FBT001, FBT002 - the library's signature
        await self.log("to_charger", text_data or "")
        await super().send(text_data=text_data, bytes_data=bytes_data, close=close)

    async def log(self, direction: str, raw: str) -> None:
        await OcppFrame.objects.acreate(charge_point=self.charger.row, at=timezone.now(), direction=direction, type="call", raw=raw)


if __name__ == "__main__":
    router = URLRouter([re_path(r"^ocpp/(?P<identity>[^/]+)$", NaiveConsumer.as_asgi())])
    endpoint = f"tcp:port={int(sys.argv[1])}:interface=127.0.0.1:backlog=4096"
    Server(router, endpoints=[endpoint], websocket_timeout=-1, websocket_connect_timeout=300, websocket_handshake_timeout=300).run()
