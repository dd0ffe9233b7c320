"""Where the processes that tests start grow up: one process has imported everything, and each `manage.py …` is a fork of it.

Most of what a start costs is reading modules, the same ones every time, and the suite starts hundreds of processes. A fork reads its own
settings from its own environment, goes to its own files, and then runs `manage.py` as it stands. What modules have taken from the
settings as they were read is read again; a process whose apps or middleware differ is started as usual. How it starts for real is
tested where that is the matter (`tests/test_deployment.py`), and everywhere with TEST_NURSERY=0.
"""

import contextlib
import gc
import os
import pickle
import select
import signal
import socket
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from django.conf import settings
from django.utils.functional import empty

HOUSE = Path(__file__).parent.parent
IS_OPEN = sys.platform == "linux" and os.environ.get("TEST_NURSERY") != "0"
RAISED = frozenset({"tests.settings_served", "tests.settings_mortal"})  # the settings whose processes are forked
# Read late, by whoever needs them; where one of these differs, what has been imported is that of another program.
SHAPE = ("INSTALLED_APPS", "MIDDLEWARE", "TEMPLATES", "DEBUG", "ADMIN_PATH", "LOG_FORMAT", "REST_FRAMEWORK", "LOCALE_PATHS", "LANGUAGES")
SETTINGS_MODULES = ("chargeshare.settings", "tests.settings_served", "tests.settings_mortal")
OURS = ("accounts", "billing", "stations", "ocpp_core", "chargeshare")
STATE_OF_TOKENS = "rest_framework_simplejwt.state"


class Order(NamedTuple):
    """A process to be: what it is told, where it lives, and where what it says goes."""

    arguments: list[str]
    environment: dict[str, str]
    stdout: str
    stderr: str


class Child:
    """A process of the nursery, with as much of Popen's ways as tests need."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self.returncode: int | None = None
        self.pid = int(self._hear(None) or 0)

    def _hear(self, timeout: float | None) -> str | None:
        self._line.settimeout(timeout)
        try:
            said = self._line.recv(64)
        except (TimeoutError, BlockingIOError):
            return None
        if not said:
            raise RuntimeError("the nursery is gone")
        return said.decode()

    def poll(self) -> int | None:
        """How it ended, if it has."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it ends: its exit status, or the number of the signal that ended it, less than zero."""
        if self.returncode is None:
            said = self._hear(timeout)
            if said is None:
                raise subprocess.TimeoutExpired("manage.py", timeout or 0)
            self.returncode = int(said)
            self._line.close()
        return self.returncode

    def send_signal(self, how: int) -> None:
        """Tell it something, unless it has ended."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, how)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


class Nursery:
    """The parent of all processes with the same settings module. It ends with the process that uses it."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [sys.executable, "-m", "tests.nursery", str(theirs.fileno())]
            self._process = subprocess.Popen(command, cwd=HOUSE, env=environment, pass_fds=[theirs.fileno()])

    def raise_one(self, order: Order) -> Child:
        """Let a process begin."""
        mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            said = pickle.dumps(order)
            socket.send_fds(self._line, [len(said).to_bytes(4)], [theirs.fileno()])
            for begin in range(0, len(said), 60_000):
                self._line.send(said[begin : begin + 60_000])
        return Child(mine)

    def close(self) -> None:
        """End it, and whoever is left of its children."""
        self._line.close()
        self._process.wait(60)


_open: dict[str, Nursery] = {}


def begin(arguments: list[str], environment: dict[str, str], *, stdout: Path, stderr: Path) -> Child | subprocess.Popen[bytes]:
    """Run `manage.py` with these arguments and in this environment; what it says is added to the files."""
    module = environment["DJANGO_SETTINGS_MODULE"]
    if not IS_OPEN or module not in RAISED:
        with stdout.open("ab") as out, stderr.open("ab") as err:
            return subprocess.Popen([sys.executable, "manage.py", *arguments], cwd=HOUSE, env=environment, stdout=out, stderr=err)
    if module not in _open:
        _open[module] = Nursery(environment)
    return _open[module].raise_one(Order(arguments, environment, str(stdout), str(stderr)))


def close() -> None:
    """End all nurseries of this process."""
    while _open:
        _open.popitem()[1].close()


# In the nursery


def main(descriptor: int) -> None:
    """Import everything, and fork whenever it is asked for. Returns in the children alone, which go on as `manage.py`."""
    import django  # noqa: PLC0415 - nothing of this is needed by those who only ask

    os.environ.pop("FAULT", None)
    django.setup()
    import_module("chargeshare.management.commands.housekeeping")
    import_module("chargeshare.urls")
    for library in ("channels.auth", "channels.security.websocket", "channels_redis.core", "django.test.signals", "stations.routing"):
        import_module(library)
    _forget_what_is_not_for_children()
    sys.stdout.flush()
    gc.collect()
    gc.freeze()
    order = _serve(socket.socket(fileno=descriptor))
    _become(order)
    _run(order)


