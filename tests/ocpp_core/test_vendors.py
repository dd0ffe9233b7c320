"""What each make gets unasked, and what it is spared."""

import asyncio
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from ocpp_core import vendors
from ocpp_core.models import ConfigurationKey
from stations import commands, limits
from stations.models import ChargePoint, ChargingSession, Command
from tests import factories
from tests.chargers import raw_charger_for
from tests.ocpp_core.conftest import run, until

SERVER = {"OCPP_SETTLE_DELAY_S": "0.3", "OCPP_CALL_TIMEOUT_S": "3"}


def keys_of(vendor, model=""):
    return [key for key, _value in vendors.profile_of(vendor, model).configuration]


def test_an_unknown_make_gets_little_and_two_measurands():
    configuration = dict(vendors.profile_of("Any", "Box").configuration)
    assert configuration["MeterValuesSampledData"].split(",") == ["Energy.Active.Import.Register", "Power.Active.Import"]
    assert int(configuration["MeterValueSampleInterval"]) >= 60, "a queue kept while offline must not overflow; some makes take no less"
    assert configuration["LocalAuthorizeOffline"] == configuration["AllowOfflineTxForUnknownId"] == "false"


@pytest.mark.parametrize(("vendor", "model"), [("EVBox", "Elvi"), ("Wall Box Chargers", "Wallbox Pulsar"), ("ABB", "Terra AC W22")])
def test_makes_that_choke_on_a_list_of_measurands_get_none(vendor, model):
    assert "MeterValuesSampledData" not in keys_of(vendor, model)
    assert "MeterValueSampleInterval" in keys_of(vendor, model)


def test_huawei_gets_the_interval_alone():
    profile = vendors.profile_of("Huawei", "SCharger-22KT-S0")
    assert (keys_of("Huawei"), profile.takes_triggers) == (["MeterValueSampleInterval"], False)


@pytest.mark.parametrize(
    ("vendor", "spared"), [("HUAWEI", True), ("EN+", True), ("EN-plus", True), ("EN Plus", True), ("Alfen", False), ("Enphase", False)]
)
def test_who_cannot_stand_a_change_of_availability(vendor, spared):
    assert ("ChangeAvailability" in vendors.profile_of(vendor, "AC").never_unasked) is spared


@pytest.mark.parametrize(
    ("vendor", "said", "meant"),
    [("KEBA AG", "04A2B3C4_20613465", "04A2B3C4"), ("KEBA AG", "04A2_B3", "04A2_B3"), ("Any", "04A2B3C4_20613465", "04A2B3C4_20613465")],
)
def test_what_a_make_adds_to_a_card(vendor, said, meant):
    assert vendors.profile_of(vendor, "P30").card(said) == meant


def test_what_it_cannot_stand_is_sent_when_a_person_asks_for_it_and_not_by_itself(served, owner):
    charge_point = factories.make_charge_point(owner, auto_configure=False)
    ChargePoint.objects.filter(pk=charge_point.pk).update(vendor="EN+", model="AC")

    async def story():
        async with raw_charger_for(charge_point, served) as box:
            await box.call("BootNotification", {"chargePointVendor": "EN+", "chargePointModel": "AC"})
            ask = asyncio.to_thread
            spared = await ask(
                commands.change_availability, charge_point, operative=False, connector_number=1, source=Command.Source.PROTECTION
            )
            await ask(commands.change_availability, charge_point, operative=False, connector_number=1, asked_by=owner)
            _kind, message_id, action, _payload = await box.receive()
            assert action == "ChangeAvailability"
            await box.send([3, message_id, {"status": "Accepted"}])
            await ask(until, lambda: set(Command.objects.values_list("status", flat=True)) == {"rejected", "accepted"})
            assert (await ask(Command.objects.get, pk=spared.pk)).status == "rejected"

    run(story)


@pytest.mark.parametrize(
    ("allowed", "watts"), [("W", True), ("Power", True), ("Current,Power", False), ("A", False), ("", False), (None, False)]
)
def test_the_units_a_box_says_it_takes(allowed, watts):
    assert vendors.is_watts(allowed) is watts


