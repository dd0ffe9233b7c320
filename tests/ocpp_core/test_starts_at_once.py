"""Two starts that meet: each is written down with its frame, whoever was first."""

import pytest

from ocpp_core.handlers import core
from ocpp_core.models import OcppFrame
from stations.models import ChargingSession
from tests import factories
from tests.meeting import meeting, one_waits_for_the_other
from tests.ocpp_core.speaking import request_of
from tests.stations.acting import MINUTE, NOON

pytestmark = [pytest.mark.django_db(transaction=True), one_waits_for_the_other]


def test_two_people_who_begin_at_one_outlet_are_both_written_down(charge_point, driver, stranger):
    factories.give_credit(stranger, 50_000)
    factories.make_id_token(driver, "FIRST")
    factories.make_id_token(stranger, "SECOND")
    answers = []

    def start(tag, at):
        payload = {"connectorId": 1, "idTag": tag, "meterStart": 1000, "timestamp": at.isoformat()}
        answers.append(core.start_transaction(request_of(charge_point, "StartTransaction", payload, at)))

    with meeting(lambda: start("SECOND", NOON + MINUTE)):
        start("FIRST", NOON)

    assert [answer["idTagInfo"]["status"] for answer in answers] == ["Accepted", "Accepted"]
    told = [answer["transactionId"] for answer in answers]
    assert list(ChargingSession.objects.order_by("pk").values_list("transaction_id", "status")) == [
        (told[0], ChargingSession.Status.COMPLETED),
        (told[1], ChargingSession.Status.ACTIVE),
    ]
    assert OcppFrame.objects.filter(action="StartTransaction").count() == 2
