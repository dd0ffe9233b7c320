"""The configuration keys of a simulated charger."""

from typing import Any

MEASURANDS = "Energy.Active.Import.Register,Power.Active.Import,Current.Import,Voltage,SoC"


class Configuration:
    """Keys with their values; some only to be read, some whole numbers, and the password, which is never told."""

    def __init__(self, connectors: int) -> None:
        self._values: dict[str, str] = {
            "AllowOfflineTxForUnknownId": "false",
            "AuthorizationCacheEnabled": "true",
            "AuthorizeRemoteTxRequests": "false",
            "ClockAlignedDataInterval": "0",
            "ConnectionTimeOut": "120",
            "HeartbeatInterval": "300",
            "LocalAuthListEnabled": "true",
            "LocalAuthorizeOffline": "true",
            "LocalPreAuthorize": "false",
            "MeterValuesAlignedData": "Energy.Active.Import.Register",
            "MeterValuesSampledData": MEASURANDS,
            "MeterValueSampleInterval": "60",
            "SecurityProfile": "1",
            "StopTransactionOnEVSideDisconnect": "true",
            "StopTransactionOnInvalidId": "true",
            "StopTxnAlignedData": "",
            "StopTxnSampledData": "",
            "TransactionMessageAttempts": "3",
            "TransactionMessageRetryInterval": "10",
            "UnlockConnectorOnEVSideDisconnect": "true",
            "WebSocketPingInterval": "0",
        }
        self._readonly: dict[str, str] = {
            "ChargeProfileMaxStackLevel": "8",
            "ChargingScheduleAllowedChargingRateUnit": "Current,Power",
            "ChargingScheduleMaxPeriods": "24",
            "GetConfigurationMaxKeys": "50",
            "LocalAuthListMaxLength": "100",
            "MaxChargingProfilesInstalled": "10",
            "NumberOfConnectors": str(connectors),
            "SendLocalListMaxLength": "20",
            "SupportedFeatureProfiles": "Core,FirmwareManagement,LocalAuthListManagement,Reservation,SmartCharging,RemoteTrigger",
        }

    def text(self, key: str) -> str:
        """Give a value."""
        return self._values.get(key) or self._readonly.get(key, "")

    def number(self, key: str) -> int:
        """Give a whole number."""
        return int(self.text(key))

    def flag(self, key: str) -> bool:
        """Give a yes or no."""
        return self.text(key) == "true"

    def built_with(self, **values: str) -> None:
        """Make it a box of another kind: what it tells of itself and nobody may change."""
        self._readonly.update(values)

    def change(self, key: str, value: str) -> str:
        """Set a value and give the status of the answer."""
        if key in ("AuthorizationKey", "SecurityProfile"):
            return self._rise(value) if key == "SecurityProfile" else "Accepted" if 8 <= len(value) <= 40 else "Rejected"
        if key in self._readonly:
            return "Rejected"
        if key not in self._values:
            return "NotSupported"
        known = self._values[key]
        if known.isdigit() and not value.isdigit():
            return "Rejected"
        if known in ("true", "false"):
            value = value.lower()
            if value not in ("true", "false"):
                return "Rejected"
        self._values[key] = value
        return "Accepted"

    def _rise(self, profile: str) -> str:
        """Take a higher security profile, never a lower one."""
        if profile not in ("0", "1", "2", "3") or profile <= self._values["SecurityProfile"]:
            return "Rejected"
        self._values["SecurityProfile"] = profile
        return "Accepted"

    def told(self, keys: list[str] | None) -> dict[str, Any]:
        """Answer a GetConfiguration; no keys means all of them."""
        known = self._values | self._readonly
        asked = sorted(known) if not keys else keys[: self.number("GetConfigurationMaxKeys")]
        answer: dict[str, Any] = {
            "configurationKey": [{"key": key, "readonly": key in self._readonly, "value": known[key]} for key in asked if key in known]
        }
        if unknown := [key for key in asked if key not in known]:
            answer["unknownKey"] = unknown
        return answer
