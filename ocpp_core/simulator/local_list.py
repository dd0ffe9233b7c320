"""The list of cards a simulated charger keeps, exactly as the standard has it."""

from datetime import datetime
from typing import Any

from ocpp_core.simulator.configuration import Configuration


class LocalList:
    """Cards by number, whatever the case, and the version of the list. An update is taken whole or not at all."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self.version = 0
        self.entries: dict[str, dict[str, Any]] = {}

    @property
    def is_kept(self) -> bool:
        """Whether the box can keep a list, and is set to."""
        profiles = self._configuration.text("SupportedFeatureProfiles").split(",")
        return "LocalAuthListManagement" in profiles and self._configuration.flag("LocalAuthListEnabled")

    @property
    def told_version(self) -> int:
        """What GetLocalListVersion is answered."""
        return self.version if self.is_kept else -1

    def update(self, payload: dict[str, Any]) -> str:
        """Take an update, and give the status of the answer."""
        entries = payload.get("localAuthorizationList", [])
        is_full, version = payload["updateType"] == "Full", payload["listVersion"]
        if not self.is_kept:
            return "NotSupported"
        if not is_full and version <= self.version:
            return "VersionMismatch"
        changed = {} if is_full else dict(self.entries)
        for entry in entries:
            if "idTagInfo" in entry:
                changed[entry["idTag"].casefold()] = entry["idTagInfo"]
            else:
                changed.pop(entry["idTag"].casefold(), None)
        if version <= 0 or len(changed) > self._most("LocalAuthListMaxLength") or not self._is_sound(entries, is_full=is_full):
            return "Failed"
        self.entries, self.version = changed, version
        return "Accepted"

    def info(self, id_tag: str, now: datetime) -> dict[str, Any] | None:
        """What the list says of a card, if it stands there; one past its date is so here too."""
        info = self.entries.get(id_tag.casefold()) if self.is_kept else None
        expires_at = info.get("expiryDate") if info is not None else None
        if info is not None and expires_at is not None and datetime.fromisoformat(expires_at) <= now:
            return {**info, "status": "Expired"}
        return info

    def _is_sound(self, entries: list[dict[str, Any]], *, is_full: bool) -> bool:
        """Not too many at once, no card twice, and no card taken out of a list that begins anew."""
        if len(entries) > self._most("SendLocalListMaxLength") or len({entry["idTag"].casefold() for entry in entries}) < len(entries):
            return False
        return not is_full or all("idTagInfo" in entry for entry in entries)

    def _most(self, key: str) -> int:
        return self._configuration.number(key)
