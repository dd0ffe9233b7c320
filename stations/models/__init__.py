"""The tables of charging."""

from stations.models.area_alert import AreaAlert, AreaNews, MapArrival
from stations.models.arrival_pack import ArrivalPack
from stations.models.booking_rules import BookingRules, Closure, WeeklyHours
from stations.models.charge_point import ChargePoint, Connector, Invitation, State
from stations.models.circle import Circle, CircleMember, CirclePrice
from stations.models.command import Command
from stations.models.command_batch import CommandBatch
from stations.models.favourite import Favourite
from stations.models.filter_profile import FilterProfile
from stations.models.map_cell import MapCell, MapCount, MapMove
from stations.models.meter_case import MeterCase
from stations.models.operator_reservation import OperatorReservation
from stations.models.pairing import CardPairing
from stations.models.password_rotation import PasswordRotation
from stations.models.photo import Photo
from stations.models.prepaid_start import PrepaidStart
from stations.models.problem import Problem
from stations.models.quarantine import QuarantinedMessage
from stations.models.reliability import Reliability
from stations.models.reservation import Reservation
from stations.models.reservation_series import ReservationSeries
from stations.models.review import Review, ReviewReport
from stations.models.session import ChargingSession, MeterValue
from stations.models.site_facts import SiteFacts
from stations.models.sticker import Sticker
from stations.models.thinned_readings import ThinnedReadings
from stations.models.thread import Message, Thread
from stations.models.waitlist import WaitlistPlace

__all__ = [
    "AreaAlert",
    "AreaNews",
    "ArrivalPack",
    "BookingRules",
    "CardPairing",
    "ChargePoint",
    "ChargingSession",
    "Circle",
    "CircleMember",
    "CirclePrice",
    "Closure",
    "Command",
    "CommandBatch",
    "Connector",
    "Favourite",
    "FilterProfile",
    "Invitation",
    "MapArrival",
    "MapCell",
    "MapCount",
    "MapMove",
    "Message",
    "MeterCase",
    "MeterValue",
    "OperatorReservation",
    "PasswordRotation",
    "Photo",
    "PrepaidStart",
    "Problem",
    "QuarantinedMessage",
    "Reliability",
    "Reservation",
    "ReservationSeries",
    "Review",
    "ReviewReport",
    "SiteFacts",
    "State",
    "Sticker",
    "ThinnedReadings",
    "Thread",
    "WaitlistPlace",
    "WeeklyHours",
]
