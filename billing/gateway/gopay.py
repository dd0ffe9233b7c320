"""The one file that speaks GoPay (REST v3, through its SDK), and what must be known of that SDK.

It reports a network failure as a success with status 0 and no body; its default timeout is an hour; it fetches a token
while it is constructed and, failing that, sends `Bearer None`; it never retries an expired token; its own logger writes
tokens; it changes the dicts it is given. So: a client is built for each call, out of copies, with the token kept here;
an answer counts only with a status of 200 to 299 and a body that holds what it must; and the whole of a call, token and
retry included, has one budget of seconds.
"""

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import replace
from datetime import date
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlsplit

import gopay
from django.conf import settings
from gopay.enums import TokenScope
from gopay.http import AccessToken, Request, Response
from gopay.payments import Payments
from gopay.services import AbstractCache

from billing.gateway import GatewayAwayError, GatewayError, Payment, PaymentRequest, PaymentState, RefundSaid
from chargeshare import tally

logger = logging.getLogger(__name__)

TOKEN_KEPT_S = 25 * 60  # it lives for thirty minutes
PAYER_HOSTS = (".gopay.cz", ".gopay.com")
FAILED_REFUND = "FAILED"

P = ParamSpec("P")
R = TypeVar("R")


class TokenCache(AbstractCache):  # type: ignore[misc]  # the SDK ships no types
    """Tokens in this process's memory: short of their end, and gone when GoPay refuses one."""

    def __init__(self) -> None:
        self._tokens: dict[str, tuple[AccessToken, float]] = {}

    def get_token(self, key: str) -> AccessToken | None:
        """A token that is still good."""
        token, kept_until = self._tokens.get(key, (None, 0.0))
        return token if time.monotonic() < kept_until else None

    def set_token(self, key: str, token: AccessToken) -> None:
        """Keep a new token."""
        self._tokens[key] = (token, time.monotonic() + TOKEN_KEPT_S)

    def clear(self) -> None:
        """Forget all tokens."""
        self._tokens.clear()


tokens = TokenCache()
_callers = ThreadPoolExecutor(max_workers=8, thread_name_prefix="gopay")


