"""Payment gateways. Each is a module behind one small protocol; nothing outside this package knows which one it is."""

from dataclasses import dataclass
from datetime import date
from typing import Protocol

from django.conf import settings


class GatewayError(Exception):
    """The gateway refused, or its answer cannot be used. Asking again in a moment would not help."""


class GatewayAwayError(GatewayError):
    """The gateway could not be reached in time, or is out of order. What it did with the request is unknown."""


class PaymentState:
    """The words in which gateways say how a payment stands."""

    CREATED = "CREATED"
    PAYMENT_METHOD_CHOSEN = "PAYMENT_METHOD_CHOSEN"
    AUTHORIZED = "AUTHORIZED"
    PAID = "PAID"
    CANCELED = "CANCELED"
    TIMEOUTED = "TIMEOUTED"
    PARTIALLY_REFUNDED = "PARTIALLY_REFUNDED"
    REFUNDED = "REFUNDED"

    WAITING = frozenset({CREATED, PAYMENT_METHOD_CHOSEN, AUTHORIZED})
    OVER = frozenset({CANCELED, TIMEOUTED})
    WAS_PAID = frozenset({PAID, PARTIALLY_REFUNDED, REFUNDED})


@dataclass(frozen=True)
class PaymentRequest:
    """What we ask a gateway to collect. All addresses are absolute.

    `instrument` is the way to pay that the payer has picked, out of `instruments`; without them she picks at the gateway.
    """

    order_number: str
    amount_minor: int
    currency: str
    description: str
    email: str
    language: str
    return_url: str
    notification_url: str
    may_recur_until: date | None = None
    instrument: str = ""
    instruments: tuple[str, ...] = ()


@dataclass(frozen=True)
class RefundSaid:
    """What a gateway says about one refund of a payment."""

    id: str
    amount_minor: int
    is_failed: bool = False


@dataclass(frozen=True)
class Payment:
    """What a gateway says about a payment. An unknown state is passed on as it is."""

    gateway_id: str
    state: str
    order_number: str
    amount_minor: int
    currency: str
    shop: str
    refunded_minor: int = 0
    refunds: tuple[RefundSaid, ...] = ()
    url: str = ""


class Gateway(Protocol):
    """What every gateway can do. A call may take up to its budget and never runs inside a database transaction."""

    name: str
    label: str

    @property
    def shop(self) -> str:
        """Our own number at the gateway: a payment to anybody else is not ours."""
        ...

    def create_payment(self, request: PaymentRequest) -> Payment:
        """Begin a payment; the answer has the address to which the payer's browser goes."""
        ...

    def fetch_payment(self, gateway_id: str, *, with_refunds: bool = False, budget_s: float | None = None) -> Payment:
        """Ask how a payment stands, and, where that matters, which refunds of it there are, failed ones included."""
        ...

    def repeat_payment(self, gateway_id: str, request: PaymentRequest) -> Payment:
        """Charge the card of an earlier payment that may recur once more; nobody is asked, so there is no page to go to."""
        ...

    def void_recurrence(self, gateway_id: str) -> None:
        """A payment may recur no more."""
        ...

    def refund_payment(self, gateway_id: str, amount_minor: int) -> RefundSaid:
        """Return a part of a payment, or the rest of it. After a GatewayAwayError nobody knows whether it was done."""
        ...

    def fetch_instruments(self, currency: str) -> tuple[str, ...]:
        """The ways to pay that are switched on for our shop, by the gateway's own words."""
        ...

    def fetch_statement(self, first: date, last: date) -> str | None:
        """The gateway's own statement of our account, days included, as text with a line for each movement; None where there is none."""
        ...


def get_gateway(name: str | None = None) -> Gateway:
    """The gateway of this name; without a name the one that new payments use."""
    # Each is imported at need: without GoPay its SDK need not even be loaded.
    if (name or settings.PAYMENT_GATEWAY) == "gopay":
        from billing.gateway.gopay import GoPayGateway  # noqa: PLC0415

        return GoPayGateway()
    from billing.gateway.demo import DemoGateway  # noqa: PLC0415

    return DemoGateway()
