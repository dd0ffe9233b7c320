"""A charger is given a certificate, comes in by it behind a proxy with TLS, and by nothing else from then on."""

import asyncio
from urllib.parse import quote

import pytest
from asgiref.sync import async_to_sync, sync_to_async

from ocpp_core import pem, simulator
from ocpp_core.models import Certificate, InstalledCertificate, SecurityEvent
from ocpp_core.simulator import LinkClosed, ManualClock
from stations.models import ChargePoint
from tests import authorities, proxies
from tests.chargers import raw_charger_for
from tests.factories import CHARGER_PASSWORD
from tests.flows.doors import Api
from tests.ocpp_core.conftest import knock
from tests.paper_central import NOON
from tests.proxies import Front

FRONTS = [
    pytest.param(proxies.small_proxy, id="small proxy"),
    pytest.param(proxies.nginx, id="nginx", marks=pytest.mark.skipif(proxies.NGINX is None, reason="no nginx here")),
]
CENTRAL_SYSTEM = "CentralSystemRootCertificate"


@pytest.fixture
def files(tmp_path):
    return authorities.make_authority(tmp_path)


@pytest.fixture
def front(tmp_path, files):
    return Front.make(tmp_path, files["CHARGER_CA_CERTIFICATE"])


@pytest.fixture
def served(serve_process, files, front):
    return serve_process(**files, SERVER_ROOT_CERTIFICATE=str(front.root), TRUSTED_PROXIES="127.0.0.1", PUBLIC_URL="https://charge.example")


def run(story):
    async def within_time():
        async with asyncio.timeout(120):
            await story()

    async_to_sync(within_time)()


async def until(condition):
    """Wait for what happens in another process."""
    async with asyncio.timeout(30):
        while not await sync_to_async(condition)():  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)


async def status_of(dialled):
    """What a charger is told that dials: 101, or the status of the refusal."""
    try:
        link = await dialled
    except LinkClosed as refusal:
        return refusal.code
    await link.close()
    return 101


@pytest.mark.parametrize("put_in_front", FRONTS)
def test_from_a_password_to_a_certificate_and_never_back(served, front, put_in_front, owner, charge_point):
    async def story():
        api, path = Api(served, owner), f"charge-points/{charge_point.code}"

        def dial(password):
            return simulator.connect(url, charge_point.identity, password, tls=front.trusting(box.certificates))

        def profile():
            return ChargePoint.objects.values_list("security_profile", flat=True).get(pk=charge_point.pk)

        async with put_in_front(front, served) as url:
            box = simulator.SimulatedChargePoint(
                charge_point.identity, dial, password=CHARGER_PASSWORD, clock=ManualClock(NOON), tells_time_of_status=False
            )
            async with box:
                refused, body = await api.post(f"{path}/security-profile/", {"security_profile": 3})
                assert (refused, body["code"]) == (409, "no_certificate")

                trigger = {"action": "ExtendedTriggerMessage", "payload": {"requestedMessage": "SignChargePointCertificate"}}
                _status, command = await api.post(f"{path}/commands/?wait=20", trigger)
                assert command["response"] == {"status": "Accepted"}
                await until(Certificate.objects.filter(charge_point=charge_point, state="accepted").exists)
                assert box.certificates.chain

                risen, body = await api.post(f"{path}/security-profile/", {"security_profile": 3})
                assert (risen, body) == (202, {"security_profile": 1, "next_security_profile": 3, "password": None})
                await until(lambda: profile() == 3)
                await box.idle()
                await box.connection.call("Heartbeat", {})
                assert box.configuration.text("SecurityProfile") == "3"

            # Nothing else opens the door any more.
            bare = front.trusting()
            assert await status_of(simulator.connect(url, charge_point.identity, CHARGER_PASSWORD, tls=bare)) == 401
            assert await status_of(simulator.connect(served.ocpp_url, charge_point.identity, CHARGER_PASSWORD)) == 401
            certificate = await Certificate.objects.aget(charge_point=charge_point)
            claimed = {"Client-Cert": quote(certificate.pem, safe=""), "Client-Cert-Verify": "SUCCESS", "X-Forwarded-Proto": "https"}
            assert await status_of(simulator.connect(url, charge_point.identity, None, tls=bare, headers=claimed)) == 401
            assert await status_of(dial(None)) == 101

            withdrawn, body = await api.post(f"{path}/certificates/{certificate.pk}/revoke/")
            assert (withdrawn, body["state"]) == (200, "revoked")
            assert await status_of(dial(None)) == 401

    run(story)
    assert "Traceback" not in served.said()


