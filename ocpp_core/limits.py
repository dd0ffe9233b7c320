"""Counting what must not happen too often at the chargers' door."""

from bisect import bisect_left
from hashlib import blake2b
from secrets import token_bytes
from time import monotonic

from django.conf import settings

from accounts import counting

_MOST_NAMES = 20_000
_MOST_TIMES = 10_000


class Window:
    """How often something happened under a name lately."""

    def __init__(self, *, within_s: float = 60.0) -> None:
        self._within_s = within_s
        self._times: dict[str, list[float]] = {}

    def count(self, name: str) -> None:
        """One more."""
        if len(self._times) >= _MOST_NAMES:
            self._forget_old()
        times = self._times.setdefault(name, [])
        times.append(monotonic())
        if len(times) > _MOST_TIMES:
            del times[: _MOST_TIMES // 2]

    def times(self, name: str) -> int:
        """How many lately."""
        times = self._times.get(name)
        if times is None:
            return 0
        begin = monotonic() - self._within_s
        del times[: bisect_left(times, begin)]
        if not times:
            del self._times[name]
        return len(times)

    def clear(self) -> None:
        """Forget everything."""
        self._times.clear()

    def _forget_old(self) -> None:
        begin = monotonic() - self._within_s
        self._times = {name: times for name, times in self._times.items() if times and times[-1] >= begin}
        if len(self._times) >= _MOST_NAMES:  # names made up by an attacker: the limit by address holds him
            self._times.clear()


class Refusals:
    """What was refused lately because it came too often: the very same attempt again costs no look into the tables.

    It is known by all that it brought, so whoever comes with something else, the right password above all, is looked at.
    """

    def __init__(self, *, kept_s: float = 30.0) -> None:
        self._kept_s = kept_s
        self._until: dict[bytes, float] = {}
        self._salt = token_bytes(16)

    def note(self, attempt: object) -> None:
        """It was refused."""
        if len(self._until) >= _MOST_NAMES:
            now = monotonic()
            self._until = {mark: until for mark, until in self._until.items() if until > now}
            if len(self._until) >= _MOST_NAMES:
                self._until.clear()
        self._until[self._mark(attempt)] = monotonic() + self._kept_s

    def is_known(self, attempt: object) -> bool:
        """Whether it was, and nothing has changed."""
        return bool(self._until) and self._until.get(self._mark(attempt), 0.0) > monotonic()

    def clear(self) -> None:
        """Forget everything."""
        self._until.clear()

    def _mark(self, attempt: object) -> bytes:
        """No password stays in memory for it."""
        return blake2b(repr(attempt).encode("utf-8", "backslashreplace"), digest_size=16, key=self._salt).digest()


class Failures:
    """Failed handshakes by identity and by address, counted by all processes together: who fails at one fails at all of them."""

    def count(self, identity: str, address: str | None) -> None:
        """One more failed attempt."""
        for name in self._names(identity, address):
            counting.add_one(name, keep_s=60)

    def are_too_many(self, identity: str, address: str | None) -> bool:
        """Whether this identity or this address has failed too often within a minute."""
        limit: int = settings.LIMIT_CHARGER_FAILURES
        by_identity, by_address = self._names(identity, address)
        return counting.so_far(by_identity) >= limit or counting.so_far(by_address) >= 6 * limit

    def _names(self, identity: str, address: str | None) -> tuple[str, str]:
        """An identity comes from whoever knocks: as a digest it is short, and holds nothing a cache could stumble over."""
        digest = blake2b(identity.casefold().encode("utf-8", "backslashreplace"), digest_size=16).hexdigest()
        return f"charger-failures:identity:{digest}", f"charger-failures:address:{address or ''}"
