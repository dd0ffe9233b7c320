"""Setting a charger up unasked: what it is asked, what it is told, and what is made of its answers. The socket is left out."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import settings

from ocpp_core import deviations, frames
from ocpp_core.backstage import Backstage
from ocpp_core.calls import Calls, Refused
from ocpp_core.door import tell_again
from ocpp_core.models import ConfigurationKey
from ocpp_core.provisioning import Setup
from ocpp_core.spool import Spool
from ocpp_core.workers import Workers
from ocpp_core.writer import Writer
from stations.models import ChargePoint
from tests import factories
from tests.ocpp_core.conftest import run

INTERVAL, SAMPLED = "MeterValueSampleInterval", "MeterValuesSampledData"
OFFLINE = {"AuthorizationCacheEnabled": "true", "LocalAuthorizeOffline": "true", "AllowOfflineTxForUnknownId": "true"}
TWO, ONE = "Energy.Active.Import.Register,Power.Active.Import", "Energy.Active.Import.Register"


class Box(Calls):
    """A charger with a few keys. `taken` says what becomes of a value: kept as given unless a test says otherwise."""

    keys: dict[str, str | None]
    asked: list[tuple[Any, ...]]
    readonly: frozenset[str] = frozenset()

    async def call(self, action, payload, *, within_s=None):
        assert len(frames.call("x" * 36, action, payload)) < 2_000, "some have room for no more"
        self.asked.append((action, *payload.values()))
        if action == "TriggerMessage":
            raise Refused("NotSupported", "")
        if action == "GetConfiguration":
            [key] = payload["key"]
            if key not in self.keys:
                return {"unknownKey": [key]}
            return {"configurationKey": [{"key": key, "readonly": key in self.readonly, "value": self.keys[key]}]}
        key, value = payload["key"], payload["value"]
        status = self.take(key, value)
        return {"status": status}

    def take(self, key, value):
        if key in self.readonly:
            return "Rejected"
        self.keys[key] = value
        return "Accepted"

    def changes(self):
        return [asked[1:] for asked in self.asked if asked[0] == "ChangeConfiguration"]


@pytest.fixture
def set_up(transactional_db, owner):
    """Sets up a box of one make and kind, and gives it back."""
    charge_point = factories.make_charge_point(owner, auto_configure=True)
    ChargePoint.objects.update(booted_at=datetime.now(UTC), firmware="1.0", vendor="Any")

    def act(kind=Box, keys=None, **said):
        ChargePoint.objects.update(**said)
        boxes = []

        async def story():
            loop = asyncio.get_running_loop()
            workers, spool = Workers(loop), Spool(settings.SPOOL_DIR, tell_again)
            writer = Writer(loop, workers, spool)
            box = kind(loop, lambda _text: None, lambda *_frame: None)
            box.asked, box.keys = [], dict(keys or {})
            boxes.append(box)
            setup = Setup(Backstage(loop, workers, writer, spool), box, charge_point.pk)
            while await setup.run_step():
                pass
            await asyncio.to_thread(writer.close)
            await asyncio.to_thread(workers.close)

        run(story)
        charge_point.refresh_from_db()
        boxes[0].is_done = charge_point.configured_firmware == charge_point.firmware
        return boxes[0]

    return act


def test_how_often_what_and_no_decisions_while_offline(set_up):
    box = set_up(keys={INTERVAL: "900", SAMPLED: "SoC", **OFFLINE})
    assert box.keys == {INTERVAL: "60", SAMPLED: TWO, **dict.fromkeys(OFFLINE, "false")}
    assert box.is_done
    asked = [key for action, key, *_rest in box.asked if action == "GetConfiguration"]
    assert asked == [[key] for key in (INTERVAL, SAMPLED, *OFFLINE) for _before_and_after in range(2)], "verified by reading back"
    assert dict(ConfigurationKey.objects.values_list("key", "value")) == box.keys


def test_once_for_each_firmware(set_up):
    assert set_up(keys={INTERVAL: "900"}).changes()
    assert set_up(keys={INTERVAL: "900"}).asked == []
    assert set_up(keys={INTERVAL: "900"}, firmware="2.0").changes()


def test_what_is_right_or_cannot_be_changed_or_is_unknown_is_left_alone(set_up):
    class Stiff(Box):
        readonly = frozenset(OFFLINE)

    box = set_up(Stiff, {INTERVAL: " 60", **OFFLINE})
    assert box.changes() == []
    assert box.is_done


def test_a_key_may_have_no_value(set_up):
    box = set_up(keys={INTERVAL: None, SAMPLED: None})
    assert box.keys == {INTERVAL: "60", SAMPLED: TWO}


def test_a_box_that_takes_one_measurand_is_given_one(set_up):
    class Small(Box):
        def take(self, key, value):
            return super().take(key, value) if "," not in value else "Rejected"

    box = set_up(Small, {SAMPLED: "Voltage"})
    assert box.changes() == [(SAMPLED, TWO), (SAMPLED, ONE)]
    assert box.keys[SAMPLED] == ONE
    assert not deviations._gathered


def test_a_box_that_cuts_the_list_off_is_given_one(set_up):
    class Cutting(Box):
        def take(self, key, value):
            return super().take(key, value[:40])

    box = set_up(Cutting, {SAMPLED: "Voltage"})
    assert box.keys[SAMPLED] == ONE
    assert [word for _pk, word in deviations._gathered] == [deviations.NOT_KEPT]


def test_a_box_that_says_yes_and_does_nothing_is_told_of_to_its_owner(set_up):
    class Deaf(Box):
        def take(self, key, value):
            return "Accepted"

    box = set_up(Deaf, {INTERVAL: "900"})
    assert box.changes() == [(INTERVAL, "60")]
    [(times, *_at, sample)] = deviations._gathered.values()
    assert (times, "900" in sample) == (1, True)
    assert box.is_done, "asking again and again would change nothing"


def test_what_counts_after_a_restart_is_believed(set_up):
    class Slow(Box):
        def take(self, key, value):
            return "RebootRequired"

    assert set_up(Slow, {SAMPLED: "Voltage"}).changes() == [(SAMPLED, TWO)]
    assert not deviations._gathered


@pytest.mark.parametrize("features", ["Core, SmartCharging", "", "core,RemoteTrigger ", None])
def test_whatever_it_says_of_its_features_a_refused_trigger_is_no_fault(set_up, features):
    """Lists of features hold spaces, forget what a box can do and name what it cannot: nothing is made to depend on them."""
    box = set_up(keys={INTERVAL: "60", "SupportedFeatureProfiles": features})
    assert box.asked[-1] == ("TriggerMessage", "StatusNotification")
    assert box.is_done


@pytest.mark.parametrize(
    ("vendor", "model", "untouched"),
    [
        ("Huawei", "SCharger-22KT", {SAMPLED, *OFFLINE}),
        ("EVBox", "Elvi", {SAMPLED}),
        ("Wall Box Chargers", "PLP1", {SAMPLED}),
        ("ABB", "Terra AC W22", {SAMPLED}),
    ],
)
def test_what_a_make_cannot_stand_is_not_even_asked(set_up, vendor, model, untouched):
    box = set_up(keys={INTERVAL: "900", SAMPLED: "SoC,Current.Offered", **OFFLINE}, vendor=vendor, model=model)
    assert not untouched & {key for entry in box.asked for key in (entry[1] if isinstance(entry[1], list) else [entry[1]])}
    assert box.keys[INTERVAL] == "60"
    assert json.dumps(box.keys[SAMPLED]) == '"SoC,Current.Offered"'


@pytest.fixture(autouse=True)
def _nothing_gathered():
    deviations._gathered.clear()
    yield
    deviations._gathered.clear()
