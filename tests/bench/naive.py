"""The path one would write first: the library's ChargePoint in a Channels consumer, one row created per value.

It stores the same readings in the same table, so that the ratio to the real door is one of design and not of duty.
Run as `python -m tests.bench.naive PORT`; the database is the one of the environment.
"""

import os
import sys
from datetime import datetime
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chargeshare.settings")
django.setup()

from asgiref.sync import sync_to_async  # noqa: E402
from channels.generic.websocket import AsyncWebsocketConsumer  # noqa: E402
from channels.routing import URLRouter  # noqa: E402
from daphne.server import Server  # noqa: E402
from django.urls import re_path  # noqa: E402
from django.utils import timezone  # noqa: E402
from ocpp.routing import on  # noqa: E402
from ocpp.v16 import ChargePoint, call_result  # noqa: E402
from ocpp.v16.enums import Action  # noqa: E402

from ocpp_core.models import OcppFrame  # noqa: E402
from stations import models  # noqa: E402


class NaiveCharger(ChargePoint):
    """Answers a MeterValues after each of its rows has been created."""

    row: models.ChargePoint

    @on(Action.meter_values)
    async def on_meter_values(self, connector_id: int, meter_value: list[dict[str, Any]], **_: Any) -> call_result.MeterValues:
        await sync_to_async(self.store)(connector_id, meter_value)
        return call_result.MeterValues()

    @on(Action.heartbeat)
    async def on_heartbeat(self) -> call_result.Heartbeat:
        return call_result.Heartbeat(current_time=timezone.now().isoformat())

    def store(self, connector_id: int, meter_value: list[dict[str, Any]]) -> None:
        connector, _ = models.Connector.objects.get_or_create(charge_point=self.row, number=connector_id)
        for value in meter_value:
            models.MeterValue.objects.update_or_create(
                session=None,
                connector=connector,
                at=datetime.fromisoformat(value["timestamp"]),
                defaults={"received_at": timezone.now(), "samples": value["sampled_value"], "sample_count": len(value["sampled_value"])},
            )


class NaiveConsumer(AsyncWebsocketConsumer):
    """One consumer per charger; it is the library's connection as well."""

    async def connect(self) -> None:
        identity = self.scope["url_route"]["kwargs"]["identity"]
        self.charger = NaiveCharger(identity, self)
        self.charger.row = await models.ChargePoint.objects.aget(identity=identity)
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
    Server(router, endpoints=[f"tcp:port={int(sys.argv[1])}:interface=127.0.0.1:backlog=4096"], websocket_timeout=-1).run()
