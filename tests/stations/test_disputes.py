"""From a session that went wrong to a complaint with everything known of it."""

import uuid

import pytest

from billing.models import Dispute
from stations import readings
from stations.readings import Incoming
from tests import factories
from tests.stations.acting import HOUR, NOON, begin, reading, session_of, stop

CARD = "04A1B2C3"


@pytest.fixture
def session(charge_point, connector, driver):
    factories.make_id_token(driver, CARD)
    started = begin(charge_point, CARD)
    said = tuple(reading(10 * step, 1_000 * step) for step in (1, 2, 3))
    readings.store([Incoming(charge_point.pk, 1, started.transaction_id, said, NOON + HOUR)])
    stop(charge_point, started.transaction_id, meter=4_000, at=NOON + HOUR)
    return session_of(started)


def test_the_evidence_comes_by_itself(client, session, driver, owner, stranger):
    client.force_login(driver)
    address = f"/sessions/{session.code}/dispute/"
    assert client.get(address).status_code == 200
    assert client.post(address, {}).status_code == 400
    assert client.post(address, {"reason": "too_much", "amount": "99999"}).status_code == 400

    sent = client.post(address, {"reason": "too_much", "amount": "5", "text": "Only 3 kWh arrived."})

    dispute = Dispute.objects.get()
    assert sent.headers["Location"] == dispute.get_absolute_url()
    assert dispute.disputed_minor == 500
    assert [one["energy_wh"] for one in dispute.evidence["readings"]] == [1_000, 2_000, 3_000]
    assert dispute.evidence["session"]["energy_wh"] == session.energy_wh
    assert client.post(address, {"reason": "too_much"}).status_code == 302
    assert Dispute.objects.count() == 1
    client.force_login(owner)
    assert client.get(dispute.get_absolute_url()).status_code == 200
    client.force_login(stranger)
    assert client.get(address).status_code == 404
    assert client.get(f"/sessions/{uuid.uuid4()}/dispute/").status_code == 404
