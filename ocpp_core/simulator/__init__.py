"""A wallbox in software: cable, card reader, contactor, meter, and OCPP 1.6J over any link. It knows nothing of this house."""

from ocpp_core.simulator.charge_point import Refused, SimulatedChargePoint
from ocpp_core.simulator.link import Dial, Link, LinkClosed, connect, dialler
from ocpp_core.simulator.outlet import Car, Outlet, Transaction
from ocpp_core.simulator.timing import Clock, ManualClock

__all__ = [
    "Car",
    "Clock",
    "Dial",
    "Link",
    "LinkClosed",
    "ManualClock",
    "Outlet",
    "Refused",
    "SimulatedChargePoint",
    "Transaction",
    "connect",
    "dialler",
]
