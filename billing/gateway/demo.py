"""A gateway on paper: no money anywhere, but the same steps, states and surprises as a real one."""

from datetime import date, timedelta

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from billing.gateway import GatewayError, Payment, PaymentRequest, RefundSaid
from billing.models import DemoPayment

PAYABLE_FOR = timedelta(hours=1)
State = DemoPayment.State


class DemoGateway:
    """Keeps its payments in a table, so that every process sees them and a restart forgets none."""

    name = "demo"
    label = "Demo"
    shop = "demo"

    def create_payment(self, request: PaymentRequest) -> Payment:
        """Begin a payment on the page of ours that plays the bank."""
        payment = DemoPayment.objects.create(
            order_number=request.order_number,
            amount_minor=request.amount_minor,
            currency=request.currency,
            description=request.description[:200],
            return_url=request.return_url,
            recurs=request.may_recur_until is not None,
        )
        return self._said(payment)

    def fetch_payment(self, gateway_id: str, *, with_refunds: bool = False, budget_s: float | None = None) -> Payment:  # noqa: ARG002 - a table answers at once
        """Ask how a payment stands."""
        payment = find(gateway_id)
        if payment is None:
            raise GatewayError(f"There is no demo payment {gateway_id}.")
        return self._said(payment)

    def repeat_payment(self, gateway_id: str, request: PaymentRequest) -> Payment:
        """Charge the card of an earlier payment: on paper there is always money on it."""
        first = DemoPayment.objects.filter(gateway_id=gateway_id, state__in=[State.PAID, State.PARTIALLY_REFUNDED], recurs=True).first()
        if first is None:
            raise GatewayError(f"Demo payment {gateway_id} cannot be repeated.")
        created = self.create_payment(request)
        DemoPayment.objects.filter(gateway_id=created.gateway_id).update(state=State.PAID)
        return self.fetch_payment(created.gateway_id)

    def void_recurrence(self, gateway_id: str) -> None:
        """Forget a saved card."""
        DemoPayment.objects.filter(gateway_id=gateway_id).update(recurs=False)

    def refund_payment(self, gateway_id: str, amount_minor: int) -> RefundSaid:
        """Return a part of a payment."""
        with transaction.atomic():
            payment = DemoPayment.objects.select_for_update().filter(gateway_id=gateway_id).first()
            if payment is None or payment.state not in (State.PAID, State.PARTIALLY_REFUNDED):
                raise GatewayError(f"Demo payment {gateway_id} has nothing to return.")
            payment.refunded_minor += amount_minor
            if payment.refunded_minor > payment.amount_minor:
                raise GatewayError(f"Demo payment {gateway_id} has less than that.")
            payment.state = State.REFUNDED if payment.refunded_minor == payment.amount_minor else State.PARTIALLY_REFUNDED
            payment.save(update_fields=["refunded_minor", "state"])
        return RefundSaid(f"{gateway_id}-{payment.refunded_minor}", amount_minor)

    def fetch_instruments(self, currency: str) -> tuple[str, ...]:  # noqa: ARG002 - paper takes any
        """All a real shop usually has."""
        return ("PAYMENT_CARD", "APPLE_PAY", "GPAY", "BANK_ACCOUNT")

    def fetch_statement(self, first: date, last: date) -> str | None:  # noqa: ARG002 - paper keeps no account
        """There is none."""
        return None

    def _said(self, payment: DemoPayment) -> Payment:
        return Payment(
            gateway_id=payment.gateway_id,
            state=payment.state,
            order_number=payment.order_number,
            amount_minor=payment.amount_minor,
            currency=payment.currency,
            shop=self.shop,
            refunded_minor=payment.refunded_minor,
            url=settings.PUBLIC_URL + reverse("billing:demo_gateway", args=[payment.gateway_id]),
        )


def find(gateway_id: str) -> DemoPayment | None:
    """A payment by its number; one that waited too long has run out."""
    payment = DemoPayment.objects.filter(gateway_id=gateway_id).first()
    if payment is not None and payment.state == State.CREATED and payment.created_at < timezone.now() - PAYABLE_FOR:
        _move(payment, State.TIMEOUTED)
        payment.refresh_from_db()
    return payment


def pay(payment: DemoPayment) -> bool:
    """The payer agreed. False where the payment was over already."""
    return _move(payment, State.PAID)


def cancel(payment: DemoPayment) -> bool:
    """The payer changed her mind."""
    return _move(payment, State.CANCELED)


def _move(payment: DemoPayment, state: str) -> bool:
    return bool(DemoPayment.objects.filter(pk=payment.pk, state=State.CREATED).update(state=state))
