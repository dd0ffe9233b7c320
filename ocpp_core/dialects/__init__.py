"""How real chargers deviate from the standard, and what they meant. Pure.

Every function reads one payload into a frozen dataclass of values and never guesses more than the charger said. What it
had to overlook it lists in `deviations`, as words like "timestamp:naive" that can be counted for each charger.
StartTransaction, StopTransaction and MeterValues are always read, however little is left: refusing them costs money or
makes the charger repeat them for ever. The others raise Unreadable when nothing could be made of them.
"""

from ocpp_core.dialects.coercion import Unreadable, unusable
from ocpp_core.dialects.messages import (
    Authorize,
    BootNotification,
    StartTransaction,
    StatusNotification,
    StopTransaction,
    authorize,
    boot_notification,
    start_key,
    start_transaction,
    status_notification,
    stop_transaction,
)
from ocpp_core.dialects.progress import Report, progress
from ocpp_core.dialects.readings import MeterValues, meter_values
from ocpp_core.dialects.security import SecurityEventNotification, security_event_notification

__all__ = [
    "Authorize",
    "BootNotification",
    "MeterValues",
    "Report",
    "SecurityEventNotification",
    "StartTransaction",
    "StatusNotification",
    "StopTransaction",
    "Unreadable",
    "authorize",
    "boot_notification",
    "meter_values",
    "progress",
    "security_event_notification",
    "start_key",
    "start_transaction",
    "status_notification",
    "stop_transaction",
    "unusable",
]
