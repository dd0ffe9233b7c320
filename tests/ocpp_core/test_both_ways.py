"""What holds for a charger's socket holds with Daphne's own sockets and with lean ones."""

import asyncio
import contextlib
import json

import pytest

from ocpp_core.models import ConnectionAttempt, OcppFrame
from stations.models import ChargePoint
from tests import factories
from tests.authorities import make_authority
from tests.chargers import raw_charger_for
from tests.ocpp_core.conftest import basic, knock, run, until
from tests.proxies import Front, small_proxy
from tests.serving import Served
from tests.wire import BINARY, CLOSE, CONTINUATION, PING, TEXT, frame, wire

HEARTBEAT = '[2,"%s","Heartbeat",{}]'


@pytest.fixture(scope="module", params=["True", "False"], ids=["lean", "stock"])
def shared_server(request, tmp_path_factory, django_db_setup):
    environment = {"HOUSEKEEPING": "False", "OCPP_MAX_FRAME_BYTES": "65536", "OFFLINE_AFTER_S": "3", "LEAN_SOCKETS": request.param}
    served = Served(tmp_path_factory.mktemp("serve"), **environment)
    yield served
    served.kill()


@pytest.fixture
def charge_point(owner, tariff):
    return factories.make_charge_point(owner, tariff=tariff, auto_configure=False)


def on_the_wire(served, charge_point, story, **options):
    async def told():
        async with wire(charge_point, "127.0.0.1", served.port, **options) as line:
            await story(line)

    run(told)


async def after_pings(line):
    """What comes next that is no ping: the server asks whoever is silent for a second."""
    while (heard := await line.hear())[0] == PING:
        pass
    return heard


def the_answer_to(heard):
    head, payload = heard
    assert head == TEXT
    kind, message_id, answer = json.loads(payload)
    assert (kind, list(answer)) == (3, ["currentTime"])
    return message_id


def test_messages_come_whole_in_pieces_and_many_at_once(served, charge_point):
    first, second, third, fourth = (HEARTBEAT % name for name in "abcd")

    async def story(line):
        await line.say(frame(0x01, first[:5]), frame(PING, "x"), frame(0x00, first[5:9]), frame(CONTINUATION, first[9:]))
        assert await after_pings(line) == (0x8A, b"x")
        assert the_answer_to(await after_pings(line)) == "a"
        await line.say(*(bytes((byte,)) for byte in frame(TEXT, second)))
        assert the_answer_to(await after_pings(line)) == "b"
        await line.say(frame(TEXT, third) + frame(TEXT, fourth))
        assert [the_answer_to(await after_pings(line)) for _ in range(2)] == ["c", "d"]
        await line.say(frame(CLOSE, (1000).to_bytes(2)))
        assert (await after_pings(line))[0] == CLOSE
        assert await line.is_over()

    on_the_wire(served, charge_point, story)
    until(lambda: ConnectionAttempt.objects.filter(close_code=1000, closed_at__isnull=False).exists())
    until(lambda: OcppFrame.objects.count() == 8)
    assert not ChargePoint.objects.get(pk=charge_point.pk).is_online


@pytest.mark.parametrize(
    ("bytes_said", "code"),
    [
        (frame(TEXT, b"\xff"), 1007),
        (b"\x81\x03abc", 1002),
        (b"\x81\xff" + (65_537).to_bytes(8) + b"mask, then", 1009),
        (frame(0x01, "x" * 60_000) + frame(CONTINUATION, "x" * 6_000), 1009),
        (frame(0x01, "x") + frame(TEXT, "y"), 1002),
        (frame(0xC1, "compressed"), 1002),
        (frame(0x09, "x"), 1002),
        (frame(BINARY, "x"), 1003),
    ],
)
def test_who_breaks_the_rules_is_told_so(served, charge_point, bytes_said, code):
    async def story(line):
        await line.say(bytes_said)
        head, payload = await after_pings(line)
        assert (head, payload[:2]) == (CLOSE, code.to_bytes(2))
        await line.say(frame(CLOSE, code.to_bytes(2)))
        assert await line.is_over()

    on_the_wire(served, charge_point, story)
    until(lambda: ConnectionAttempt.objects.filter(close_code=code).exists())


