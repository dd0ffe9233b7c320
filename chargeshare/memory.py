"""Memory that this process need not hold: what a storm has left behind, and what nobody will ever look at."""

import ctypes
import gc
import logging
from time import monotonic

from django.db.backends.base.base import BaseDatabaseWrapper

logger = logging.getLogger(__name__)

MANY = 500
TOO_MANY = 5_000
QUIET_S = 10.0


def remember_no_statements() -> None:
    """With DEBUG Django remembers the last nine thousand statements of every connection made from now on; let it be none.

    A request forgets them when it begins, but a thread that serves chargers begins no request: a dozen such threads fill a
    hundred megabytes within the first hour.
    """
    BaseDatabaseWrapper.queries_limit = 0


class Tidying:
    """Tidies up once many have come and then, for a moment, nobody has.

    A handshake takes ten times the memory of the socket that is left of it. Python frees it at once, but the C library keeps
    what its threads have freed for the next time, which after a power cut may be months away. A connection that ended before it
    was left with a lean socket, a page's among them, goes in circles of some ten kilobytes, and what is old is looked through so
    rarely that hundreds of thousands of them would stay: of these there is an end even where it is never quiet.
    """

    def __init__(self) -> None:
        self._came = self._went = 0
        self._last_at = 0.0

    def came(self) -> None:
        """One more handshake is over."""
        self._came += 1
        self._last_at = monotonic()

    def went(self) -> None:
        """One more connection has ended as it was."""
        self._went += 1
        self.came()

    @property
    def is_due(self) -> bool:
        """Whether it is worth it, and disturbs nobody, or cannot be put off any more."""
        return self._went >= TOO_MANY or (self._came >= MANY and monotonic() - self._last_at > QUIET_S)

    def tidy(self) -> None:
        """Do it. Ten thousand chargers take some tenths of a second to look through, in which no other thread works; once a storm."""
        self._came = self._went = 0
        gc.collect()
        try:
            ctypes.CDLL(None).malloc_trim(0)
        except (AttributeError, OSError):  # another C library
            logger.debug("this C library gives nothing back")