def counted(kind: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Count what becomes of a call, and how long it takes."""

    def decorate(call: Callable[P, R]) -> Callable[P, R]:
        @wraps(call)
        def counting(*args: P.args, **kwargs: P.kwargs) -> R:
            began, outcome = time.perf_counter(), "failed"
            try:
                answer = call(*args, **kwargs)
                outcome = "ok"
            except GatewayAwayError:
                outcome = "away"
                raise
            except GatewayError:
                outcome = "refused"
                raise
            finally:
                tally.gateway_calls[kind, outcome] += 1
                tally.gateway_s[kind].note(time.perf_counter() - began)
            return answer

        return counting

    return decorate


class GoPayGateway:
    """GoPay by redirect: the payer goes to GoPay's own page, so no card number ever comes near us."""

    name = "gopay"
    label = "GoPay"

    @property
    def shop(self) -> str:
        """Our GoID."""
        return str(settings.GOPAY_GOID)

    @counted("create")
    def create_payment(self, request: PaymentRequest) -> Payment:
        """Begin a payment."""
        wanted = {
            **_order(request),
            "payer": {"contact": {"email": request.email}, **_picked(request)},
            "callback": {"return_url": request.return_url, "notification_url": request.notification_url},
            "lang": "CS" if request.language.startswith("cs") else "EN",
        }
        if request.may_recur_until is not None:
            wanted["recurrence"] = {"recurrence_cycle": "ON_DEMAND", "recurrence_date_to": request.may_recur_until.isoformat()}
        body = _ask("a new payment", lambda client: client.create_payment(dict(wanted)), settings.GOPAY_TIMEOUT_S)
        payment = _read(body)
        if not _is_payer_page(payment.url):
            raise GatewayError("GoPay sent the payer to an address that is not GoPay's.")
        return payment

    @counted("status")
    def fetch_payment(self, gateway_id: str, *, with_refunds: bool = False, budget_s: float | None = None) -> Payment:
        """Ask how a payment stands, and how much of it has been returned."""
        deadline = time.monotonic() + min(budget_s or settings.GOPAY_TIMEOUT_S, settings.GOPAY_TIMEOUT_S)
        payment = _read(_ask(f"payment {gateway_id}", lambda client: client.get_status(gateway_id), deadline - time.monotonic()))
        if not with_refunds and payment.state != PaymentState.PARTIALLY_REFUNDED:
            return payment
        body = _ask(f"refunds of {gateway_id}", lambda client: client.get_history_of_refunds(gateway_id), deadline - time.monotonic())
        refunds = _read_refunds(body)
        if payment.state != PaymentState.PARTIALLY_REFUNDED:  # until then what GoPay has accepted is only a promise
            return replace(payment, refunds=refunds)
        return replace(payment, refunds=refunds, refunded_minor=sum(refund.amount_minor for refund in refunds if not refund.is_failed))

    @counted("repeat")
    def repeat_payment(self, gateway_id: str, request: PaymentRequest) -> Payment:
        """Charge a saved card once more."""
        wanted = _order(request)
        return _read(
            _ask(f"one more {gateway_id}", lambda client: client.create_recurrence(gateway_id, dict(wanted)), settings.GOPAY_TIMEOUT_S)
        )

    @counted("void")
    def void_recurrence(self, gateway_id: str) -> None:
        """Forget a saved card."""
        _ask(f"no more of {gateway_id}", lambda client: client.void_recurrence(gateway_id), settings.GOPAY_TIMEOUT_S)

    @counted("refund")
    def refund_payment(self, gateway_id: str, amount_minor: int) -> RefundSaid:
        """Return a part of a payment. GoPay has no key against doing it twice: after silence its list of refunds is read first."""
        body = _ask(f"a refund of {gateway_id}", lambda client: client.refund_payment(gateway_id, amount_minor), settings.GOPAY_TIMEOUT_S)
        if not isinstance(body, dict) or "id" not in body or not isinstance(body.get("result"), str):
            raise GatewayAwayError("GoPay's answer holds no refund.")
        return RefundSaid(str(body["id"]), amount_minor, is_failed=body["result"] == FAILED_REFUND)

    @counted("instruments")
    def fetch_instruments(self, currency: str) -> tuple[str, ...]:
        """What our shop at GoPay has switched on for a currency."""
        body = _ask("ways to pay", lambda client: client.get_payment_instruments(settings.GOPAY_GOID, currency), settings.GOPAY_TIMEOUT_S)
        listed = body.get("enabledPaymentInstruments") if isinstance(body, dict) else None
        if not isinstance(listed, list):
            raise GatewayAwayError("GoPay's answer holds no ways to pay.")
        return tuple(one["paymentInstrument"] for one in listed if isinstance(one, dict) and isinstance(one.get("paymentInstrument"), str))

    @counted("statement")
    def fetch_statement(self, first: date, last: date) -> str | None:
        """The statement of our account at GoPay."""
        wanted = {
            "date_from": first.isoformat(),
            "date_to": last.isoformat(),
            "goid": settings.GOPAY_GOID,
            "currency": settings.CURRENCY,
            "format": "CSV_A",
        }
        response = _answer(
            f"the statement from {first}", lambda client: client.get_account_statement(dict(wanted)), settings.GOPAY_TIMEOUT_S
        )
        if not 200 <= response.status_code < 300:
            _body(response)
        return str(response)


def _picked(request: PaymentRequest) -> dict[str, Any]:
    """The way to pay she has picked comes first on GoPay's page; the others of the shop stay open to her there."""
    if not request.instrument:
        return {}
    return {"default_payment_instrument": request.instrument, "allowed_payment_instruments": list(request.instruments)}


def _order(request: PaymentRequest) -> dict[str, Any]:
    return {
        "amount": request.amount_minor,
        "currency": request.currency,
        "order_number": request.order_number,
        "order_description": request.description,
        "items": [{"type": "ITEM", "name": request.description, "amount": request.amount_minor, "count": 1}],
    }


def _ask(what: str, call: Callable[[Payments], Response], budget_s: float) -> Any:
    """What a good answer to a call says."""
    return _body(_answer(what, call, budget_s))


def _answer(what: str, call: Callable[[Payments], Response], budget_s: float) -> Response:
    """Make a call within its budget. A gateway that drips its answer cannot hold us: the caller walks away in time.

    It leaves one line in the log, without headers or bodies: they hold the token, the secret and the payer.
    """
    if budget_s <= 0:
        raise GatewayAwayError("GoPay took too long.")
    running: Future[Response] = _callers.submit(_call, call, time.monotonic() + budget_s)
    try:
        response = running.result(timeout=budget_s)
    except FutureTimeoutError:
        running.cancel()
        raise GatewayAwayError("GoPay took too long.") from None
    except (ValueError, TypeError) as error:  # settings the SDK refuses, or an answer it chokes on; its words may hold secrets
        raise GatewayAwayError(f"GoPay's SDK failed with {type(error).__name__}.") from None
    logger.info("gopay was asked about %s and answered %s", what, response.status_code or "nothing")
    return response


def _call(call: Callable[[Payments], Response], deadline: float) -> Response:
    response = Response(raw_body=b"", json={}, status_code=0)
    for is_last_try in (False, True):
        client = _client(deadline)
        if client.gopay.api_client.token is None:
            raise GatewayAwayError("GoPay gave no token.")
        client.gopay.api_client.timeout = max(0.1, deadline - time.monotonic())
        response = call(client)
        if response.status_code not in (401, 403) or is_last_try:
            break
        tokens.clear()
    return response


def _client(deadline: float) -> Payments:
    config = {
        "goid": settings.GOPAY_GOID,
        "client_id": settings.GOPAY_CLIENT_ID,
        "client_secret": settings.GOPAY_CLIENT_SECRET,
        "gateway_url": settings.GOPAY_GATEWAY_URL,
        "scope": TokenScope.ALL,
        "timeout": max(1, round(deadline - time.monotonic())),
    }
    return gopay.payments(config, {"cache": tokens, "logger": _say_nothing})


def _say_nothing(_request: Request, _response: Response) -> None:
    """Instead of the SDK's own logger, which writes tokens."""


def _body(response: Response) -> Any:
    """What a good answer says; everything else is an error, whatever the SDK thinks of it."""
    status, body = response.status_code, response.json
    if status == 0 or status >= 500 or status in (401, 403, 429):
        raise GatewayAwayError(f"GoPay answered {status or 'nothing'}.")
    if not 200 <= status < 300:
        raise GatewayError(f"GoPay refused with {status}: {_error_codes(body)}.")
    if isinstance(body, dict) and body.get("errors"):
        raise GatewayError(f"GoPay answered {status} with errors: {_error_codes(body)}.")
    return body


def _error_codes(body: Any) -> str:
    errors = body.get("errors") if isinstance(body, dict) else None
    if not isinstance(errors, list):
        return "no reason"
    said = [f"{error.get('error_name')} {error.get('field') or ''}".strip() for error in errors if isinstance(error, dict)]
    return ", ".join(said)[:200] or "no reason"


def _read(body: Any) -> Payment:
    if not isinstance(body, dict) or "id" not in body or not isinstance(body.get("state"), str):
        raise GatewayAwayError("GoPay's answer holds no payment.")
    amount, target = body.get("amount"), body.get("target")
    return Payment(
        gateway_id=str(body["id"]),
        state=body["state"],
        order_number=str(body.get("order_number", "")),
        amount_minor=amount if type(amount) is int else -1,
        currency=str(body.get("currency", "")),
        shop=str(target.get("goid", "")) if isinstance(target, dict) else "",
        refunded_minor=amount if type(amount) is int and body["state"] == PaymentState.REFUNDED else 0,
        url=str(body.get("gw_url", "")),
    )


def _read_refunds(body: Any) -> tuple[RefundSaid, ...]:
    if not isinstance(body, list):
        raise GatewayAwayError("GoPay's answer holds no refunds.")
    return tuple(
        RefundSaid(str(one.get("id", "")), one["amount"], is_failed=FAILED_REFUND in (one.get("state"), one.get("result")))
        for one in body
        if isinstance(one, dict) and type(one.get("amount")) is int and one["amount"] > 0
    )


def _is_payer_page(url: str) -> bool:
    parts, own = urlsplit(url), urlsplit(settings.GOPAY_GATEWAY_URL)
    if (parts.scheme, parts.netloc) == (own.scheme, own.netloc):
        return True
    return parts.scheme == "https" and (parts.hostname or "").endswith(PAYER_HOSTS)