@pytest.mark.parametrize("bytes_said", [frame(BINARY, "x"), frame(TEXT, b"\xff")], ids=["asked to go", "broke the rules"])
def test_who_never_finishes_the_closing_handshake_is_hung_up_on(served, charge_point, bytes_said):
    """It hears that it is to go, answers nothing, and keeps its end open: neither a socket nor the charger stays for that."""

    async def story(line):
        await line.say(bytes_said)
        assert (await after_pings(line))[0] == CLOSE
        assert await line.is_over()

    on_the_wire(served, charge_point, story)
    until(lambda: ConnectionAttempt.objects.filter(closed_at__isnull=False).exists())
    until(lambda: not ChargePoint.objects.get(pk=charge_point.pk).is_online)


def test_who_answers_pings_stays_online_and_who_does_not_is_dropped(served, charge_point):
    async def story(line):
        for _ in range(4):
            while (await line.hear())[0] != PING:
                pass
            await line.say(frame(0x8A, "?"))
        assert not await asyncio.to_thread(ConnectionAttempt.objects.exclude(closed_at=None).exists)
        assert await line.is_over()

    on_the_wire(served, charge_point, story)
    until(lambda: ConnectionAttempt.objects.filter(close_code=1006).exists())


def test_who_does_not_fetch_its_answers_is_cut_off(served, charge_point):
    """Nobody makes us keep more for him than a limit, beyond what the network itself keeps; not even by what costs us nothing."""

    many, answered = 400_000, 0  # far more than any network keeps

    async def story(line):
        nonlocal answered
        with contextlib.suppress(ConnectionError):
            for _ in range(many // 1_000):
                await line.say(frame(PING, "x" * 125) * 1_000)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):  # or nobody waits for it any more
            while (heard := await line.hear())[0] != CLOSE:
                answered += 1
            assert heard[1] == (1008).to_bytes(2)

    on_the_wire(served, charge_point, story, receive_buffer=4_096)
    assert answered < many
    until(lambda: ConnectionAttempt.objects.exclude(closed_at=None).exists())


def test_compression_is_never_agreed_on(served, charge_point):
    path = f"/ocpp/{charge_point.identity}"
    answer = knock(served, path, basic(charge_point.identity), Sec_WebSocket_Extensions="permessage-deflate; client_max_window_bits")
    assert (answer.status, answer.getheader("Sec-WebSocket-Extensions")) == (101, None)


def test_behind_a_proxy_that_ends_tls_all_is_the_same(served, charge_point, tmp_path):
    front = Front.make(tmp_path, make_authority(tmp_path)["CHARGER_CA_CERTIFICATE"])

    async def story():
        async with small_proxy(front, served) as address:
            port = int(address.split(":")[2].split("/")[0])
            async with wire(charge_point, "127.0.0.1", port, tls=front.trusting()) as line:
                text = HEARTBEAT % "t"
                await line.say(frame(0x01, text[:7]), frame(PING, "x"), frame(CONTINUATION, text[7:]))
                assert await after_pings(line) == (0x8A, b"x")
                assert the_answer_to(await after_pings(line)) == "t"

    run(story)
    until(lambda: ConnectionAttempt.objects.exclude(closed_at=None).exists())


def test_the_newest_socket_wins_and_a_stranger_is_refused(served, charge_point):
    path = f"/ocpp/{charge_point.identity}"
    assert knock(served, path, basic(charge_point.identity, "wrong-password")).status == 401

    async def story():
        async with raw_charger_for(charge_point, served) as old, raw_charger_for(charge_point, served) as new:
            assert await old.closed() == 1000
            assert "currentTime" in await new.call("Heartbeat", {})

    run(story)