@pytest.mark.parametrize(
    ("vendor", "key", "unit"),
    [("Huawei", None, "W"), ("Any", "Power", "W"), ("SolaxPower", "Power", "A"), ("ABB", "Current", "A"), ("Any", None, "A")],
)
def test_a_charger_that_does_not_stop_is_given_no_power_in_the_unit_it_takes(served, owner, driver, vendor, key, unit):
    charge_point = factories.make_charge_point(owner, auto_configure=False)
    ChargePoint.objects.filter(pk=charge_point.pk).update(vendor=vendor)
    if key is not None:
        ConfigurationKey.objects.create(charge_point=charge_point, key=vendors.RATE_UNIT, value=key, read_at=timezone.now())
    card = factories.make_id_token(driver).uid

    async def story():
        async with raw_charger_for(charge_point, served) as box:
            await box.call("BootNotification", {"chargePointVendor": vendor, "chargePointModel": "AC"})
            said = {"connectorId": 1, "idTag": card, "meterStart": 0, "timestamp": f"{timezone.now():%Y-%m-%dT%H:%M:%SZ}"}
            await box.call("StartTransaction", said, "start")
            await asyncio.to_thread(insist_in_vain)
            for expected in ("SetChargingProfile", "UnlockConnector"):
                _kind, message_id, action, payload = await box.receive()
                assert action == expected
                await box.send([3, message_id, {"status": "Accepted" if action == "SetChargingProfile" else "Unlocked"}])
                if action == "SetChargingProfile":
                    profile = payload["csChargingProfiles"]
                    assert profile["chargingSchedule"] == {
                        "chargingRateUnit": unit,
                        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 0}],
                    }
                    assert (profile["stackLevel"], profile["chargingProfileKind"]) == (0, "Relative"), "some makes take nothing else"

    run(story)


def insist_in_vain():
    """Three stops were accepted and not obeyed, as a person asked for them."""
    session = ChargingSession.objects.select_related("charge_point", "connector", "owner").get()
    asked = {"charge_point": session.charge_point, "action": "RemoteStopTransaction", "session": session, "status": Command.Status.ACCEPTED}
    Command.objects.bulk_create(Command(**asked) for _time in range(limits.STOP_TRIES))
    Command.objects.update(created_at=timezone.now() - timedelta(minutes=5))
    limits.insist(session, timezone.now())


def test_the_own_tag_of_a_make_is_learnt(served, owner):
    charge_point = factories.make_charge_point(owner, auto_configure=True)

    async def story():
        async with raw_charger_for(charge_point, served) as box:
            await box.call("BootNotification", {"chargePointVendor": "Alfen BV", "chargePointModel": "Eve"})
            await box.call("StatusNotification", {"connectorId": 1, "status": "Available", "errorCode": "NoError"}, "s")
            for _question in vendors.profile_of("Alfen", "").configuration:
                _kind, message_id, action, payload = await box.receive()
                assert action == "GetConfiguration"
                await box.send([3, message_id, {"unknownKey": payload["key"]}])
            _kind, message_id, _action, payload = await box.receive()
            assert payload == {"key": ["PlugAndChargeIdentifier"]}
            entry = {"key": "PlugAndChargeIdentifier", "readonly": False, "value": "0123456789ABCD"}
            await box.send([3, message_id, {"configurationKey": [entry]}])
            await asyncio.to_thread(until, lambda: ChargePoint.objects.get().configured_firmware)

    run(story)
    assert ConfigurationKey.objects.get(key="PlugAndChargeIdentifier").value == "0123456789ABCD"


@pytest.mark.parametrize(
    ("vendor", "model", "word"),
    [
        ("Autel", "MaxiCharger AC", "begins only when we ask"),
        ("Easee AS", "Charge", "begins only when we ask"),
        ("Wall Box Chargers", "Pulsar Plus", "begins only when we ask"),
        ("KEBA AG", "KC-P30", "locked in the box"),
        ("MENNEKES", "Amtron 4You 500", "quarter of an hour"),
        ("ACU", "Eve", "quarter of an hour"),
        ("Phoenix Contact", "CHARX SEC-3100", "FreeMode"),
        ("Any", "Box", ""),
    ],
)
def test_what_nobody_can_do_for_the_owner_from_here_she_is_told(client, owner, vendor, model, word):
    charge_point = factories.make_charge_point(owner)
    ChargePoint.objects.update(vendor=vendor, model=model, firmware="5.18.9")
    client.force_login(owner)
    page = client.get(reverse("ocpp_core:deviations", args=[charge_point.code])).content.decode()
    assert word in page
    assert ('id="make-advice"' in page) == bool(word)


@pytest.mark.parametrize(("vendor", "model"), [("MENNEKES", "Amtron 4You"), ("ACU", ""), ("Any", ""), ("Huawei", "")])
def test_nobody_is_asked_for_readings_more_often_than_once_a_minute(vendor, model):
    """A box that keeps a hundred messages while it is offline, or needs a minute for one, would lose the rest."""
    assert int(dict(vendors.profile_of(vendor, model).configuration)["MeterValueSampleInterval"]) >= 60


@pytest.mark.parametrize("vendor", ["EVBox", "Wall Box Chargers", "Any", "Growatt"])
def test_no_list_is_longer_than_any_box_can_hold(vendor):
    for make in (vendors.profile_of(vendor, "Elvi", "5.1"), vendors.profile_of(vendor, "", "3.0")):
        measurands = dict(make.configuration).get(vendors.SAMPLED_DATA, "").split(",")
        assert len(measurands) <= 2
        assert not {"Current.Offered", "Power.Offered", "SoC"} & set(measurands)
