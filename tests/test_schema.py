"""The API against its own description: requests made up from it, answers held against it.

SCHEMA_EXAMPLES says how many requests are made up for each call of each person; they are the same ones in every run.
"""

import os
import re
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import requests
import schemathesis
from django.core.cache import cache
from hypothesis import HealthCheck, Phase
from pytest_django.fixtures import Settings
from schemathesis import Case, GenerationMode, Response
from schemathesis.checks import CHECKS
from schemathesis.core.failures import FailureGroup
from schemathesis.schemas import BaseSchema

from accounts.models import User
from tests import factories
from tests.accounts.test_api import api
from tests.test_query_counts import FEW, Place

EXAMPLES = int(os.environ.get("SCHEMA_EXAMPLES", "1"))
# A schema cannot say what the rules of the trade refuse; and a number where a text belongs is read as its digits.
LEFT_OUT = ("positive_data_acceptance", "negative_data_rejection", "ignored_auth")
NAMES = ("code", "id", "uid", "number", "charge_point")
NOT_TWICE = {("DELETE", "/api/v1/me/"), ("POST", "/api/v1/auth/logout/")}  # nobody is left to ask the rest


@pytest.fixture
def place(driver: User, owner: User, staff: User) -> Place:
    place = Place(driver, owner, staff)
    place.grow(FEW)
    factories.make_vehicle(driver)
    return place


@pytest.fixture
def schema(place: Place, settings: Settings) -> BaseSchema:
    settings.LIMIT_API_PER_MINUTE = 10**9
    cache.clear()
    found: BaseSchema = schemathesis.openapi.from_dict(api().get("/api/schema/?format=json").json())
    return found


@pytest.mark.parametrize(
    ("who", "mode"),
    [
        ("owner", "positive"),
        ("driver", "negative"),
        *(pytest.param(who, mode, marks=pytest.mark.slow) for who, mode in (("owner", "negative"), ("driver", "positive"))),
        *(pytest.param(who, mode, marks=pytest.mark.slow) for who in ("staff", None) for mode in ("positive", "negative")),
    ],
)
def test_the_api_keeps_to_its_description(schema: BaseSchema, place: Place, who: str | None, mode: str) -> None:
    user = getattr(place, who) if who else None
    checks: Any = [check for check in CHECKS.get_all() if check.__name__ not in LEFT_OUT]
    program = api(user)
    program.raise_request_exception = False
    wrong: list[str] = []
    lists: dict[str, list[dict[str, Any]]] = {}
    for operation in operations(schema):
        path = operation.path
        if (operation.method.upper(), path) in NOT_TWICE:
            continue
        known = {"path_parameters": named} if (named := names(program, path, lists)) else {}

        @hypothesis.settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @hypothesis.given(case=operation.as_strategy(GenerationMode(mode), **known))
        def keeps(case: Case[Any]) -> None:
            case.validate_response(call(program, case), checks=checks)

        try:
            keeps()
        except FailureGroup as group:
            wrong += [f"{operation.label}: {failure}" for failure in group.exceptions]
        except hypothesis.errors.Unsatisfiable:  # nothing about it can be wrong
            assert mode == "negative", operation.label
    assert not wrong, "\n\n".join(wrong)


def call(program: Any, case: Case[Any]) -> Response:
    """Ask as a program does over the wire, in the transaction of the test."""
    asked = requests.Request(**case.as_transport_kwargs(base_url="http://testserver")).prepare()
    body = asked.body.encode() if isinstance(asked.body, str) else asked.body or b""
    headers = dict(asked.headers) | {"Accept-Encoding": "identity"}
    kind = headers.pop("Content-Type", "")
    told = program.generic(asked.method, asked.path_url, body, content_type=kind, headers=headers)
    content = b"".join(told.streaming_content) if told.streaming else told.content
    said = {name.lower(): [value] for name, value in told.headers.items()}
    return Response(told.status_code, headers=said, content=content, request=asked, elapsed=0, verify=False)


def operations(schema: BaseSchema) -> Iterator[Any]:
    """Every call; those that take something away come last."""
    found: Any = schema.get_all_operations()
    every: list[Any] = [one.ok() for one in found]
    assert len(every) > 150
    return iter(sorted(every, key=lambda one: one.method.upper() == "DELETE"))


def names(program: Any, path: str, lists: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """What stands for `{code}` and the like in this address, as the list before it tells."""
    named: dict[str, Any] = {}
    for part in re.finditer(r"\{(\w+)\}", path):
        name, before = part[1], path[: part.start()].format(**named)
        if before not in lists:
            lists[before] = [row for role in ("driver", "owner") for row in listed(program, f"{before}?role={role}")]
        told = (row[one] for row in lists[before] for one in (name, *NAMES) if one in row)
        named[name] = next(told, 1) if name == "number" else str(next(told, "k7mq2xw9d"))
    return named


def listed(program: Any, address: str) -> list[dict[str, Any]]:
    """The rows of a list, as far as it is one and may be read."""
    answer = program.get(address)
    said = answer.json() if answer.status_code == 200 else []
    rows = said.get("results", []) if isinstance(said, dict) else said
    return [row for row in rows if isinstance(row, dict)]
