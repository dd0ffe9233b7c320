"""What closing an account means for chargers and sessions, and what a person gets when she asks for everything."""

import json

import pytest
from django.core.serializers.json import DjangoJSONEncoder

from accounts.signals import account_closing
from chargeshare.errors import DomainError
from stations import closing, export
from stations.models import ChargePoint, ChargingSession
from tests import factories
from tests.stations.acting import HOUR, NOON, begin, reading, session_of, stop

CARD = "04A1B2C3"


def test_not_while_a_session_is_open(charge_point, driver, owner):
    factories.make_id_token(driver, CARD)
    started = begin(charge_point, CARD)
    for person in (driver, owner):
        with pytest.raises(closing.SessionOpen):
            closing.prepare_closing(None, user=person)
    stop(charge_point, started.transaction_id, meter=2000, at=NOON + HOUR)
    closing.prepare_closing(None, user=driver)
    assert session_of(started).id_tag == ""
    closing.prepare_closing(None, user=owner)
    assert not ChargePoint.objects.alive().exists()


def test_it_is_asked(driver, charge_point):
    factories.make_id_token(driver, CARD)
    begin(charge_point, CARD)
    with pytest.raises(DomainError):
        account_closing.send(sender=type(driver), user=driver)
    assert [receiver for receiver in account_closing.receivers if receiver[0][0] == "stations"]


def test_everything_about_a_person(charge_point, driver, owner):
    factories.make_id_token(driver, CARD)
    started = begin(charge_point, CARD)
    stop(charge_point, started.transaction_id, meter=2000, at=NOON + HOUR, readings=[reading(1, 1100)])
    hers = json.dumps(export.everything_about(driver), cls=DjangoJSONEncoder)
    assert CARD in hers
    assert str(ChargingSession.objects.get().code) in hers
    theirs = json.dumps(export.everything_about(owner), cls=DjangoJSONEncoder)
    assert CARD not in theirs
    assert driver.email not in theirs
    assert charge_point.identity in theirs
