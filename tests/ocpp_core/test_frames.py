"""What comes over the wire, frame by frame, and what goes out."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpp_core import frames
from ocpp_core.frames import BadFrame, Call, Error, Result

METER_VALUES = '{"connectorId":1,"meterValue":[{"timestamp":"2024-05-01T10:00:00Z","sampledValue":[{"value":"1"}]}]}'


@pytest.mark.parametrize(
    ("text", "message_id", "payload"),
    [
        pytest.param('[2,"1","Heartbeat",{}]', "1", {}, id="exactly as the standard says"),
        pytest.param('[2, "1", "Heartbeat", {"a": 1}]', "1", {"a": 1}, id="spaces"),
        pytest.param('[\n2,\t"1","Heartbeat" , {"a" :1.50} ]\n', "1", {"a": 1.5}, id="any white space"),
        pytest.param('[2,"1","Heartbeat",null]', "1", {}, id="null instead of a payload"),
        pytest.param('[2,"1","Heartbeat"]', "1", {}, id="no payload at all"),
        pytest.param('[2,1,"Heartbeat",{}]', 1, {}, id="a number as the id"),
        pytest.param('[2,7.0,"Heartbeat",{}]', 7.0, {}, id="a float as the id"),
        pytest.param('[2,"' + "x" * 64 + '","Heartbeat",{}]', "x" * 64, {}, id="a long id"),
        pytest.param('[2,"1","Heartbeat",{"a":"x\\u0000y\\u0010"}]', "1", {"a": "xy\x10"}, id="NUL, which no database takes"),
        pytest.param('[2,"1","Heartbeat",{"a":"\\ud800"}]', "1", {"a": "?"}, id="half a surrogate pair"),
        pytest.param('[2,"1","Heartbeat",{"a":18446744073709551615}]', "1", {"a": 2**64 - 1}, id="an integer of 64 bits"),
        pytest.param('[2,"1","Heartbeat",{"a":18446744073709551616}]', "1", {"a": "18446744073709551616"}, id="one longer becomes text"),
        pytest.param('[2,"1","Heartbeat",{"a":' + "7" * 5000 + "}]", "1", {"a": "7" * 64}, id="an integer of 5000 digits"),
        pytest.param('[2,"1","Heartbeat",{"a":1e999}]', "1", {"a": "1e999"}, id="a number beyond all floats"),
        pytest.param('\ufeff[2,"1","Heartbeat",{}]', "1", {}, id="a byte order mark"),
        pytest.param('[2,"1","Heartbeat",{}]\0', "1", {}, id="the end of a C string"),
        pytest.param('[2,"1","Heartbeat",{"ž":"[{[{[{[{[{[{[{[{["}]', "1", {"ž": "[{[{[{[{[{[{[{[{["}, id="brackets in a text"),
    ],
)
def test_a_call_is_read(text, message_id, payload):
    call = frames.parse(text)

    assert isinstance(call, Call)
    assert (call.message_id, call.action, call.payload) == (message_id, "Heartbeat", payload)
    assert type(call.message_id) is type(message_id)


@pytest.mark.parametrize(
    ("text", "message_id"),
    [
        pytest.param("", None, id="nothing"),
        pytest.param("hello", None, id="no JSON"),
        pytest.param("{}", None, id="an object"),
        pytest.param('[2,"9","Heartbeat",{]', "9", id="a missing brace"),
        pytest.param('[2,"9","StartTransaction",{"connectorId":}]', "9", id="a missing value where nothing is guessed"),
        pytest.param('[2,9,"Heartbeat",{]', 9, id="a number as the id of something unreadable"),
        pytest.param('[2,"9","Heartbeat",{"a":1,"a":1}]', "9", id="a key twice"),
        pytest.param('[2,"9","Heartbeat",{"a":1,"\\u0061":2}]', "9", id="a key twice, once escaped"),
        pytest.param('[2,"9","MeterValues",{"connectorId":1,"connectorId":2}]', "9", id="a key twice where faults are mended"),
        pytest.param('[2,"9","Heartbeat",{"a":{"b":[{"c":1, "c":1}]}}]', "9", id="a key twice, deep down"),
        pytest.param('[2,"9","Heartbeat",{"a":NaN}]', "9", id="not a number"),
        pytest.param('[2,"9","Heartbeat",[]]', "9", id="a list as payload"),
        pytest.param('[2,"9","Heartbeat","x"]', "9", id="a text as payload"),
        pytest.param('[2,"9",["Heartbeat"],{}]', "9", id="a list as action"),
        pytest.param('[2,"9","",{}]', "9", id="no action"),
        pytest.param('[2,"9"]', "9", id="two members"),
        pytest.param('[2,"9","Heartbeat",{},1]', "9", id="five members"),
        pytest.param('[2,"9","Heartbeat",{"a":' + "[" * 17 + "]" * 17 + "}]", "9", id="too deep"),
        pytest.param('[2,"9","Heartbeat",{"a":' + "[" * 5000 + "]" * 5000 + "}]", "9", id="far too deep"),
        pytest.param('[2,"9","Heartbeat",{"a":' + '{"a":' * 300_000, "9", id="a bomb"),
        pytest.param('[2,"a\x10","Heartbeat",{]', None, id="a control byte in the id of something unreadable"),
        pytest.param('[2,007,"Heartbeat",{}]', None, id="an id with leading zeros"),
        pytest.param('[2,7.5,"Heartbeat",{]', None, id="a fraction as the id of something unreadable"),
        pytest.param('[2,١,"Heartbeat",{}]', None, id="digits of another script as the id"),
        pytest.param('[2,null,"Heartbeat",{}]', None, id="null as the id"),
        pytest.param('[2,"","Heartbeat",{}]', None, id="an empty id"),
        pytest.param('[2,true,"Heartbeat",{}]', None, id="true as the id"),
        pytest.param('[2,["9"],"Heartbeat",{}]', None, id="a list as the id"),
        pytest.param('[2,"' + "x" * 65 + '","Heartbeat",{}]', None, id="an endless id"),
        pytest.param('[7,"9","Heartbeat",{}]', None, id="an unknown message type, which the standard ignores"),
        pytest.param('[3,"9",[1]]', None, id="an answer nobody can use is not answered in turn"),
        pytest.param('[3,"9",{]', None, id="nor is one that cannot be read"),
        pytest.param("[2]", None, id="one member"),
    ],
)
def test_what_is_no_frame_is_refused_by_its_id_where_it_has_one(text, message_id):
    with pytest.raises(BadFrame) as refusal:
        frames.parse(text)

    assert refusal.value.code == "FormationViolation"
    assert refusal.value.message_id == message_id


@pytest.mark.parametrize(
    ("payload", "meant"),
    [
        pytest.param(
            '{"connectorId":1,"transactionId":,"meterValue":[]}', {"connectorId": 1, "transactionId": None, "meterValue": []}, id="no value"
        ),
        pytest.param('{"meterValue":[,{"a":1}]}', {"meterValue": [{"a": 1}]}, id="a comma too early"),
        pytest.param('{"meterValue":[{"a":1},,{"a":2},]}', {"meterValue": [{"a": 1}, {"a": 2}]}, id="commas too many"),
        pytest.param('{"a":NaN,"b":-Infinity,"c":}', {"a": None, "b": None, "c": None}, id="no numbers"),
        pytest.param('{"a":"x,,y:}[,","b":,}', {"a": "x,,y:}[,", "b": None}, id="texts stay as they are"),
        pytest.param('{"a":"line\nbreak"}', {"a": "line\nbreak"}, id="a line break inside a text"),
    ],
)
def test_faulty_meter_values_are_mended_once(payload, meant):
    call = frames.parse(f'[2,"9","MeterValues",{payload}]')

    assert isinstance(call, Call)
    assert call.payload == meant
    assert call.deviations == ("frame:repaired",)


@pytest.mark.parametrize("action", ["StartTransaction", "StopTransaction", "MeterValues"])
def test_a_member_too_many_does_not_lose_a_session(action):
    call = frames.parse(f'[2,"9","{action}",{{"a":1}},null]')

    assert isinstance(call, Call)
    assert call.payload == {"a": 1}


@pytest.mark.parametrize("filling", ['\\"', ",", ": ", "[,", '"\\\\', "NaN", '"a":1,'])
def test_no_text_takes_long_to_refuse(filling):
    begun = time.monotonic()

    with pytest.raises(BadFrame):
        frames.parse('[2,"9","MeterValues",{' + filling * (1_000_000 // len(filling)))

    assert time.monotonic() - begun < 20, "what grows with the square would take minutes"


def test_answers_are_read():
    assert frames.parse('[3,"9",{"status":"Accepted"}]')[:2] == ("9", {"status": "Accepted"})
    assert frames.parse('[3,"9",null]')[1] == frames.parse('[3,"9"]')[1] == {}
    assert isinstance(frames.parse('[3,"9",{}]'), Result)
    assert frames.parse('[4,"9","NotSupported","no",{"a":1}]')[:4] == ("9", "NotSupported", "no", {"a": 1})
    assert frames.parse('[4,"9",null]')[:4] == ("9", "GenericError", "", {})
    assert isinstance(frames.parse(b'[4,"9"]'), Error)


def test_what_goes_out_holds_no_null():
    assert frames.call("1", "Reset", {"type": "Soft", "x": None}) == '[2,"1","Reset",{"type":"Soft"}]'
    assert frames.result(7, {"idTagInfo": {"status": "Accepted", "parentIdTag": None}}) == '[3,7,{"idTagInfo":{"status":"Accepted"}}]'
    assert frames.result("1", {"info": "null", "list": [None, 1]}) == '[3,"1",{"info":"null","list":[1]}]'
    assert frames.error("1", frames.INTERNAL_ERROR) == '[4,"1","InternalError","",{}]'


def test_an_id_is_echoed_as_it_came():
    for text in ('"a\\u00e9\\""', "5", "5.5", "-1", "1" * 60):
        call = frames.parse(f'[2,{text},"Heartbeat",{{}}]')
        assert json.loads(frames.result(call.message_id, {}))[1] == json.loads(text)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), JSON_VALUES, max_size=4), st.booleans(), st.sampled_from([None, (",", ":")]))
def test_whatever_is_well_formed_is_read_as_json_has_it(payload, ensure_ascii, separators):
    """Fast path or slow, the payload is the one a strict reader gives, NUL apart."""
    text = json.dumps([2, "1", "DataTransfer", payload], ensure_ascii=ensure_ascii, separators=separators).replace("\\u0000", "")
    text = text.replace("\0", "")
    try:
        meant = json.loads(text, object_pairs_hook=_refuse_duplicates)[3]
    except ValueError:
        with pytest.raises(BadFrame):
            frames.parse(text)
        return

    call = frames.parse(text)

    assert isinstance(call, Call)
    assert call.payload == meant


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_bytes_do_more_than_be_refused(raw):
    for text in (raw, b'[2,"1","MeterValues",' + raw):
        try:
            frames.parse(text)
        except BadFrame:
            continue


def _refuse_duplicates(pairs):
    if len(dict(pairs)) < len(pairs):
        raise ValueError("twice")
    return dict(pairs)


@pytest.mark.parametrize("depth", [17, 200, 255, 400, 900, 2000, 100_000])
def test_any_depth_is_refused_in_the_same_way(depth):
    with pytest.raises(frames.BadFrame):
        frames.parse('[2,"1","X",' + '{"a":' * depth + "1" + "}" * depth + "]")
