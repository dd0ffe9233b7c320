"""What chargers said while the database was away: kept in files, acknowledged, told to the database when it is back.

One file per process, one line per message, on disk before the charger is answered. A file is replayed from its start in
order; a second file remembers how far that came, and what is told twice all the same changes nothing.
"""

import fcntl
import logging
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from io import FileIO
from pathlib import Path
from threading import RLock
from time import monotonic, time_ns
from typing import NamedTuple

import orjson
from django.db import InterfaceError, OperationalError

from chargeshare import tally
from chargeshare.errors import is_in_other_hands

logger = logging.getLogger(__name__)

REST_S = 2.0


class Entry(NamedTuple):
    """One message as it came."""

    charge_point_id: int
    action: str
    received_at: datetime
    raw: str
    subprotocol: str = ""
    """The version of OCPP it was said in."""


class Spool:
    """The files of one process, and those that a dead process left behind. Used from threads."""

    def __init__(self, directory: Path, tell: Callable[[Entry], None]) -> None:
        self._directory = directory
        self._tell = tell
        self._lock = RLock()
        self._file: FileIO | None = None
        self._path: Path | None = None
        self._rests_until = 0.0
        self.failed_at: float | None = None
        """When something could last not be kept, by the clock that nobody sets."""
        self.has_entries = directory.is_dir() and any(directory.glob("*.jsonl"))

    def append(self, entries: Iterable[Entry]) -> None:
        """Keep messages; they are on disk when this returns. OSError says that they are not, and must not be acknowledged."""
        kept = list(entries)
        lines = b"".join(orjson.dumps(tuple(entry)) + b"\n" for entry in kept)
        with self._lock:
            try:
                self._write(lines)
            except OSError:
                self.failed_at = monotonic()
                raise
            self.has_entries = True
            tally.spooled.update(entry.action for entry in kept)

    def _write(self, lines: bytes) -> None:
        """All or nothing: half of a line would spoil the next one."""
        file = self._file or self._open()
        begin = file.seek(0, os.SEEK_END)
        try:
            left = memoryview(lines)
            while left:
                left = left[file.write(left) :]
            os.fsync(file.fileno())
        except OSError:
            file.truncate(begin)
            raise

    def replay(self) -> int:
        """Tell the database everything, oldest first. A database that is still away ends it with its own error.

        Where somebody holds a row that is needed, it rests for a moment: nobody else shall wait for that.
        """
        with self._lock:
            if not self.has_entries or monotonic() < self._rests_until:
                return 0
            told = 0
            try:
                for path in sorted(self._directory.glob("*.jsonl")):
                    with self._held(path) as is_ours:
                        if is_ours:
                            told += self._replay_file(path)
            except OperationalError as error:
                if not is_in_other_hands(error):
                    raise
                self._rests_until = monotonic() + REST_S
                logger.warning("what came while the database was away waits for a row that is in other hands")
            self.has_entries = any(self._directory.glob("*.jsonl"))
        if told:
            logger.info("%d messages told to the database that came while it was away", told)
        return told

    def close(self) -> None:
        """Let go of the file; another process may replay it."""
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = self._path = None

    def _open(self) -> FileIO:
        self._directory.mkdir(parents=True, exist_ok=True)
        path = self._directory / f"{time_ns():020d}-{os.getpid()}.jsonl"
        file = path.open("ab", buffering=0)
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        directory = os.open(self._directory, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
        self._file, self._path = file, path
        return file

    @contextmanager
    def _held(self, path: Path) -> Iterator[bool]:
        """Hold a file against other processes; False where one of them holds it."""
        if path == self._path:
            yield True
            return
        try:
            file = path.open("rb")
        except FileNotFoundError:
            yield False
            return
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield path.exists()

    def _replay_file(self, path: Path) -> int:
        progress = path.with_suffix(".told")
        begin = int(progress.read_text()) if progress.exists() else 0
        told = 0
        for number, line in enumerate(path.read_bytes().splitlines()):
            if number < begin:
                continue
            self._replay_line(line)
            told += 1
            with suppress(OSError):  # a full disk: what is told twice changes nothing
                progress.write_text(str(number + 1))
        path.unlink()
        progress.unlink(missing_ok=True)
        if path == self._path:
            self.close()
        return told

    def _replay_line(self, line: bytes) -> None:
        try:
            charge_point_id, action, received_at, *said = orjson.loads(line)
        except ValueError:
            logger.error("a line of the spool cannot be read: %r", line[:200])
            return
        entry = Entry(charge_point_id, action, datetime.fromisoformat(received_at), *said)
        try:
            self._tell(entry)
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            # Nobody waits for it any more and no retry can mend it; the frame itself stays in the log file.
            logger.exception("a message of the spool could not be told: %s of charge point %d", action, charge_point_id)
