"""What a person gets to take along of chargers and sessions."""

import json

from django.test import Client

from accounts.models import User
from stations import export
from stations.models import ChargingSession, Connector
from tests import factories


def test_each_side_gets_its_own(driver: User, owner: User, connector: Connector) -> None:
    card = factories.make_id_token(driver, "04A22B5C")
    session = ChargingSession.objects.create(
        charge_point=connector.charge_point, connector=connector, driver=driver, owner=owner, id_token=card, id_tag="04A22B5C"
    )
    hers, his = (json.dumps(export.everything_about(user), default=str, ensure_ascii=False) for user in (driver, owner))

    assert str(session.code) in hers
    assert "04A22B5C" in hers
    assert str(session.code) in his
    assert connector.charge_point.identity in his
    assert connector.charge_point.identity not in hers
    assert "04A22B5C" not in his
    assert driver.email not in his
    for secret in (connector.charge_point.password_digest, factories.CHARGER_PASSWORD):
        assert secret not in his


def test_the_whole_export_is_json(driver: User, owner: User, stranger: User, connector: Connector, client: Client) -> None:
    for user in (driver, owner, stranger):
        client.force_login(user)
        answer = client.get("/api/v1/me/export/")
        assert answer.status_code == 200
        assert answer.json().keys() == {"person", "money", "charging"}
