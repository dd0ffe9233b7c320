"""Diagnostics from the owner's button to the file in her hands: a real server, a real socket, real uploads."""

import asyncio
import http.client
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connection

from accounts.models import User
from ocpp_core import diagnostics
from ocpp_core.models import ConfigurationKey, DiagnosticsUpload
from ocpp_core.simulator.maintenance import put
from stations.models import ChargePoint, Command
from tests.chargers import RawCharger, charger_for, raw_charger_for
from tests.flows.doors import Api, Pages
from tests.serving import Served

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE_S = 30.0
MIB = 1024 * 1024
Row = dict[str, Any]


class Owner:
    """The owner at one charger: her browser asks, her program reads."""

    def __init__(self, served: Served, owner: User, charge_point: ChargePoint) -> None:
        self.api = Api(served, owner)
        self.browser = Pages(served)
        self.user = owner
        self.path = f"charge-points/{charge_point.code}/"
        self.code = charge_point.code

    async def ask(self, kind: str = "diagnostics") -> None:
        """Press the button."""
        if not self.browser.url:
            await self.browser.log_in(self.user)
        await self.browser.open(f"/owner/{self.code}/firmware/")
        await self.browser.submit("/diagnostics/", type=kind, period="all")

    async def until(self, *progress: str) -> list[Row]:
        """Wait until the uploads, newest first, have got so far."""
        rows: list[Row] = []
        async with asyncio.timeout(PATIENCE_S):
            while tuple(row["progress"] for row in rows) != progress or not rows:
                await asyncio.sleep(0.05)
                rows = (await self.api.get(f"{self.path}diagnostics/"))["results"]
        return rows

    async def download(self, row: Row) -> bytes:
        """Fetch the file as a program does."""

        def fetch() -> bytes:
            with self._ask_for(row) as response:
                return bytes(response.read())

        return await asyncio.to_thread(fetch)

    def sizes_fetched_slowly(self, rows: list[Row]) -> list[int]:
        """Ask for all the files, and only then fetch one after the other."""
        with ExitStack() as stack:
            responses = [stack.enter_context(self._ask_for(row)) for row in rows]
            return [len(response.read()) for response in responses]

    def _ask_for(self, row: Row) -> Any:
        request = urllib.request.Request(row["file"], headers={"Authorization": f"Bearer {self.api.access}"})  # noqa: S310 - our own server
        response = urllib.request.urlopen(request, timeout=60)  # noqa: S310
        assert response.headers["Content-Disposition"].startswith("attachment")
        return response


async def take(raw: RawCharger, response: Row, action: str = "GetDiagnostics") -> Row:
    """Be asked, and answer; what was asked."""
    _two, message_id, asked, payload = await raw.receive(PATIENCE_S)
    assert asked == action
    await raw.send([3, message_id, response])
    return dict(payload)


def sent(served: Served, location: str, *, length: int | None, pieces: Iterator[bytes], method: str = "PUT") -> int:
    """Upload piece by piece, in chunks where no length is said; the status, however early it comes."""
    path = location.removeprefix(served.url)
    link = http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)
    try:
        link.putrequest(method, path)
        link.putheader("Content-Type", "application/octet-stream")
        if length is None:
            link.putheader("Transfer-Encoding", "chunked")
        else:
            link.putheader("Content-Length", str(length))
        link.endheaders()
        for piece in pieces:
            link.send(f"{len(piece):x}\r\n".encode() + piece + b"\r\n" if length is None else piece)
        if length is None:
            link.send(b"0\r\n\r\n")
        return link.getresponse().status
    finally:
        link.close()


def forget_refusals() -> None:
    """As if nothing had been refused yet."""
    DiagnosticsUpload.objects.update(refusal="")
    connection.close()


def held(folder: Path) -> int:
    """How many files lie there."""
    return len(list(folder.iterdir()))


