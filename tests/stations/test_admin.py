"""What staff see of charging and of the chargers' door: every table, no secret, and hardly anything to rewrite."""

from datetime import timedelta

import pytest
from django.contrib import admin
from django.urls import reverse
from django.utils import timezone

from ocpp_core import frame_log, frames
from ocpp_core.models import ConfigurationKey, ConnectionAttempt, OcppFrame
from stations import commands
from stations.models import ChargePoint, ChargingSession, Command, MeterValue, QuarantinedMessage
from tests import factories
from tests.stations.acting import NOON, begin, go_online, session_of, stop

MODELS = [model for model in admin.site._registry if model._meta.app_label in ("stations", "ocpp_core")]
FORBIDDEN = ("pbkdf2", "digest", "top-secret-value", factories.CHARGER_PASSWORD)


@pytest.fixture
def client(client, staff):
    client.force_login(staff)
    return client


@pytest.fixture
def everything(charge_point, driver):
    """A row of every kind."""
    go_online(charge_point)
    factories.make_id_token(driver, "04ABCD12")
    started = begin(charge_point, "04ABCD12", meter=1000)
    stop(charge_point, started.transaction_id, meter=9000, at=NOON + timedelta(hours=1))
    session = session_of(started)
    at = timezone.now()
    MeterValue.objects.create(session=session, connector=session.connector, at=at, received_at=at, samples=[], sample_count=0)
    secret = {"key": "AuthorizationKey", "value": "top-secret-value"}
    commands.ask(charge_point, "ChangeConfiguration", secret)
    raw = frames.call("1", "ChangeConfiguration", secret)
    frame_log.write([frame_log.row(charge_point.pk, at, "to_charger", "call", "1", "ChangeConfiguration", raw)])
    ConnectionAttempt.objects.create(charge_point=charge_point, identity="X", outcome="accepted", first_at=at, at=at)
    ConfigurationKey.objects.create(charge_point=charge_point, key="AuthorizationKey", value="top-secret-value", read_at=at)
    QuarantinedMessage.objects.create(charge_point=charge_point, action="StopTransaction", reason="unknown", fingerprint="f")
    return session


def url(model, page, *args):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_lists_and_rows_open_without_secrets(client, everything, model):
    found = client.get(url(model, "changelist"), {"q": everything.charge_point.code})
    assert found.status_code == 200
    assert client.get(url(model, "changelist")).status_code == 200
    row = model._default_manager.first()
    if row is not None:
        text = client.get(url(model, "change", row.pk)).content.decode()
        assert not [word for word in FORBIDDEN if word in text]


def test_every_table_is_there():
    from django.apps import apps  # noqa: PLC0415

    tables = {model for label in ("stations", "ocpp_core") for model in apps.get_app_config(label).get_models()}
    assert tables == set(MODELS)


@pytest.mark.parametrize("model", [OcppFrame, MeterValue, ChargingSession, Command], ids=lambda model: model.__name__)
def test_history_is_read_only(client, everything, model):
    row = model.objects.first()
    assert client.post(url(model, "change", row.pk), {}).status_code == 403
    assert client.get(url(model, "add")).status_code == 403
    assert client.post(url(model, "delete", row.pk), {"post": "yes"}).status_code == 403


def test_quarantine_is_resolved(client, everything):
    row = QuarantinedMessage.objects.get()
    client.post(url(QuarantinedMessage, "changelist"), {"action": "resolve", "_selected_action": [row.pk]})
    row.refresh_from_db()
    assert row.resolved_at is not None


def test_staff_close_a_record_and_take_a_charger_off_the_map(client, charge_point, driver):
    go_online(charge_point)
    factories.make_id_token(driver, "04ABCD12")
    session = session_of(begin(charge_point, "04ABCD12"))
    client.post(url(ChargingSession, "changelist"), {"action": "close", "_selected_action": [session.pk]})
    client.post(url(ChargePoint, "changelist"), {"action": "take_off_the_map", "_selected_action": [charge_point.pk]})
    session.refresh_from_db()
    charge_point.refresh_from_db()
    assert session.has_ended
    assert not charge_point.is_published


def test_lists_cost_the_same_queries_however_long(client, owner, tariff, django_assert_max_num_queries):
    for _ in range(8):
        factories.make_charge_point(owner, tariff=tariff)
    client.get(url(ChargePoint, "changelist"))
    with django_assert_max_num_queries(14):
        client.get(url(ChargePoint, "changelist"))


def test_admin_is_for_staff_alone(client, owner):
    client.force_login(owner)
    assert client.get(url(ChargePoint, "changelist")).status_code in (302, 403)
