"""What only the chargers' door knows: frames, attempts to connect, configuration keys, deviations from the standard."""

from ocpp_core.models.charging_profile import ChargingProfile, CompositeSchedule
from ocpp_core.models.configuration import ConfigurationKey
from ocpp_core.models.connection import ConnectionAttempt
from ocpp_core.models.deviation import ChargerDeviation
from ocpp_core.models.firmware import DiagnosticsUpload, FirmwareUpdate
from ocpp_core.models.frame import OcppFrame
from ocpp_core.models.local_list import LocalList, LocalListEntry
from ocpp_core.models.security import Certificate, InstalledCertificate, SecurityEvent

__all__ = [
    "Certificate",
    "ChargerDeviation",
    "ChargingProfile",
    "CompositeSchedule",
    "ConfigurationKey",
    "ConnectionAttempt",
    "DiagnosticsUpload",
    "FirmwareUpdate",
    "InstalledCertificate",
    "LocalList",
    "LocalListEntry",
    "OcppFrame",
    "SecurityEvent",
]
