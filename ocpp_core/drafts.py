"""A request while somebody fills it in: as a form or as JSON, until it may be sent, and confirmed where it is dangerous."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any

from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext as _

from ocpp_core import catalogue, schema_forms
from ocpp_core.schema_forms import Field
from stations.models.command import BLOTTED, without_secrets

LONGEST_JSON = 1_000_000
MOST_FIELDS = 400
_SALT = "ocpp_core.drafts"


@dataclass
class Draft:
    """What was filled in so far. `payload` is what goes out, once nothing is wrong with it."""

    action: str
    is_json: bool = False
    said: dict[str, str] = field(default_factory=dict)
    text: str = ""
    faults: dict[str, str] = field(default_factory=dict)
    more: tuple[str, ...] = ()
    payload: dict[str, Any] | None = None
    is_confirmed: bool = False

    @property
    def fields(self) -> tuple[Field, ...]:
        """The form, for the page. Passwords are not shown again."""
        said = dict(self.said)
        for path in _secret_paths(self.said):
            said[path] = ""
        return schema_forms.form_of(self.action, said, self.faults, self.more)

    @property
    def shown_payload(self) -> Any:
        """What will go out, passwords blotted out."""
        return without_secrets(self.payload)

    @property
    def holds_secret(self) -> bool:
        """Whether a password is in it, which is typed a second time and shown never."""
        return bool(self.shown_payload != self.payload)

    @property
    def confirmation(self) -> str:
        """The proof that a second step was made for this very payload."""
        return salted_hmac(_SALT, _canonical(self.action, self.payload), algorithm="sha256").hexdigest()

    @property
    def general_faults(self) -> list[str]:
        """What is wrong and belongs to no field that is shown."""
        paths = set(_paths(self.fields)) if not self.is_json else set()
        return [_placed(path, sentence) for path, sentence in self.faults.items() if path not in paths]


def opened(action: str, payload: Mapping[str, Any] | None, zone: tzinfo, *, is_json: bool = False) -> Draft:
    """An empty one, or one filled in with what was asked before; as JSON where a form would change it."""
    payload = dict(payload or {})
    if is_json or (payload and not _fits(action, payload, zone)):
        return Draft(action, is_json=True, text=_written(payload) if payload else "{}")
    return Draft(action, said=schema_forms.write(action, payload, zone))


def filled_in(action: str, said: Mapping[str, str], zone: tzinfo) -> Draft:
    """What came from the page, whatever it is."""
    deed = said.get("deed", "")
    is_json = said.get("as") == "json"
    draft = _of_text(action, said) if is_json else _of_form(action, said, zone)
    if deed.startswith("row:"):
        return Draft(action, said=draft.said, more=(deed.removeprefix("row:"),))
    if deed == "to_json" and not is_json:
        return Draft(action, is_json=True, text=_written(without_secrets(schema_forms.read(action, draft.said, zone)[0])))
    if deed == "to_form" and is_json and draft.payload is not None:
        return _turned(draft, zone)
    if deed not in ("send", "confirm"):
        draft.payload = None
    return draft


def _turned(draft: Draft, zone: tzinfo) -> Draft:
    payload = draft.payload or {}
    if payload and not _fits(draft.action, payload, zone):
        draft.payload = None
        draft.faults = {"": _("The form cannot show this without changing it. Send it as JSON.")}
        return draft
    return Draft(draft.action, said=schema_forms.write(draft.action, payload, zone))


def _of_form(action: str, said: Mapping[str, str], zone: tzinfo) -> Draft:
    inside = {name: text for name, text in said.items() if name == schema_forms.ROOT or name.startswith(f"{schema_forms.ROOT}.")}
    payload, faults = schema_forms.read(action, inside, zone)
    if _is_blotted(payload):
        faults[f"{schema_forms.ROOT}.value"] = _ask_again()
    return Draft(action, said=inside, faults=faults, payload=None if faults else payload)


def _of_text(action: str, said: Mapping[str, str]) -> Draft:
    text = said.get("json", "").replace("\r\n", "\n")
    if len(text) > LONGEST_JSON:
        return Draft(action, is_json=True, faults={"": _("The payload is too long.")})
    draft = Draft(action, is_json=True, text=text)
    try:
        payload = schema_forms.read_json(text)
    except schema_forms.Unfit as unfit:
        draft.faults = {"": str(unfit)}
        return draft
    if said.get("deed") == "confirm":
        payload = _with_secret(payload, said.get("secret", ""))
    draft.text = _written(without_secrets(payload))
    draft.faults = {schema_forms.place_name(place): sentence for place, sentence in schema_forms.check(action, payload).items()}
    if _is_blotted(payload):
        draft.faults = {"value": _ask_again()}
    if not draft.faults:
        draft.payload = payload
        draft.is_confirmed = constant_time_compare(said.get("confirmation", ""), draft.confirmation)
    return draft


def _is_blotted(payload: dict[str, Any]) -> bool:
    """Whether a password stands there as we show it instead of as it is."""
    return payload.get("value") == BLOTTED and without_secrets({**payload, "value": "?"}) == payload


def _ask_again() -> str:
    return _("Write the password; we do not keep it.")


def _with_secret(payload: dict[str, Any], secret: str) -> dict[str, Any]:
    """The second step of a password: the payload came back without it, and it was typed once more."""
    return {**payload, "value": secret} if _is_blotted(payload) else payload


def _fits(action: str, payload: dict[str, Any], zone: tzinfo) -> bool:
    """Whether the form says the very same, and not in more fields than a browser may send."""
    if len(schema_forms.write(action, payload, zone)) > MOST_FIELDS:
        return False
    return _is_blotted(payload) or schema_forms.shows(action, payload, zone)


def _secret_paths(said: Mapping[str, str]) -> list[str]:
    key, value = f"{schema_forms.ROOT}.key", f"{schema_forms.ROOT}.value"
    shown = without_secrets({"key": said.get(key, ""), "value": said.get(value, "")})
    return [value] if shown["value"] == BLOTTED else []


def _paths(fields: tuple[Field, ...]) -> list[str]:
    return [path for one in fields for path in (one.path, *_paths(one.members), *_paths(one.rows))]


def _placed(path: str, sentence: str) -> str:
    steps = [step for step in path.split(".") if step and step != schema_forms.ROOT]
    names = [str(catalogue.label(step)) if not step.isdecimal() else str(int(step) + 1) for step in steps]
    return f"{' › '.join(names)}: {sentence}" if names else sentence


def _written(payload: Any) -> str:
    return json.dumps(payload, ensure_ascii=False, indent=2)


def _canonical(action: str, payload: Any) -> str:
    return json.dumps([action, payload], sort_keys=True)
