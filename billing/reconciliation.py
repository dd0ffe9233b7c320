"""The gateway's own statement beside our table, day by day: what was paid and not noticed, and what we noticed and nobody paid.

Statements come in forms that differ from contract to contract, so no column is relied upon: a line is known by our order
number or the payment's own number standing in one of its cells, and its amount by a cell that says it.
"""

import csv
import io
import logging
import re
from datetime import date, datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from billing import money, proofs, top_ups
from billing.gateway import GatewayAwayError, GatewayError, get_gateway
from billing.models import GatewayStatement, TopUp
from chargeshare.errors import DomainError

logger = logging.getLogger(__name__)

BEGINS_AT = 6  # o'clock: by then the statement of the day before is closed
DAYS_BACK = 7
_ORDER = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}-\d+", re.IGNORECASE)
_NUMBER = re.compile(r"\d{6,20}")


def compare_days(*, now: datetime) -> int:
    """Compare the days that have not been compared yet; one whose statement cannot be had is tried again by the next pass."""
    local = timezone.localtime(now)
    gateway = get_gateway()
    if local.hour < BEGINS_AT or not TopUp.objects.filter(gateway=gateway.name, paid_at__isnull=False).exists():
        return 0
    days = [local.date() - timedelta(days=back) for back in range(1, DAYS_BACK + 1)]
    known = set(GatewayStatement.objects.filter(gateway=gateway.name, day__in=days).values_list("day", flat=True))
    compared = 0
    for day in sorted(set(days) - known):
        try:
            text = gateway.fetch_statement(day - timedelta(days=1), day + timedelta(days=1))
        except GatewayAwayError as error:
            logger.warning("statement of %s not fetched: %s", day, error)
            break
        except GatewayError as error:
            logger.error("statement of %s refused: %s", day, error)
            break
        if text is None:
            return 0  # this gateway has none
        compared += compare(gateway.name, day, text, now)
    return compared


def compare(gateway: str, day: date, text: str, now: datetime) -> bool:
    """Hold one statement, a day longer on either side, against our table; what does not agree is told to staff."""
    lines = _lines(text)
    problems = [*_paid_without_a_line(gateway, day, lines), *_lines_without_a_payment(gateway, lines)]
    try:
        with transaction.atomic():
            GatewayStatement.objects.create(gateway=gateway, day=day, compared_at=now, lines=len(lines), problems=problems)
            if problems:
                proofs.tell_staff(problems)
    except IntegrityError:
        return False  # another process was faster
    return True


def _lines(text: str) -> list[list[str]]:
    """The cells of each line, whatever stands between them."""
    head = text[:5_000]
    delimiter = max(";,\t|", key=head.count)
    return [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text), delimiter=delimiter) if any(row)]


def _paid_without_a_line(gateway: str, day: date, lines: list[list[str]]) -> list[str]:
    begins = timezone.make_aware(datetime.combine(day, datetime.min.time()))
    paid = TopUp.objects.filter(gateway=gateway, paid_at__gte=begins, paid_at__lt=begins + timedelta(days=1))
    problems = []
    for top_up in paid.order_by("pk"):
        mine = [line for line in lines if top_up.gateway_id in line or any(top_up.order_number in cell for cell in line)]
        amount = money.fmt(top_up.amount_minor, top_up.currency)
        if not mine:
            problems.append(f"Top-up {top_up.code} of {amount} is paid here and not on the statement of {day}.")
        elif not any(_says(line, top_up.amount_minor) for line in mine):
            problems.append(f"Top-up {top_up.code} is {amount} here and another amount on the statement of {day}.")
    return problems


def _lines_without_a_payment(gateway: str, lines: list[list[str]]) -> list[str]:
    """Orders of ours that were paid although their answer was lost: they get their payment, and the gateway is asked about it."""
    problems = []
    for line in lines:
        order = next((found[0] for cell in line if (found := _ORDER.search(cell))), None)
        if order is None:
            continue
        top_up = TopUp.objects.filter(gateway=gateway, order_number=order.lower()).first()
        if top_up is None:
            problems.append(f"The statement has an order {order} that is not ours.")
        elif top_up.gateway_id is None and not _adopted(top_up, line):
            problems.append(f"Order {order} was paid at the gateway, and its payment could not be found.")
    return problems


def _adopted(top_up: TopUp, line: list[str]) -> bool:
    for cell in line:
        if _NUMBER.fullmatch(cell) and not TopUp.objects.filter(gateway_id=cell).exists():
            try:
                adopted = top_ups.adopt(top_up, cell)
            except DomainError:
                return False
            if adopted.gateway_state:
                return True
            TopUp.objects.filter(pk=top_up.pk, gateway_state="").update(gateway_id=None)  # a number of something else
    return False


def _says(line: list[str], amount_minor: int) -> bool:
    said = {re.sub(r"[\s\u00a0]", "", cell).lstrip("+-").replace(",", ".") for cell in line}
    main = f"{money.decimal(amount_minor)}"
    return bool(said & {main, main.removesuffix(".00"), main.rstrip("0")})
