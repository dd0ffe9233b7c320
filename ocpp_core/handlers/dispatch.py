"""Which handler hears what, and where: at once in the loop, in a thread, or even without a database."""

from collections.abc import Mapping

from ocpp_core.handlers import core, firmware, security, together
from ocpp_core.handlers.requests import Handler

# Need no database: answered in the loop.
AT_ONCE: Mapping[str, Handler] = {
    "DataTransfer": core.data_transfer,
    "Heartbeat": core.heartbeat,
}

IN_A_THREAD: Mapping[str, Handler] = {
    "Authorize": core.authorize,
    "BootNotification": core.boot_notification,
    "DiagnosticsStatusNotification": firmware.upload_status,
    "FirmwareStatusNotification": firmware.firmware_status,
    "LogStatusNotification": firmware.upload_status,
    "SecurityEventNotification": security.security_event_notification,
    "SignCertificate": security.sign_certificate,
    "SignedFirmwareStatusNotification": firmware.firmware_status,
    "StartTransaction": core.start_transaction,
    "StatusNotification": core.status_notification,
    "StopTransaction": core.stop_transaction,
}

# Heard together when many say it at once. Who is not plain is heard alone, by the handler above.
TOGETHER: Mapping[str, together.Handler] = {
    "BootNotification": together.boot_notifications,
    "StatusNotification": together.status_notifications,
}

# Store their frame in the transaction of what it causes.
LOGGING_THEMSELVES = frozenset({"StartTransaction", "StopTransaction"})

# While the database is away: kept in the spool and acknowledged ...
SPOOLED: Mapping[str, Handler] = {
    "DiagnosticsStatusNotification": firmware.upload_status,
    "FirmwareStatusNotification": firmware.firmware_status,
    "LogStatusNotification": firmware.upload_status,
    "MeterValues": core.meter_values,
    "SecurityEventNotification": security.security_event_notification,
    "SignedFirmwareStatusNotification": firmware.firmware_status,
    "StopTransaction": core.stop_transaction,
}

# ... or answered although nothing is kept, because nothing is lost by it: the next one says the same.
HARMLESS: Mapping[str, Handler] = {"BootNotification": core.booted, "StatusNotification": lambda _request: {}}