def mebibytes(count: int) -> Iterator[bytes]:
    return (bytes([number % 256]) * MIB for number in range(count))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the server of `serve_process` puts files."""
    return tmp_path / "diagnostics"


def test_from_the_button_to_the_file(serve_process: Callable[..., Served], owner: User, charge_point: ChargePoint, folder: Path) -> None:
    """The charger is given an address, uploads, says so, and the owner has what it has logged, to the byte."""
    served = serve_process(HOUSEKEEPING="False")
    log = bytes(range(256)) * 3000

    async def story() -> None:
        person = Owner(served, owner, charge_point)
        async with charger_for(charge_point, served) as box:
            box.maintenance.log = log
            await person.ask()
            (row,) = await person.until("done")
            await box.idle()
            async with asyncio.timeout(PATIENCE_S):
                while row["ended_at"] is None:
                    (row,) = await person.until("done")
            assert [step["status"] for step in row["history"]] == ["Uploading", "Uploaded"]
            assert (row["type"], row["size_bytes"], row["location"]) == ("diagnostics", len(log), "")
            assert row["file_name"] == f"diagnostics-{charge_point.identity}.txt"
            assert await person.download(row) == log
            assert "Stáhnout" in await person.browser.open(f"/owner/{charge_point.code}/firmware/") or "Download" in person.browser.text

            box.maintenance.log = b""
            await person.ask()
            await person.until("nothing", "done")

    async_to_sync(story)()
    (file,) = folder.iterdir()
    assert file.read_bytes() == log
    assert file.stat().st_mode & 0o077 == 0 or folder.stat().st_mode & 0o077 == 0
    location = Command.objects.filter(action="GetDiagnostics").earliest("pk").payload["location"]
    token = location.split("/")[-2]
    assert token not in served.said(), "an address of a file is as good as a password"


def test_a_box_of_the_security_extension_is_asked_for_logs(
    serve_process: Callable[..., Served], owner: User, charge_point: ChargePoint
) -> None:
    """GetLog with a number, which ties every word to its upload; the log of security events beside that of diagnostics."""
    served = serve_process(HOUSEKEEPING="False")
    ConfigurationKey.objects.create(charge_point=charge_point, key="CpoName", value="", read_at=charge_point.created_at)

    async def story() -> None:
        person = Owner(served, owner, charge_point)
        async with charger_for(charge_point, served) as box:
            await person.ask("DiagnosticsLog")
            await person.until("done")
            await box.idle()
            await person.ask("SecurityLog")
            rows = await person.until("done", "done")
            await box.idle()
            assert [row["type"] for row in rows] == ["SecurityLog", "DiagnosticsLog"]
            assert all(row["answer"] == "Accepted" and row["request_id"] > 0 for row in rows)
            assert rows[0]["request_id"] != rows[1]["request_id"]
            log = {"remoteLocation": "http://127.0.0.1:9/"}
            command = {"action": "GetLog", "payload": {"logType": "SecurityLog", "requestId": 5, "log": log}}
            status, _body = await person.api.post(f"{person.path}commands/?wait=20", command)
            assert status == 201
            await box.idle()
            rows = await person.until("failed", "done", "done")
            assert (rows[0]["status"], rows[0]["location"], rows[0]["file"]) == ("UploadFailure", "http://127.0.0.1:9/", None)

    async_to_sync(story)()


def test_whatever_comes_to_an_address(serve_process: Callable[..., Served], owner: User, charge_point: ChargePoint, folder: Path) -> None:
    """Nothing, too much, said or counted, at a wrong address; then the file, again, and another."""
    served = serve_process(HOUSEKEEPING="False", DIAGNOSTICS_MAX_BYTES=str(3 * MIB), OCPP_SETTLE_DELAY_S="600")

    async def story() -> None:
        person = Owner(served, owner, charge_point)
        async with raw_charger_for(charge_point, served) as raw:
            await raw.call("BootNotification", {"chargePointVendor": "Any", "chargePointModel": "Box"}, "b")
            await person.ask()
            location = (await take(raw, {"fileName": "diag.zip"}))["location"]
            assert location.startswith(f"{served.url}/charger-uploads/")

            def upload(to: str, count: int, length: int | None, method: str = "PUT") -> int:
                return sent(served, to, length=length, pieces=mebibytes(count), method=method)

            # Said: refused before a byte of it was taken. Counted: cut off on its way.
            assert await asyncio.to_thread(upload, location, 0, 900 * MIB) == 413
            (row,) = await person.until("failed")
            assert row["refusal"] == "too_large"
            await asyncio.to_thread(forget_refusals)
            assert await asyncio.to_thread(upload, location, 5, None) == 413
            await person.until("failed")
            wrong = f"{served.url}/charger-uploads/{'0' * 64}/x.zip"
            assert await asyncio.to_thread(upload, wrong, 2, 2 * MIB, "POST") == 404
            assert await asyncio.to_thread(upload, location, 0, 0) == 400
            assert held(folder) == 0

            assert await asyncio.to_thread(upload, f"{location}diag.zip", 3, None) == 201
            (row,) = await person.until("done")
            assert (row["size_bytes"], row["refusal"]) == (3 * MIB, "")
            assert await asyncio.to_thread(upload, location, 3, 3 * MIB) == 200
            assert await asyncio.to_thread(upload, location, 2, 2 * MIB, "POST") == 409
            assert held(folder) == 1
            assert await raw.call("DiagnosticsStatusNotification", {"status": "uploaded"}, "d") == {}
            assert await person.download(row) == b"".join(mebibytes(3))
            # The same holds for every other page, in the size that pages need.
            assert await asyncio.to_thread(sent, served, f"{served.url}/", length=7 * MIB, pieces=iter(())) == 413

    async_to_sync(story)()
    assert "Traceback" not in served.said()


def test_a_socket_that_breaks_in_between(serve_process: Callable[..., Served], owner: User, charge_point: ChargePoint) -> None:
    """The charger is asked, restarts before it uploads, and the address is still good; an upload that broke off uses nothing up."""
    served = serve_process(HOUSEKEEPING="False", OCPP_SETTLE_DELAY_S="600")
    boot = {"chargePointVendor": "Any", "chargePointModel": "Box"}

    async def story() -> None:
        person = Owner(served, owner, charge_point)
        async with raw_charger_for(charge_point, served) as raw:
            await raw.call("BootNotification", boot, "b")
            await person.ask()
            location = (await take(raw, {"fileName": "diag.zip"}))["location"]
            await raw.call("DiagnosticsStatusNotification", {"status": "Uploading"}, "u")
        await asyncio.to_thread(broken_off, served, location)
        async with raw_charger_for(charge_point, served) as raw:
            await raw.call("BootNotification", boot, "b2")
            await person.until("running")
            assert await asyncio.to_thread(put, location, "diag.zip", b"whole")
            await raw.call("DiagnosticsStatusNotification", {"status": "Uploaded"}, "u2")
            (row,) = await person.until("done")
            assert [step["status"] for step in row["history"]] == ["Uploading", "Uploaded"]
            assert await person.download(row) == b"whole"

    async_to_sync(story)()


def broken_off(served: Served, location: str) -> None:
    """Say a length, send half of it, and hang up."""
    link = http.client.HTTPConnection("127.0.0.1", served.port, timeout=30)
    link.putrequest("PUT", location.removeprefix(served.url))
    link.putheader("Content-Length", str(2 * MIB))
    link.endheaders()
    link.send(b"x" * MIB)
    link.close()


def test_a_large_file_costs_no_memory(serve_process: Callable[..., Served], owner: User, charge_point: ChargePoint, folder: Path) -> None:
    """Four files of 15 MiB at once, up and down: they go to the disk as they come, and the process stays as small as it was."""
    served = serve_process(HOUSEKEEPING="False", OCPP_SETTLE_DELAY_S="600")
    assert served.process is not None
    pid = served.process.pid

    async def story() -> None:
        person = Owner(served, owner, charge_point)
        async with raw_charger_for(charge_point, served) as raw:
            await raw.call("BootNotification", {"chargePointVendor": "Any", "chargePointModel": "Box"}, "b")
            locations = []
            for number in range(5):
                await person.ask()
                locations.append((await take(raw, {"fileName": f"{number}.zip"}))["location"])

            def upload(location: str) -> int:
                return sent(served, location, length=15 * MIB, pieces=mebibytes(15))

            assert await asyncio.to_thread(upload, locations.pop()) == 201  # so that everything is loaded that an upload needs
            row = (await person.api.get(f"{person.path}diagnostics/"))["results"][0]
            assert len(await person.download(row)) == 15 * MIB
            before = peak(pid)
            assert await asyncio.gather(*(asyncio.to_thread(upload, location) for location in locations)) == [201] * 4
            rows = (await person.api.get(f"{person.path}diagnostics/"))["results"]
            assert await asyncio.to_thread(person.sizes_fetched_slowly, rows) == [15 * MIB] * 5
            assert peak(pid) - before < 10 * MIB

    async_to_sync(story)()
    assert len(list(folder.iterdir())) == 5


def peak(pid: int) -> int:
    """The most memory a process has ever held, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    return 1024 * int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")))


def test_housekeeping_forgets_file_and_row(
    serve_process: Callable[..., Served], owner: User, charge_point: ChargePoint, folder: Path
) -> None:
    """After a month nothing is left of it, and nobody had to think of it."""
    served = serve_process(HOUSEKEEPING="False")

    async def story() -> None:
        person = Owner(served, owner, charge_point)
        async with charger_for(charge_point, served) as box:
            await person.ask()
            await person.until("done")
            await box.idle()

    async_to_sync(story)()
    assert len(list(folder.iterdir())) == 1
    upload = DiagnosticsUpload.objects.get()
    DiagnosticsUpload.objects.update(created_at=upload.created_at - diagnostics.KEPT)
    done = served.manage("housekeeping", "--once")
    assert done.returncode == 0, done.stderr
    assert not DiagnosticsUpload.objects.exists()
    assert list(folder.iterdir()) == []
