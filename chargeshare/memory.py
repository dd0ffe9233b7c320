"""Memory that a storm has left behind, given back.

A handshake takes ten times the memory of the socket that is left of it. Python frees it at once, but the C library keeps what
its threads have freed for the next time, which after a power cut may be months away.
"""

import ctypes
import gc
import logging
from time import monotonic

logger = logging.getLogger(__name__)

MANY = 500
QUIET_S = 10.0


class Tidying:
    """Tidies up once many have come and then, for a moment, nobody has."""

    def __init__(self) -> None:
        self._came = 0
        self._last_at = 0.0

    def came(self) -> None:
        """One more handshake is over."""
        self._came += 1
        self._last_at = monotonic()

    @property
    def is_due(self) -> bool:
        """Whether it is worth it, and disturbs nobody."""
        return self._came >= MANY and monotonic() - self._last_at > QUIET_S

    def tidy(self) -> None:
        """Do it. Blocks for some milliseconds, most of them without keeping other threads."""
        self._came = 0
        gc.collect()
        try:
            ctypes.CDLL(None).malloc_trim(0)
        except (AttributeError, OSError):  # another C library
            logger.debug("this C library gives nothing back")
