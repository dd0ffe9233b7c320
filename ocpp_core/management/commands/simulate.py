"""Simulated chargers against any central system."""

import asyncio
import contextlib
import random
from argparse import ArgumentParser
from typing import Any
from urllib.parse import unquote, urlsplit

from django.core.management.base import BaseCommand, CommandError

from ocpp_core.simulator import Car, Clock, LinkClosed, Refused, SimulatedChargePoint, dialler

PARTING_S = 5.0
SPOKEN_COUNT = 10  # more chargers than this are summed up instead of quoted


class Command(BaseCommand):
    """Let simulated wallboxes charge, one session after another, until Ctrl-C or until each has had its sessions."""

    help = "Simulated chargers against any central system, e.g. ws://127.0.0.1:8000/ocpp/CS-1234567890 --password … --id-tag …"
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Name the options."""
        parser.add_argument("url", help="ws:// or wss:// address; may end with the identity")
        parser.add_argument("--count", type=int, default=1, help="how many chargers")
        parser.add_argument(
            "--identity", help="identity; several chargers get -001, -002, … behind it (default: the end of the address, or SIM)"
        )
        parser.add_argument("--password", help="password of all of them")
        parser.add_argument("--id-tag", default="SIMULATED", help="the card they tap; several chargers get 001, 002, … behind it")
        parser.add_argument("--sessions", type=int, default=0, help="sessions each charger runs before it goes (0: for ever)")
        parser.add_argument("--energy", type=float, default=5.0, help="kWh of one session")
        parser.add_argument("--power", type=float, default=11.0, help="kW of an outlet")
        parser.add_argument("--interval", type=int, default=10, help="seconds between meter values")
        parser.add_argument(
            "--speed", type=float, default=1.0, help="how much faster their time runs; plausible to a central system only near 1"
        )
        parser.add_argument("--ramp", type=float, default=50.0, help="new connections a second")

    def handle(self, **options: Any) -> None:
        """Run until they are done."""
        if urlsplit(options["url"]).scheme not in ("ws", "wss"):
            raise CommandError("The address must begin with ws:// or wss://.")
        if options["count"] < 1 or options["speed"] <= 0 or options["ramp"] <= 0 or options["interval"] < 1:
            raise CommandError("Count, speed, ramp and interval must be greater than zero.")
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(self._simulate(options))

    async def _simulate(self, options: dict[str, Any]) -> None:
        boxes = [self._box(number, options) for number in range(1, options["count"] + 1)]
        living = [asyncio.create_task(self._live(box, number, options)) for number, box in enumerate(boxes, start=1)]
        reporting = asyncio.create_task(self._report(boxes)) if len(boxes) > SPOKEN_COUNT else None
        try:
            await asyncio.gather(*living)
        finally:
            for task in (*living, reporting):
                if task is not None:
                    task.cancel()
            await asyncio.gather(*living, return_exceptions=True)
            self.stdout.write("All chargers have hung up.")

    def _box(self, number: int, options: dict[str, Any]) -> SimulatedChargePoint:
        last = unquote(urlsplit(options["url"]).path.rpartition("/")[2])
        identity = options["identity"] or (last if last not in ("", "ocpp") and options["count"] == 1 else "SIM")
        if options["count"] > 1:
            identity = f"{identity}-{number:03}"
        box = SimulatedChargePoint(
            identity,
            dialler(options["url"], identity),
            password=options["password"],
            max_power_w=options["power"] * 1000,
            meter_wh=random.randrange(10_000_000),
            clock=Clock(speed=options["speed"]),
        )
        box.configuration.change("MeterValueSampleInterval", str(options["interval"]))
        if options["count"] <= SPOKEN_COUNT:
            box.on_event = lambda event: self.stdout.write(f"{identity}  {event}")
        return box

    async def _live(self, box: SimulatedChargePoint, number: int, options: dict[str, Any]) -> None:
        await asyncio.sleep((number - 1) / options["ramp"])
        id_tag = options["id_tag"] if options["count"] == 1 else f"{options['id_tag']}{number:03}"
        running = asyncio.create_task(box.run())
        try:
            done = 0
            while not options["sessions"] or done < options["sessions"]:
                done += await self._visit(box, id_tag, options["energy"] * 1000)
        finally:
            with contextlib.suppress(LinkClosed, Refused, TimeoutError):
                async with asyncio.timeout(PARTING_S):
                    await box.unplug()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def _visit(self, box: SimulatedChargePoint, id_tag: str, wanted_wh: float) -> bool:
        """Charge once; False where the card was refused or the link broke before anything began."""
        outlet = box.outlets[1]
        await box.ready.wait()
        try:
            await box.plug_in(car=Car(wanted_wh=wanted_wh))
            if outlet.transaction is None and (status := await box.tap(id_tag)) != "Accepted":
                box.on_event(f"card {id_tag} refused: {status}")
            began = outlet.transaction is not None
            await box.until_full()
            await box.clock.sleep(random.uniform(2, 10))
            await box.unplug()
        except (LinkClosed, Refused, TimeoutError) as fault:
            box.on_event(f"interrupted: {fault}")
            began = False
        await box.clock.sleep(random.uniform(2, 10) if began else 10)
        return began

    async def _report(self, boxes: list[SimulatedChargePoint]) -> None:
        while True:
            await asyncio.sleep(5)
            connected = sum(box.connection.is_open for box in boxes)
            charging = [box.outlets[1] for box in boxes if box.outlets[1].transaction is not None]
            power = sum(outlet.power_w for outlet in charging) / 1000
            self.stdout.write(f"{connected} of {len(boxes)} connected, {len(charging)} charging, {power:.0f} kW")
