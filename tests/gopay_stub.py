"""A stub of GoPay's REST v3 that the real SDK talks to over HTTP: tokens, payments, states, refunds, and its bad days."""

import base64
import itertools
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

GOID, CLIENT_ID, CLIENT_SECRET = "8123456789", "1061399163", "stub-secret-Xy12"


class GoPayStub:
    """What the gateway knows, and switches for how it behaves."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.server = server
        self.url = f"http://127.0.0.1:{server.server_address[1]}/"
        self.payments: dict[str, dict[str, Any]] = {}
        self.refunds: dict[str, list[dict[str, Any]]] = {}
        self.calls: list[str] = []
        self.tokens: set[str] = set()
        self.answers: list[tuple[int, Any]] = []
        self.delay_s = 0.0
        self.drip = False
        self.refuse_tokens = False
        self.refund_result = "FINISHED"
        self.statement = "id;order;amount\n"
        self.recurrence_state = "PAID"
        self.instruments = ["PAYMENT_CARD", "BANK_ACCOUNT", "GPAY", "APPLE_PAY"]
        self._numbers = itertools.count(3_000_000_001)

    def move(self, gateway_id: str, state: str, **changes: Any) -> None:
        """The payer, the bank or the portal did something."""
        self.payments[gateway_id] |= {"state": state, **changes}

    def refund(self, gateway_id: str, amount: int, *, state: str = "FINISHED") -> None:
        """Return a part of a payment from the portal."""
        self.refunds.setdefault(gateway_id, []).append({"id": next(self._numbers), "amount": amount, "state": state})
        if state != "FAILED":
            self.move(gateway_id, "PARTIALLY_REFUNDED")

    def expire_tokens(self) -> None:
        """No token given so far is good any more."""
        self.tokens.clear()

    def create(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """A new payment."""
        gateway_id = str(next(self._numbers))
        kept = {key: wanted[key] for key in ("amount", "currency", "order_number", "target", "lang", "payer")}
        self.payments[gateway_id] = {"id": int(gateway_id), "state": "CREATED", **kept}
        if "recurrence" in wanted:
            self.payments[gateway_id]["recurrence"] = dict(wanted["recurrence"])
        return {**self.payments[gateway_id], "gw_url": f"{self.url}gw/v3/{gateway_id}"}

    def answer(self, method: str, path: str, headers: Any, body: str) -> tuple[int, Any]:
        """What GoPay would say."""
        if self.answers:
            return self.answers.pop(0)
        if path == "/api/oauth2/token":
            expected = "Basic " + base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
            form = parse_qs(body)
            if self.refuse_tokens or headers["Authorization"] != expected or form.get("scope") != ["payment-all"]:
                return 403, {"errors": [{"error_name": "ACCESS_DENIED"}]}
            token = f"token-{next(self._numbers)}"
            self.tokens.add(token)
            return 200, {"token_type": "bearer", "access_token": token, "expires_in": 1800}
        if headers["Authorization"].removeprefix("Bearer ") not in self.tokens:
            return 401, {"errors": [{"error_name": "INVALID", "message": "Token"}]}
        return self._answer_payments(method, path, body)

    def _answer_payments(self, method: str, path: str, body: str) -> tuple[int, Any]:
        if (method, path) == ("POST", "/api/payments/payment"):
            wanted = json.loads(body)
            if sum(item["amount"] * item["count"] for item in wanted["items"]) != wanted["amount"]:
                return 409, {"errors": [{"error_name": "INVALID", "field": "items"}]}
            return 200, self.create(wanted)
        if (method, path) == ("POST", "/api/accounts/account-statement"):
            return 200, self.statement
        if (method, path) == ("GET", f"/api/eshops/eshop/{GOID}/payment-instruments/CZK"):
            listed = [{"paymentInstrument": one, "label": {"cs": one}, "group": "some", "enabledSwifts": None} for one in self.instruments]
            return 200, {"groups": {"some": {"label": {"cs": "Platba"}}}, "enabledPaymentInstruments": listed}
        again = re.fullmatch(r"/api/payments/payment/(\d+)/(create|void)-recurrence", path)
        if method == "POST" and again and again[1] in self.payments:
            return self._recur(again[1], again[2], body)
        return self._answer_refunds(method, path, body)

    def _answer_refunds(self, method: str, path: str, body: str) -> tuple[int, Any]:
        asked = re.fullmatch(r"/api/payments/payment/(\d+)/refund", path)
        if method == "POST" and asked and asked[1] in self.payments:
            return self._refund(asked[1], int(parse_qs(body)["amount"][0]))
        found = re.fullmatch(r"/api/payments/payment/(\d+)(/refunds)?", path)
        if method == "GET" and found and found[1] in self.payments:
            return 200, self.refunds.get(found[1], []) if found[2] else self.payments[found[1]]
        return 404, {"errors": [{"error_name": "PAYMENT_NOT_FOUND"}]}

    def _recur(self, gateway_id: str, deed: str, body: str) -> tuple[int, Any]:
        first = self.payments[gateway_id]
        recurrence = first.get("recurrence")
        if recurrence is None or recurrence.get("recurrence_state") == "STOPPED" or first["state"] not in ("PAID", "PARTIALLY_REFUNDED"):
            return 409, {"errors": [{"error_name": "PAYMENT_RECURRENCE_NOT_SUPPORTED"}]}
        if deed == "void":
            recurrence["recurrence_state"] = "STOPPED"
            return 200, {"id": first["id"], "result": "FINISHED"}
        made = self.create({**json.loads(body), "target": first["target"], "lang": first["lang"], "payer": first["payer"]})
        self.move(str(made["id"]), self.recurrence_state, parent_id=first["id"])
        return 200, {**self.payments[str(made["id"])]}

    def _refund(self, gateway_id: str, amount: int) -> tuple[int, Any]:
        left = self.payments[gateway_id]["amount"] - sum(
            one["amount"] for one in self.refunds.get(gateway_id, []) if one["state"] != "FAILED"
        )
        if self.payments[gateway_id]["state"] not in ("PAID", "PARTIALLY_REFUNDED") or not 1 <= amount <= left:
            return 409, {"errors": [{"error_name": "PAYMENT_REFUND_NOT_POSSIBLE"}]}
        if self.refund_result == "FINISHED":
            self.refund(gateway_id, amount)
            if amount == left:
                self.move(gateway_id, "REFUNDED")
        else:
            self.refunds.setdefault(gateway_id, []).append({"id": next(self._numbers), "amount": amount, "state": self.refund_result})
        return 200, {"id": self.refunds[gateway_id][-1]["id"], "result": self.refund_result}


class _Handler(BaseHTTPRequestHandler):
    def _handle(self) -> None:
        stub: GoPayStub = self.server.stub  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        stub.calls.append(f"{self.command} {self.path}")
        status, answer = stub.answer(self.command, self.path, self.headers, body)
        time.sleep(stub.delay_s)
        text = answer if isinstance(answer, str) else json.dumps(answer)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        for piece in text if stub.drip else [text]:
            self.wfile.write(piece.encode())
            self.wfile.flush()
            if stub.drip:
                time.sleep(0.1)

    def handle(self) -> None:
        with suppress(ConnectionError):  # whoever asked may have walked away
            super().handle()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        pass

    do_GET = do_POST = _handle  # noqa: N815 - the library's names


@contextmanager
def serve() -> Iterator[GoPayStub]:
    """A stub on a free port of 127.0.0.1."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    stub = GoPayStub(server)
    server.stub = stub  # type: ignore[attr-defined]
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02), daemon=True)
    thread.start()
    try:
        yield stub
    finally:
        stub.drip = False
        server.shutdown()
        server.server_close()
        thread.join()
