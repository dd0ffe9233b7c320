"""Frames that were allowed once: spoilt in structure, types, sizes and encoding, the same ones for the same seed."""

import copy
import json
from random import Random
from typing import Any

from ocpp_core import frames, schemas
from tests.ocpp_core.standard import MESSAGES

VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 0.1, -0.0, 1e308, 2**31 - 1, 2**31, -(2**31) - 1, 2**53 + 1, 2**63 - 1, 2**63, 2**64, -(2**70)),
    *("", " ", "0", "-1", "1", "1.5", "1,5", "1e5", "1e400", "NaN", "Infinity", "null", "true", "0x10", "١٢", "9" * 40, "9" * 5000),
    *("\0", "a\0b", "\x10\x0e", "\x7f", "\ud800", "\udfff\ud800", "\ufeff", "ž🔌", "A\u0301", "%s%n", "'; --", "../../etc", "x" * 3000),
    *("1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-14:00", "2024-02-30T10:00:00Z"),
    *("2024-05-01T10:00:00", "2024-05-01T10:00:00+03", "2024-05-01T10:00:00.123456789Z", "1714557600", "20240501", "now", "T", "-"),
    *([], {}, [[]], [{}], [None], {"": None}, {"a": {"b": []}}, [1, "1", None], {"value": "1"}, {"\0": 1}, [[[[[[[[[[[[[[]]]]]]]]]]]]]]),
)
SNIPPETS = (
    *(",", ":", '"', "\\", "[", "]", "{", "}", "null", "NaN", "-Infinity", "1e999", "\0", "\ufeff", "\n", "\x85", "\u2028", "\\u0000"),
    *("\\ud800", "\\u", "\\x", "/*", "//", "'", "0" * 30, "9" * 4400, "-" * 5, '"connectorId":1,"connectorId":2,', '"a":' + "[" * 3000),
    *("[" * 20, '{"a":' * 20, ",,", "[,", ",]", ":,", "{,", "true", "é", "\U0001f50c"),
)
SCALARS_AS_ID: tuple[Any, ...] = (None, True, 0, -1, 7, 7.0, 1.5, 2**63, 10**63, 10**64, "", " ", "x" * 64, "x" * 65, "\0", [], {}, "ř")


class Mutations:
    """An endless supply of bad frames."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.serial = 0
        costly = sorted(frames.KEPT_WHATEVER_THEY_SAY)
        self._actions = [*sorted(schemas.FROM_CHARGER) * 4, *sorted(schemas.ACTIONS), *costly * 6]

    def frame(self) -> str:
        """The next one."""
        message = self._message()
        for _ in range(self.random.choice((0, 1, 1, 1, 2, 4))):
            message = self._spoil_message(message)
        text = json.dumps(message, ensure_ascii=self.random.random() < 0.5, separators=self.random.choice([None, (",", ":")]))
        for _ in range(self.random.choice((0, 0, 0, 1, 1, 3))):
            text = self._spoil_text(text)
        return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")  # no socket carries half a pair in plain text

    def _message(self) -> Any:
        self.serial += 1
        action = self.random.choice(self._actions)
        kind = self.random.choice((2,) * 12 + (3, 4))
        if kind == 3:
            return [3, f"m{self.serial}", copy.deepcopy(self.random.choice(MESSAGES[action].answers))]
        if kind == 4:
            return [4, f"m{self.serial}", "InternalError", "why", {}]
        return [2, f"m{self.serial}", action, copy.deepcopy(self.random.choice(MESSAGES[action].requests))]

    def _spoil_message(self, message: Any) -> Any:
        if not isinstance(message, list) or not message or self.random.random() < 0.12:
            return self._spoil_frame(message)
        places = list(_places(message[-1]))
        if not places:
            return [*message[:-1], self._value()]
        container, key = self.random.choice(places)
        choice = self.random.randrange(8)
        if choice < 4:
            container[key] = self._value()
        elif choice == 4:
            del container[key]
        elif choice == 5:
            container[key] = self.random.choice(([container[key]], {"a": container[key]}, [container[key]] * 40))
        elif choice == 6 and isinstance(container, dict):
            container[self.random.choice((key.upper(), key.lower(), key + " ", "\0" + key, "vendorSpecific"))] = self._value()
        else:
            container[key] = json.loads("[" * 30 + "]" * 30)
        return message

    def _spoil_frame(self, message: Any) -> Any:
        if not isinstance(message, list) or len(message) < 3:
            return [2, f"m{self.serial}", "Heartbeat", message]
        kind, message_id, *rest = message
        choose = self.random.choice
        ways = (
            lambda: message[: self.random.randrange(len(message))],
            lambda: [*message, self._value()],
            lambda: [kind, choose(SCALARS_AS_ID), *rest],
            lambda: [choose((0, 1, 2, 3, 4, 5, "2", None, 2.0, [2])), message_id, *rest],
            lambda: [kind, message_id, self._value(), *rest[1:]],
            lambda: self.random.sample(message, len(message)),
            lambda: choose((message[-1], [message], {"2": message})),
        )
        return choose(ways)()

    def _value(self) -> Any:
        return copy.deepcopy(self.random.choice(VALUES))

    def _spoil_text(self, text: str) -> str:
        place = self.random.randrange(len(text) + 1)
        other = min(len(text), place + self.random.randrange(30))
        choice = self.random.randrange(7)
        if choice < 2:
            return text[:place] + self.random.choice(SNIPPETS) + text[place:]
        if choice == 2:
            return text[:place] + text[other:]
        if choice == 3:
            return text[:place] + text[place:other] * self.random.choice((2, 3, 50)) + text[other:]
        if choice == 4:
            return text[:place]
        if choice == 5:
            return text[:place] + chr(self.random.choice((*range(32), 127, 0x80, 0xA0, 0xFFFD, 0x1F50C))) + text[place + 1 :]
        return self.random.choice((text + text, text.upper(), " " + text, text.replace('"', "'"), text.replace(":", ": NaN,")))


def _places(value: Any) -> Any:
    """Every member of every container, as (container, key)."""
    if isinstance(value, (dict, list)):
        for key, member in list(value.items() if isinstance(value, dict) else enumerate(value)):
            yield value, key
            yield from _places(member)
