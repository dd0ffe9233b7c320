"""What real chargers say, and what they mean: one row for each way of deviating."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpp_core import dialects
from stations import metering

NOON = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)
START = {"connectorId": 1, "idTag": "04AB", "meterStart": 1000, "timestamp": "2024-05-01T12:00:00Z"}
STOP = {"transactionId": 7, "meterStop": 2000, "timestamp": "2024-05-01T12:00:00Z"}
STATUS = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
REGISTER = {
    "value": "1000",
    "measurand": "Energy.Active.Import.Register",
    "unit": "Wh",
    "context": "Sample.Periodic",
    "location": "Outlet",
    "format": "Raw",
}


def reading(at, *samples):
    return metering.Reading(at, list(samples))


def meter_values(*sampled, **fields):
    return {"connectorId": 1, "meterValue": [{"timestamp": "2024-05-01T12:00:00Z", "sampledValue": list(sampled)}], **fields}


@pytest.mark.parametrize(
    ("said", "at", "deviation"),
    [
        pytest.param("2024-05-01T11:59:58Z", NOON - timedelta(seconds=2), None, id="as the standard says"),
        pytest.param("2024-05-01T11:59:58.123456789Z", NOON - timedelta(seconds=1, microseconds=876544), None, id="nanoseconds"),
        pytest.param("2024-05-01t11:59:58z", NOON - timedelta(seconds=2), None, id="small letters"),
        pytest.param("2024-05-01T14:59:58+03:00", NOON - timedelta(seconds=2), None, id="an offset"),
        pytest.param("2024-05-01T14:59:58+03", NOON - timedelta(seconds=2), None, id="hours of an offset"),
        pytest.param("2024-05-01T14:59:58+3", NOON - timedelta(seconds=2), None, id="one digit of an offset"),
        pytest.param("2024-05-01 14:59:58 +0300", NOON - timedelta(seconds=2), None, id="spaces"),
        pytest.param("2024/05/01 11:59:58Z", NOON - timedelta(seconds=2), None, id="slashes"),
        pytest.param("20240501T115958Z", NOON - timedelta(seconds=2), None, id="the basic format"),
        pytest.param("2024-05-01T11:59:58", NOON - timedelta(seconds=2), "naive", id="no zone, but right as UTC"),
        pytest.param("2024-05-01T13:59:58", NOON, "moved", id="no zone: local time, so ours is taken"),
        pytest.param(1714564798, NOON - timedelta(seconds=2), "epoch", id="seconds as a number"),
        pytest.param("1714564798000", NOON - timedelta(seconds=2), "epoch", id="milliseconds as a text"),
        pytest.param("2024-05-01T02:00:00Z", NOON - timedelta(hours=10), None, id="kept while offline"),
        pytest.param("2024-05-01T12:10:00Z", NOON + timedelta(minutes=10), None, id="ten minutes fast"),
        pytest.param("2031-05-01T12:10:00Z", NOON, "moved", id="years fast"),
        pytest.param("1970-01-01T00:03:12Z", NOON, "moved", id="time since it booted"),
        pytest.param("1970-01-01T00:00:00Z", NOON, "unreadable", id="no clock at all"),
        pytest.param("0001-01-01T00:00:00+05:00", NOON, "unreadable", id="before all time"),
        pytest.param("yesterday", NOON, "unreadable", id="garbage"),
        pytest.param("2024-05-01", NOON, "unreadable", id="a day"),
        pytest.param("1e400", NOON, "unreadable", id="an endless number"),
        pytest.param("null", NOON, "missing", id="the word null"),
        pytest.param("", NOON, "missing", id="an empty text"),
        pytest.param(None, NOON, "missing", id="null"),
        pytest.param({"a": 1}, NOON, "type", id="an object"),
    ],
)
def test_times(said, at, deviation):
    start = dialects.start_transaction({**START, "timestamp": said}, NOON)

    assert start.started_at == at
    assert start.started_at_said == ("" if deviation in ("missing", "type") else str(said))
    words = [word for word in start.deviations if word.startswith("timestamp:")]
    assert (f"timestamp:{deviation}" in words) if deviation else not words


@pytest.mark.parametrize("said", ["2024-05-01T10:00:30", "2024-05-01T09:59:30Z"])
def test_a_clock_known_to_be_off_is_corrected(said):
    start = dialects.start_transaction({**START, "timestamp": said}, NOON, clock_skew_s=7200)

    assert start.started_at == min(NOON, NOON + (datetime.fromisoformat(said[:19]).replace(tzinfo=UTC) - (NOON - timedelta(hours=2))))
    assert "timestamp:skewed" in start.deviations


@pytest.mark.parametrize(
    ("said", "at"), [("2024-05-01T07:00:00Z", NOON - timedelta(hours=5)), ("2024-05-01T07:00:00", NOON)], ids=["zone", "no zone"]
)
def test_what_is_late_by_something_else_is_not(said, at):
    assert dialects.start_transaction({**START, "timestamp": said}, NOON, clock_skew_s=7200).started_at == at


def test_a_clock_known_to_be_off_that_has_been_set_right_is_believed():
    assert dialects.start_transaction(START, NOON, clock_skew_s=-7200).started_at == NOON


def test_an_offline_time_without_zone_is_believed_where_the_clock_is_known_to_be_right():
    start = dialects.start_transaction({**START, "timestamp": "2024-05-01T02:00:00"}, NOON, clock_skew_s=3)

    assert start.started_at == NOON - timedelta(hours=10)


@pytest.mark.parametrize(
    ("change", "field", "value", "deviation"),
    [
        pytest.param({"connectorId": "2"}, "connector_number", 2, "connectorId:text", id="connector as text"),
        pytest.param({"connectorId": None}, "connector_number", 0, "connectorId:null", id="connector null"),
        pytest.param({"connectorId": -1}, "connector_number", 0, "connectorId:range", id="connector below nothing"),
        pytest.param({"connectorId": {}}, "connector_number", 0, "connectorId:type", id="connector an object"),
        pytest.param({"connectorId": True}, "connector_number", 0, "connectorId:type", id="connector true"),
        pytest.param({"connectorId": 2**40}, "connector_number", 0, "connectorId:range", id="connector astronomic"),
        pytest.param({"meterStart": "1130300.0"}, "meter_start_wh", 1_130_300, "meterStart:text", id="meter as text"),
        pytest.param({"meterStart": " 1130300 "}, "meter_start_wh", 1_130_300, "meterStart:text", id="meter with spaces"),
        pytest.param({"meterStart": "1130,4"}, "meter_start_wh", 1130, "meterStart:fraction", id="meter with a comma"),
        pytest.param({"meterStart": 1000.6}, "meter_start_wh", 1001, "meterStart:fraction", id="meter with a fraction"),
        pytest.param({"meterStart": None}, "meter_start_wh", None, "meterStart:null", id="meter null"),
        pytest.param({"meterStart": ""}, "meter_start_wh", None, "meterStart:text", id="meter empty"),
        pytest.param({"meterStart": 2**64}, "meter_start_wh", None, "meterStart:range", id="meter beyond all meters"),
        pytest.param({"meterStart": "1e999999999"}, "meter_start_wh", None, "meterStart:text", id="meter that would fill the memory"),
        pytest.param({"meterStart": "NaN"}, "meter_start_wh", None, "meterStart:text", id="meter not a number"),
        pytest.param({"reservationId": 0}, "reservation_id", None, "reservationId:0", id="a reservation of none"),
        pytest.param({"reservationId": -1}, "reservation_id", None, "reservationId:range", id="a negative reservation"),
        pytest.param({"reservationId": "12"}, "reservation_id", 12, "reservationId:text", id="reservation as text"),
        pytest.param({"idTag": "20:69:C0:21"}, "id_tag", "20:69:C0:21", None, id="tag with colons"),
        pytest.param({"idTag": " F6 CA 0C C5"}, "id_tag", " F6 CA 0C C5", None, id="tag with spaces"),
        pytest.param({"idTag": "BA86KD\x10\x0e"}, "id_tag", "BA86KD", "idTag:control", id="tag with control bytes"),
        pytest.param({"idTag": "T" * 22}, "id_tag", "T" * 22, "idTag:long", id="tag a little long"),
        pytest.param({"idTag": "T" * 90}, "id_tag", "T" * 64, "idTag:long", id="tag endless"),
        pytest.param({"idTag": 12345678}, "id_tag", "12345678", "idTag:number", id="tag as a number"),
        pytest.param({"idTag": None}, "id_tag", "", "idTag:null", id="tag null"),
        pytest.param({"idTag": "null"}, "id_tag", "", "idTag:null", id="tag the word null"),
        pytest.param({"idTag": ["x"]}, "id_tag", "", "idTag:type", id="tag a list"),
        pytest.param({"vendorStuff": 1}, "id_tag", "04AB", "payload:extra", id="a member of its own"),
    ],
)
def test_starts(change, field, value, deviation):
    start = dialects.start_transaction({**START, **change}, NOON)

    assert getattr(start, field) == value
    assert deviation is None or deviation in start.deviations


def test_a_start_as_the_standard_says_deviates_in_nothing():
    assert dialects.start_transaction(START, NOON) == dialects.StartTransaction(
        1, "04AB", 1000, NOON, "2024-05-01T12:00:00Z", has_own_time=True, skew_s=0, reservation_id=None
    )


def test_an_empty_start_is_read():
    start = dialects.start_transaction({}, NOON)

    assert (start.connector_number, start.id_tag, start.meter_start_wh, start.started_at) == (0, "", None, NOON)


def test_a_start_is_recognised_by_its_content():
    def key(later_s=0, **change):
        received_at = NOON + timedelta(seconds=later_s)
        return dialects.start_key(1, dialects.start_transaction({**START, **change}, received_at), received_at)

    assert key() == key(later_s=3000)
    assert len({key(), key(meterStart=1), key(idTag="X"), key(connectorId=2), key(timestamp="2024-05-01T12:00:01Z")}) == 5
    assert key(timestamp=None) == key(later_s=60, timestamp=None)
    assert key(timestamp=None) != key(later_s=3600, timestamp=None), "without a clock two starts must not be one"
    assert key() != dialects.start_key(2, dialects.start_transaction(START, NOON), NOON)


@pytest.mark.parametrize("said", [0, -1, 2**31, 2**63 - 1, None, "", "x", {}, True])
def test_a_transaction_we_never_gave_is_none(said):
    stop = dialects.stop_transaction({**STOP, "transactionId": said}, NOON)

    assert stop.transaction_id is None
    assert any(word.startswith("transactionId:") for word in stop.deviations)


@pytest.mark.parametrize(
    ("change", "field", "value"),
    [
        pytest.param({"transactionId": "7"}, "transaction_id", 7, id="transaction as text"),
        pytest.param({"meterStop": "2000.0"}, "meter_stop_wh", 2000, id="meter as text"),
        pytest.param({"meterStop": -1}, "meter_stop_wh", -1, id="a meter that went back, for metering to judge"),
        pytest.param({}, "reason", "Local", id="no reason is local"),
        pytest.param({"reason": None}, "reason", "Local", id="null is local"),
        pytest.param({"reason": "evdisconnected"}, "reason", "EVDisconnected", id="reason misspelt"),
        pytest.param({"reason": "Meteorite"}, "reason", "Meteorite", id="a reason of its own"),
        pytest.param({"idTag": ""}, "id_tag", "", id="an empty tag"),
        pytest.param({"transactionData": []}, "readings", (), id="no data"),
        pytest.param({"transactionData": "x"}, "readings", (), id="senseless data"),
    ],
)
def test_stops(change, field, value):
    assert getattr(dialects.stop_transaction({**STOP, **change}, NOON), field) == value


@pytest.mark.parametrize(
    "shape", [lambda data: data, lambda data: data[0], lambda data: {"values": data}, lambda data: {"meterValue": data}]
)
def test_readings_inside_a_stop(shape):
    data = [{"timestamp": "2024-05-01T11:00:00Z", "sampledValue": [{"value": "1000", "context": "Transaction.End"}]}]
    stop = dialects.stop_transaction({**STOP, "transactionData": shape(data)}, NOON)

    assert stop.readings == (reading(NOON - timedelta(hours=1), {**REGISTER, "context": "Transaction.End"}),)


@pytest.mark.parametrize(
    ("sampled", "meant", "deviation"),
    [
        pytest.param({"value": "1000"}, {}, None, id="everything at its default"),
        pytest.param(
            {"value": "0.5", "unit": "kWh", "measurand": "Energy.Active.Import.Register"}, {"value": "0.5", "unit": "kWh"}, None, id="kWh"
        ),
        pytest.param({"value": 604.213}, {"value": "604.213"}, "value:number", id="a number"),
        pytest.param({"value": 165333.0}, {"value": "165333.0"}, "value:number", id="a whole float"),
        pytest.param({"value": "165333.00"}, {"value": "165333.00"}, None, id="text with a point"),
        pytest.param({"value": " 12 "}, {"value": " 12 "}, None, id="text with spaces, kept as it came"),
        pytest.param({"value": "1", "unit": "wh"}, {"value": "1"}, "unit:spelling", id="unit misspelt"),
        pytest.param(
            {"value": "1", "measurand": "energy.active.import.register"}, {"value": "1"}, "measurand:spelling", id="measurand misspelt"
        ),
        pytest.param({"value": "1", "measurand": "null", "unit": "null"}, {"value": "1"}, "measurand:null", id="the word null"),
        pytest.param(
            {"value": "1", "context": "CurrentMax"}, {"value": "1", "context": "CurrentMax"}, "context:unknown", id="unknown context"
        ),
        pytest.param({"value": "1", "phase": "L1N"}, {"value": "1", "phase": "L1-N"}, "phase:spelling", id="phase without its hyphen"),
        pytest.param(
            {"value": "8", "unit": "W"},
            {"value": "8", "unit": "W", "measurand": "Power.Active.Import"},
            "measurand:missing",
            id="power by its unit",
        ),
        pytest.param(
            {"value": "50", "measurand": "Frequency", "unit": "Hz"},
            {"value": "50", "measurand": "Frequency", "unit": "Hertz"},
            "unit:spelling",
            id="Hz",
        ),
        pytest.param(
            {"value": "3", "measurand": "SoCState"},
            {"value": "3", "measurand": "SoCState", "unit": None},
            "measurand:unknown",
            id="a measurand of its own",
        ),
        pytest.param(
            {"value": "3", "measurand": "Power.Active.Import"},
            {"value": "3", "measurand": "Power.Active.Import", "unit": None},
            None,
            id="power without a unit",
        ),
        pytest.param({"value": "a1b2", "format": "SignedData"}, {"value": "a1b2", "format": "SignedData"}, None, id="signed data"),
        pytest.param({"value": "1", "vendor": 7}, {"value": "1"}, None, id="a member of its own"),
    ],
)
def test_sampled_values(sampled, meant, deviation):
    said = dialects.meter_values(meter_values(sampled, transactionId=7), NOON)

    expected = {name: value for name, value in {**REGISTER, **meant}.items() if value is not None}
    assert said.readings == (reading(NOON, expected),)
    assert (said.connector_number, said.transaction_id) == (1, 7)
    assert deviation is None or deviation in said.deviations


@pytest.mark.parametrize(
    ("payload", "readings"),
    [
        pytest.param(meter_values(), 0, id="no values at all"),
        pytest.param({"connectorId": 1}, 0, id="nothing"),
        pytest.param({}, 0, id="not even a connector"),
        pytest.param(
            {"connectorId": 1, "meterValue": {"timestamp": "2024-05-01T12:00:00Z", "sampledValue": {"value": "1"}}},
            1,
            id="objects, not lists",
        ),
        pytest.param({"connectorId": 1, "meterValue": [{"sampledValue": [{"value": "1"}]}]}, 1, id="no time"),
        pytest.param({"connectorId": 1, "meterValue": [{"timestamp": "2024-05-01T12:00:00Z", "value": "1"}]}, 1, id="as in OCPP 1.5"),
        pytest.param(
            {"connectorId": 1, "meterValue": [None, 5, "x", {"sampledValue": [None, {"value": None}, {"value": "1"}]}]},
            1,
            id="rubbish between",
        ),
        pytest.param({"connectorId": 1, "meterValue": "x"}, 0, id="a text"),
    ],
)
def test_meter_values_are_never_refused(payload, readings):
    assert len(dialects.meter_values(payload, NOON).readings) == readings


def test_the_quick_way_and_the_patient_one_agree():
    exact = meter_values(
        REGISTER, {"value": "7000", "measurand": "Power.Active.Import", "unit": "W", "phase": "L1"}, {"value": "5", "measurand": "SoC"}
    )
    odd = {**exact, "oddity": True}

    assert dialects.meter_values(exact, NOON).readings == dialects.meter_values(odd, NOON).readings
    assert dialects.meter_values(exact, NOON).deviations == ()
    assert dialects.meter_values(odd, NOON).deviations == ("payload:extra",)


def test_a_replayed_burst_is_put_in_order():
    times = ["2024-05-01T11:02:00Z", "2024-05-01T11:00:00Z", "2024-05-01T11:01:00Z"]
    payload = {"connectorId": 1, "meterValue": [{"timestamp": said, "sampledValue": [{"value": said}]} for said in times]}

    assert [reading.samples[0]["value"] for reading in dialects.meter_values(payload, NOON).readings] == sorted(times)


def test_a_wrong_clock_still_measures_the_time_between():
    times = ["1970-01-01T00:10:00Z", "1970-01-01T00:11:00Z"]
    payload = {"connectorId": 1, "meterValue": [{"timestamp": said, "sampledValue": [{"value": "1"}]} for said in times]}

    assert [reading.at for reading in dialects.meter_values(payload, NOON).readings] == [NOON - timedelta(minutes=1), NOON]


@pytest.mark.parametrize(
    ("change", "field", "value"),
    [
        pytest.param({"status": "available"}, "status", "Available", id="status misspelt"),
        pytest.param({"status": "Suspended EV"}, "status", "SuspendedEV", id="status in two words"),
        pytest.param({"status": "Occupied"}, "status", "Occupied", id="a status of OCPP 1.5"),
        pytest.param({"errorCode": "Error"}, "error_code", "Error", id="an error code of its own"),
        pytest.param({"errorCode": "noError"}, "error_code", "NoError", id="error code misspelt"),
        pytest.param({"errorCode": None}, "error_code", "NoError", id="no error code"),
        pytest.param({"info": "null"}, "info", "", id="info the word null"),
        pytest.param({"info": "x" * 500}, "info", "x" * 100, id="info endless"),
        pytest.param({"connectorId": "0"}, "connector_number", 0, id="the box itself, as text"),
        pytest.param({}, "at", NOON, id="no time"),
        pytest.param({"timestamp": "2024-05-01T11:00:00Z"}, "skew_s", 3600, id="what its clock says"),
    ],
)
def test_statuses(change, field, value):
    assert getattr(dialects.status_notification({**STATUS, **change}, NOON), field) == value


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        pytest.param({"connectorId": 1, "errorCode": "NoError"}, "ProtocolError", id="no status"),
        pytest.param({"status": "Available", "errorCode": "NoError"}, "ProtocolError", id="no connector"),
        pytest.param({**STATUS, "connectorId": "left"}, "TypeConstraintViolation", id="a connector that is no number"),
        pytest.param({**STATUS, "status": {}}, "TypeConstraintViolation", id="an object for a status"),
    ],
)
def test_a_status_that_says_nothing_gets_the_standards_error(payload, code):
    with pytest.raises(dialects.Unreadable) as refusal:
        dialects.status_notification(payload, NOON)

    assert refusal.value.code == code


def test_authorize_needs_a_tag_and_nothing_else():
    assert dialects.authorize({"idTag": "pay;04AB"}).id_tag == "pay;04AB"
    assert dialects.authorize({"idTag": ""}).id_tag == ""
    with pytest.raises(dialects.Unreadable, match="idTag"):
        dialects.authorize({})


def test_a_boot_is_never_refused():
    boot = dialects.boot_notification(
        {"chargePointVendor": "", "chargePointModel": "M" * 30, "chargePointSerialNumber": "S" * 133, "iccid": "null"}
    )

    assert (boot.vendor, boot.model, boot.serial_number, boot.iccid) == ("", "M" * 30, "S" * 100, "")
    assert dialects.boot_notification({}).model == ""


ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["1", "-1", "null", "1e999", "2024-05-01T12:00:00Z"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["timestamp", "sampledValue", "value", "measurand", "unit", "phase"]), inner, max_size=4)
    ),
    max_leaves=12,
)
MEMBERS = [
    "connectorId",
    "transactionId",
    "meterValue",
    "transactionData",
    "idTag",
    "meterStart",
    "meterStop",
    "timestamp",
    "reservationId",
    "x",
]


@given(st.dictionaries(st.sampled_from(MEMBERS), ANYTHING, max_size=8), st.none() | st.integers(-(10**6), 10**6))
def test_what_is_kept_whatever_it_says_never_raises(payload, clock_skew_s):
    start = dialects.start_transaction(payload, NOON, clock_skew_s=clock_skew_s)
    stop = dialects.stop_transaction(payload, NOON, clock_skew_s=clock_skew_s)
    meter = dialects.meter_values(payload, NOON, clock_skew_s=clock_skew_s)

    dialects.start_key(1, start, NOON)
    for at in (start.started_at, stop.stopped_at, *(reading.at for reading in (*meter.readings, *stop.readings))):
        assert at.tzinfo is not None
        assert at.year >= 2015
    assert 0 <= start.connector_number < 2**31
    assert all(isinstance(sample["value"], str) for reading in meter.readings for sample in reading.samples)