def test_headers_of_strangers_are_nothing(serve_process, files, charge_point, settings):
    """Who is no proxy of ours may write what it likes."""
    for name, value in files.items():
        setattr(settings, name, value)
    served = serve_process(**files, TRUSTED_PROXIES="192.0.2.1")
    maker = authorities.sign(authorities.stranger(), charge_point.identity)
    ChargePoint.objects.filter(pk=charge_point.pk).update(security_profile=ChargePoint.SecurityProfile.CERTIFICATE)
    shown = {"Client_Cert": quote(pem.written(maker), safe=""), "Client_Cert_Verify": "SUCCESS", "X_Forwarded_Proto": "https"}
    assert knock(served, f"/ocpp/{charge_point.identity}", None, **shown).status == 401


@pytest.mark.parametrize("put_in_front", FRONTS)
def test_a_withdrawn_certificate_ends_the_connection_too(served, front, put_in_front, owner, charge_point):
    async def story():
        api = Api(served, owner)

        def dial(password):
            return simulator.connect(url, charge_point.identity, password, tls=front.trusting(box.certificates))

        async with put_in_front(front, served) as url:
            box = simulator.SimulatedChargePoint(charge_point.identity, dial, password=CHARGER_PASSWORD, clock=ManualClock(NOON))
            async with box:
                await box.connection.call("SignCertificate", {"csr": box.certificates.request()})
                await until(Certificate.objects.filter(state="accepted").exists)
            await ChargePoint.objects.filter(pk=charge_point.pk).aupdate(security_profile=3)
            box.configuration.change("SecurityProfile", "3")
            async with box:
                certificate = await Certificate.objects.aget()
                status, body = await api.post(f"charge-points/{charge_point.code}/certificates/{certificate.pk}/revoke/")
                assert (status, body["state"]) == (200, "revoked")
                async with asyncio.timeout(30):
                    await box.connection.closed.wait()

    run(story)


def test_roots_are_installed_listed_and_deleted(served, front, owner, charge_point):
    async def story():
        api, path = Api(served, owner), f"charge-points/{charge_point.code}"

        async def ask(action, payload):
            _status, command = await api.post(f"{path}/commands/?wait=20", {"action": action, "payload": payload})
            return command["response"]

        box = simulator.SimulatedChargePoint(
            charge_point.identity,
            simulator.dialler(served.ocpp_url, charge_point.identity),
            password=CHARGER_PASSWORD,
            clock=ManualClock(NOON),
        )
        async with box:
            root = {"certificateType": CENTRAL_SYSTEM, "certificate": front.root.read_text()}
            assert await ask("GetInstalledCertificateIds", {"certificateType": CENTRAL_SYSTEM}) == {"status": "NotFound"}
            assert await ask("InstallCertificate", root) == {"status": "Accepted"}
            assert await InstalledCertificate.objects.acount() == 1
            told = await ask("GetInstalledCertificateIds", {"certificateType": CENTRAL_SYSTEM})
            kept = await InstalledCertificate.objects.aget()
            assert (kept.subject, kept.serial_number) == ("Server root", told["certificateHashData"][0]["serialNumber"])
            listed = await api.get(f"{path}/installed-certificates/")
            assert [one["subject"] for one in listed["results"]] == ["Server root"]

            doomed = {"certificateHashData": told["certificateHashData"][0]}
            assert await ask("DeleteCertificate", doomed) == {"status": "Accepted"}
            assert await ask("DeleteCertificate", doomed) == {"status": "NotFound"}
            assert await InstalledCertificate.objects.acount() == 0

    run(story)


def test_what_is_no_proper_request_is_refused_in_a_word(served, owner, charge_point):
    hostile = [
        "garbage",
        "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----",
        "A" * 900_000,
        authorities.make_csr("ANOTHER-BOX"),
        "\u0000",
    ]

    ChargePoint.objects.filter(pk=charge_point.pk).update(auto_configure=False)

    async def story():
        async with raw_charger_for(charge_point, served) as box:
            for csr in hostile:
                assert await box.call("SignCertificate", {"csr": csr}) == {"status": "Rejected"}
            kind, _id, code, *_rest = await box.ask([2, "x", "SignCertificate", {"csr": 5}])
            assert (kind, code) == (4, "TypeConstraintViolation")
            assert (
                await box.call("SecurityEventNotification", {"type": "TamperDetectionActivated", "timestamp": "2020-01-01T00:00:00Z"}) == {}
            )
        api = Api(served, owner)
        events = await api.get(f"charge-points/{charge_point.code}/security-events/")
        assert [(event["type"], event["is_critical"]) for event in events["results"]] == [("TamperDetectionActivated", True)]
        async with asyncio.timeout(30):
            while True:
                deviations = await api.get(f"charge-points/{charge_point.code}/deviations/")
                words = {one["word"] for one in deviations["results"]}
                if {"csr:unreadable", "csr:identity"} <= words:
                    break
                await asyncio.sleep(0.1)

    run(story)
    assert not Certificate.objects.exists()
    assert SecurityEvent.objects.count() == 1
    assert "Traceback" not in served.said()
