"""Idempotency-Key on a POST of the API."""

import hashlib
import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import RawPostDataException
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import idempotency

View = Callable[..., Response]


def idempotent(view: View) -> View:
    """Make a POST method honour Idempotency-Key: what was done for a key is done once and answered the same for a day.

    It stands nearest to the method: `@extend_schema(…)`, `@action(…)`, then `@idempotent`.
    """

    @wraps(view)
    def once(self: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        key = request.headers.get("Idempotency-Key")
        if key is None or not request.user.is_authenticated:
            return view(self, request, *args, **kwargs)

        def answer() -> idempotency.Answer:
            try:
                response = view(self, request, *args, **kwargs)
            except Exception as error:  # noqa: BLE001 - what is no refusal is raised again in there
                response = self.handle_exception(error)
            return response.status_code, json.loads(JSONRenderer().render(response.data) or b"null")

        status, body = idempotency.answer_once(request.user, key, _fingerprint(request), answer)
        return Response(body, status=status)

    return once


def _fingerprint(request: Request) -> str:
    """What makes two requests the same: method, path and body, byte by byte."""
    try:
        body = request._request.body  # noqa: SLF001 - DRF's request has read it by then, Django's keeps it
    except RawPostDataException as error:
        raise UnsupportedMediaType(str(request.content_type)) from error
    return hashlib.sha256(b"\n".join([str(request.method).encode(), request.path.encode(), body])).hexdigest()