def _forget_what_is_not_for_children() -> None:
    """Views, addresses and the keys of tokens have read settings as they were imported, and an event loop cannot be shared."""
    reactor: Any = sys.modules["twisted.internet.reactor"]
    reactor._asyncioEventloop.close()
    for name, module in list(sys.modules.items()):
        app, _, rest = name.partition(".")
        reads_settings = app in OURS and rest.partition(".")[0] in ("urls", "views")
        if reads_settings or name in (STATE_OF_TOKENS, "daphne.server") or module is reactor or reactor in _values(module):
            del sys.modules[name]
            above, _, last = name.rpartition(".")
            if above in sys.modules and hasattr(sys.modules[above], last):
                delattr(sys.modules[above], last)


def _values(module: Any) -> list[Any]:
    return [value for value in vars(module).values() if type(value).__name__.endswith("Reactor")]


def _serve(line: socket.socket) -> Order:
    """Fork for ever; a child gets its order. Whoever ends is told to who asked for it."""
    waker, woken = socket.socketpair()
    for one in (waker, woken):
        one.settimeout(0)
    signal.set_wakeup_fd(woken.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who uses it ends it
    children: dict[int, socket.socket] = {}
    while True:
        ready, _, _ = select.select([line, waker], [], [])
        if waker in ready:
            with contextlib.suppress(BlockingIOError):
                waker.recv(4096)
            _bury(children)
        if line in ready:
            head, descriptors, _, _ = socket.recv_fds(line, 16, 1)
            if not head:
                _end(children)
            order = _read(line, int.from_bytes(head))
            asker = socket.socket(fileno=descriptors[0])
            child = os.fork()
            if not child:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                signal.signal(signal.SIGINT, signal.default_int_handler)
                for one in (line, waker, woken, asker, *children.values()):
                    one.close()
                return order
            children[child] = asker
            asker.send(str(child).encode())


def _read(line: socket.socket, length: int) -> Order:
    said = b""
    while len(said) < length:
        said += line.recv(65_536)
    order: Order = pickle.loads(said)  # noqa: S301 - from the process that started this one
    return order


def _bury(children: dict[int, socket.socket]) -> None:
    while children:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        with children.pop(pid) as asker, contextlib.suppress(OSError):
            asker.send(str(os.waitstatus_to_exitcode(status)).encode())


def _end(children: dict[int, socket.socket]) -> None:
    for pid in children:
        os.kill(pid, signal.SIGKILL)
    os._exit(0)


def _become(order: Order) -> None:
    """Read the settings anew, and tell everybody what is different."""
    with open(os.devnull) as nothing, open(order.stdout, "ab") as out, open(order.stderr, "ab") as err:  # noqa: PTH123 - as short as it gets
        for file, descriptor in ((nothing, 0), (out, 1), (err, 2)):
            os.dup2(file.fileno(), descriptor)
    os.environ.clear()
    os.environ.update(order.environment)
    before = {name: getattr(settings, name) for name in dir(settings) if name.isupper()}
    for name in SETTINGS_MODULES:
        sys.modules.pop(name, None)
    settings.__dict__.clear()
    settings.__dict__["_wrapped"] = empty
    for name in before.keys() - set(dir(settings)):  # libraries add defaults of their own as they are imported
        setattr(settings, name, before[name])
    different = {name for name in dir(settings) if name.isupper() and before.get(name) != getattr(settings, name)}
    if different.intersection(SHAPE):
        os.execve(sys.executable, [sys.executable, "manage.py", *order.arguments], order.environment)  # noqa: S606
    _tell(different)


def _tell(different: set[str]) -> None:
    from django.apps import apps  # noqa: PLC0415
    from django.core.signals import setting_changed  # noqa: PLC0415
    from django.db import connections  # noqa: PLC0415

    vars(connections).pop("settings", None)
    vars(connections)["_settings"] = None
    for name in different - {"DATABASES"}:  # nobody has reached the database yet, so nobody need be told of another
        setting_changed.send(sender=_tell, setting=name, value=getattr(settings, name), enter=True)
    for app in apps.get_app_configs():
        if app.name == "tests.mortal":
            app.ready()


def _run(order: Order) -> None:
    sys.argv = ["manage.py", *order.arguments]
    import_module("manage").main()


if __name__ == "__main__":
    main(int(sys.argv[1]))
