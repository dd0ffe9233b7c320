"""How the API reads and answers: bodies, pages, limits, and every refusal in the same JSON.

Django REST framework loads these by their names in the settings while its own views are still being imported, so nothing here
may import a view.
"""

import logging
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from io import BytesIO
from typing import IO, TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import DataError, OperationalError
from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.exceptions import ErrorDetail
from rest_framework.pagination import PageNumberPagination
from rest_framework.parsers import JSONParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.throttling import BaseThrottle

from accounts import addresses, counting
from accounts.authentication import CsrfFailed
from accounts.paging import Paginator
from chargeshare.errors import DomainError, Invalid, NotFound

if TYPE_CHECKING:
    from rest_framework.views import APIView

logger = logging.getLogger(__name__)

DEEPEST = 32
WHOLE_NUMBERS = range(-(2**63), 2**63)


class Pages(PageNumberPagination):
    """`{"count", "next", "previous", "results"}` with `?page=` and `?page_size=` up to 200."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200
    django_paginator_class = Paginator

    def get_page_size(self, request: Request) -> int | None:
        """What was asked for, as far as it goes; what is no number is refused."""
        asked = request.query_params.get(self.page_size_query_param, "")
        try:
            int(asked or "0")
        except ValueError as error:
            raise exceptions.ValidationError({self.page_size_query_param: [_("Write a whole number.")]}) from error
        return super().get_page_size(request)

    def get_next_link(self) -> str | None:
        """Under the address that everybody knows, whatever the Host header says."""
        return _public(super().get_next_link())

    def get_previous_link(self) -> str | None:
        """The same backwards."""
        return _public(super().get_previous_link())


def _public(url: str | None) -> str | None:
    return None if url is None else addresses.public(url)


class StrictJSONParser(JSONParser):
    """JSON that every part of the house can keep: no NUL, no half of a letter, no number beyond a database's reach, no deep nesting."""

    def parse(self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        """Read a body, or say what is wrong with it."""
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        body = stream.read(most + 1)
        if len(body) > most:
            raise exceptions.ParseError(_("The body is too large."))
        try:
            data = super().parse(BytesIO(body), media_type, parser_context)
        except RecursionError as error:
            raise exceptions.ParseError(_("This is nested too deeply.")) from error
        _check(data, DEEPEST)
        return data


def _check(value: Any, depth: int) -> None:
    if depth == 0:
        raise exceptions.ParseError(_("This is nested too deeply."))
    if isinstance(value, dict):
        for name, member in value.items():
            _check(name, depth)
            _check(member, depth - 1)
    elif isinstance(value, list):
        for member in value:
            _check(member, depth - 1)
    elif isinstance(value, str):
        if "\x00" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
            raise exceptions.ParseError(_("A text holds a character that is none."))
    elif isinstance(value, int) and value not in WHOLE_NUMBERS:
        raise exceptions.ParseError(_("A number is too large."))


class PerMinute(BaseThrottle):
    """So many requests a minute for an account, a tenth of it for an address that has not logged in."""

    def allow_request(self, request: Request, view: "APIView") -> bool:  # noqa: ARG002 - DRF's
        """Count this request."""
        minute = int(time.time() // 60)
        if request.user.is_authenticated:
            who, limit = f"user:{request.user.pk}", settings.LIMIT_API_PER_MINUTE
        else:
            caller = addresses.network(addresses.client_address(request._request))  # noqa: SLF001 - DRF's own way to Django's request
            who, limit = f"address:{caller}", max(1, settings.LIMIT_API_PER_MINUTE // 10)
        return counting.add_one(f"api:{who}:{minute}", keep_s=120) <= limit

    def wait(self) -> float:
        """Seconds to the next minute."""
        return 60 - time.time() % 60


def answer_error(error: Exception, context: dict[str, Any]) -> Response | None:  # noqa: ARG001 - DRF's
    """The JSON of a refusal: a code for programs, a sentence for people, and which field is meant. None: it is a bug of ours."""
    refusal = _refusal(error)
    if refusal is None:
        return None
    status, code, detail, fields = refusal
    headers: dict[str, str] = {}
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="api"'
    wait = getattr(error, "wait", None) or getattr(error, "retry_after_s", None)
    if wait is not None:
        headers["Retry-After"] = str(math.ceil(wait))
    return Response({"code": code, "detail": detail, "fields": fields}, status=status, headers=headers)


def _refusal(error: Exception) -> tuple[int, str, str, dict[str, list[str]]] | None:
    match error:
        case DomainError():
            plain = error.fields and error.message is Invalid.message  # the field's own sentence says more
            refusal = error.status, error.code, _sentence(error.fields) if plain else str(error.message), error.fields
        case CsrfFailed():
            refusal = 403, "csrf_failed", str(error.detail), {}
        case Http404() | PermissionDenied() | exceptions.PermissionDenied() | exceptions.NotFound():
            refusal = 404, "not_found", str(NotFound.message), {}
        case DjangoValidationError():
            refusal = _of_fields(error.message_dict if hasattr(error, "error_dict") else error.messages)
        case exceptions.ValidationError():
            refusal = _of_fields(error.detail)
        case exceptions.APIException():
            refusal = error.status_code, _code(error), _first(error.detail), {}
        case RequestDataTooBig():
            refusal = 400, "parse_error", _("The body is too large."), {}
        case DataError() | OverflowError():
            refusal = 400, "invalid", _("A value is out of range."), {}
        case OperationalError():
            logger.error("database away: %s", error)
            refusal = 503, "unavailable", _("The database is not answering. Nothing was changed; try again in a minute."), {}
        case _:
            return None
    return refusal


def _of_fields(said_of: Any) -> tuple[int, str, str, dict[str, list[str]]]:
    fields = {}
    if isinstance(said_of, Mapping):
        fields = {str(name): [str(said) for said in _flat(of_field)] for name, of_field in said_of.items()}
    general = fields.pop(api_settings.NON_FIELD_ERRORS_KEY, None)
    detail = general[0] if general else _first(said_of)
    if fields and not general:
        detail = _sentence(fields)
    return 400, "invalid", detail, fields


def _sentence(fields: Mapping[str, Sequence[str]]) -> str:
    name, said = next(iter(fields.items()))
    return f"{name}: {said[0]}" if said else name


def _code(error: exceptions.APIException) -> str:
    if isinstance(error, exceptions.Throttled):
        return "throttled"
    for detail in _flat(error.detail):
        if isinstance(detail, ErrorDetail):
            return str(detail.code)
    return error.default_code


def _first(detail: Any) -> str:
    if isinstance(detail, Mapping) and "detail" in detail:
        detail = detail["detail"]
    return str(next(_flat(detail), _("Something in the request is not right.")))


def _flat(detail: Any) -> Iterator[Any]:
    if isinstance(detail, Mapping):
        for member in detail.values():
            yield from _flat(member)
    elif isinstance(detail, Sequence) and not isinstance(detail, str):
        for member in detail:
            yield from _flat(member)
    else:
        yield detail


def describe_errors(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:  # noqa: ARG001, FBT001 - spectacular's
    """Hook of the schema: every call may be refused, and always in the same shape."""
    result["components"].setdefault("schemas", {})["Error"] = {
        "type": "object",
        "required": ["code", "detail", "fields"],
        "properties": {
            "code": {"type": "string", "description": "Stable, for programs.", "example": "charger_offline"},
            "detail": {"type": "string", "description": "One sentence, for people."},
            "fields": {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}},
        },
    }
    refusal = {"description": "Refused", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}
    for component in result["components"]["schemas"].values():
        if "oneOf" in component and "discriminator" not in component and any("$ref" in one for one in component["oneOf"]):
            component["anyOf"] = component.pop("oneOf")  # an empty page is a page of either kind
    for operations in result["paths"].values():
        for operation in operations.values():
            with suppress(TypeError):  # what stands beside the methods of a path
                operation["responses"].setdefault("default", refusal)
    return result
