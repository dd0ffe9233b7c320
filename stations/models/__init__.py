"""The tables of charging."""

from stations.models.charge_point import ChargePoint, Connector, Invitation, State
from stations.models.circle import Circle, CircleMember, CirclePrice
from stations.models.command import Command
from stations.models.command_batch import CommandBatch
from stations.models.meter_case import MeterCase
from stations.models.operator_reservation import OperatorReservation
from stations.models.pairing import CardPairing
from stations.models.password_rotation import PasswordRotation
from stations.models.prepaid_start import PrepaidStart
from stations.models.quarantine import QuarantinedMessage
from stations.models.reservation import Reservation
from stations.models.session import ChargingSession, MeterValue

__all__ = [
    "CardPairing",
    "ChargePoint",
    "ChargingSession",
    "Circle",
    "CircleMember",
    "CirclePrice",
    "Command",
    "CommandBatch",
    "Connector",
    "Invitation",
    "MeterCase",
    "MeterValue",
    "OperatorReservation",
    "PasswordRotation",
    "PrepaidStart",
    "QuarantinedMessage",
    "Reservation",
    "State",
]
