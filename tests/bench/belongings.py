"""What else long-lived accounts have behind them: ten thousand bookings, twenty thousand movements of a wallet, and every other list.

Written in bulk beside the sessions of `country`, whose numbers run from 0: every second is at the busy owner's, every tenth the
busy driver's. The books are booked whole: each receipt has its transaction and its three entries.
"""

import itertools
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Sum
from django.utils import timezone

from accounts.models import IdToken, Notification, User
from billing import ledger
from billing.models import (
    BankAccount,
    ChargeDetailRecord,
    Dispute,
    LedgerAccount,
    LedgerEntry,
    LedgerTransaction,
    Payout,
    PayoutBatch,
    TopUp,
)
from ocpp_core.models import ChargerDeviation, ConnectionAttempt, SecurityEvent
from stations import favourites
from stations.models import (
    ChargePoint,
    ChargingSession,
    Command,
    CommandBatch,
    Favourite,
    Message,
    MeterCase,
    QuarantinedMessage,
    Reservation,
    Review,
    Thread,
)
from tests.bench.country import analyse, fill

MANY = 20_000
BOOKINGS = 10_000
FEW = 1_000


def everything(owner: User, driver: User, scale: float) -> None:
    """All of it, as large as the rest is."""
    many, bookings, few = (max(100, int(count * scale)) for count in (MANY, BOOKINGS, FEW))
    books(driver, few)
    now = timezone.now()
    boxes = list(ChargePoint.objects.filter(owner=owner).order_by("pk").values_list("pk", "connectors__pk"))
    guests = list(User.objects.filter(name__startswith="Driver ").order_by("pk").values_list("pk", flat=True))
    visits = list(ChargingSession.objects.order_by("pk").values_list("pk", flat=True)[:bookings])
    fill(Reservation, (_booking(number, boxes, driver.pk, guests, visits, now) for number in range(bookings)))
    fill(Notification, (_news(number, driver.pk, now) for number in range(many)))
    fill(IdToken, (_card(number, driver.pk, now) for number in range(few)))
    near = ChargePoint.objects.published().order_by("pk").values_list("pk", flat=True)[: favourites.MOST]
    fill(Favourite, ({"user_id": driver.pk, "charge_point_id": pk, "note": "by the gate", "created_at": now} for pk in list(near)))
    _said(owner, driver, many, now)
    _disputed(driver, few, now)
    _asked(owner, list(dict.fromkeys(pk for pk, _outlet in boxes)), many, few, now)
    _paid_out(owner, few, now)
    analyse()


def books(driver: User, top_ups: int) -> None:
    """Every receipt as it is booked when a session is settled, and top-ups of the driver; balances are the sums of the entries."""
    drivers = User.objects.filter(pk__in=ChargeDetailRecord.objects.order_by().values("driver_id"))
    owners = User.objects.filter(pk__in=ChargeDetailRecord.objects.order_by().values("owner_id"))
    for person, kind in itertools.chain(((one, "cash") for one in drivers), ((one, "earnings_pending") for one in owners)):
        ledger.account(person, kind)
    fee, clearing = ledger.platform_account("platform_fee"), ledger.platform_account("gopay_clearing")
    cash = ledger.account(driver, "cash")
    began = timezone.now() - timedelta(days=365)
    step = timedelta(days=365) / top_ups
    paid = [began + step * number for number in range(top_ups)]
    rows = (
        {"user_id": driver.pk, "amount_minor": 100_000, "currency": "CZK", "status": "paid", "gateway": "demo", **_order(number, at)}
        for number, at in enumerate(paid)
    )
    fill(TopUp, rows)
    receipts, booked, entries, accounts, top_up = (
        one._meta.db_table for one in (ChargeDetailRecord, LedgerTransaction, LedgerEntry, LedgerAccount, TopUp)
    )
    key = "'session:' || c.session_code || ':settle'"
    settled = f"FROM {receipts} c CROSS JOIN {booked} t"  # in this order, for SQLite keeps to it
    due = "'earnings_pending'"
    by_key = f"WHERE t.key = {key}"
    paid_in = f"FROM {booked} t WHERE t.kind = 'top_up'"
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL session_replication_role = replica")  # the triggers would look at each row
        cursor.execute(  # all in the order of time, as the books are written
            f"INSERT INTO {booked} (key, kind, note, url, created_at) SELECT key, kind, note, url, created_at FROM ("  # noqa: S608 - names of ours
            f" SELECT {key} AS key, 'settle' AS kind, place_name AS note, '/receipts/' || number || '/' AS url, created_at"
            f" FROM {receipts} c"
            f" UNION ALL SELECT 'top-up:' || code, 'top_up', '', '/wallet/top-ups/' || code || '/return/', paid_at FROM {top_up}"
            ") AS one ORDER BY created_at"
        )
        sides = (
            f"SELECT t.id, a.id, -c.cash_minor {settled} CROSS JOIN {accounts} a {by_key} AND a.user_id = c.driver_id AND a.kind = 'cash'",
            f"SELECT t.id, a.id, c.owner_minor {settled} CROSS JOIN {accounts} a {by_key} AND a.user_id = c.owner_id AND a.kind = {due}",
            f"SELECT t.id, {fee.pk}, c.fee_minor {settled} {by_key}",
            f"SELECT t.id, {cash.pk}, 100000 {paid_in}",
            f"SELECT t.id, {clearing.pk}, -100000 {paid_in}",
        )
        cursor.execute(
            f"INSERT INTO {entries} (transaction_id, account_id, amount_minor, balance_after_minor)"  # noqa: S608
            f" SELECT one.*, 0 FROM ({' UNION ALL '.join(sides)}) AS one ORDER BY 1"
        )
    sums = LedgerEntry.objects.order_by().values_list("account_id").annotate(sum=Sum("amount_minor"))
    for account_id, sum_minor in list(sums):
        LedgerAccount.objects.filter(pk=account_id).update(balance_minor=sum_minor)


def _order(number: int, at: datetime) -> dict[str, Any]:
    return {"code": UUID(int=number + 1), "order_number": f"B-{number}", "gateway_id": str(number), "created_at": at, "paid_at": at}


def _booking(number: int, boxes: list[Any], driver_id: int, guests: list[int], visits: list[int], now: datetime) -> dict[str, Any]:
    """Nine of ten are over, the others still to come; half of all are the busy driver's."""
    box, outlet = boxes[number % len(boxes)]
    is_over = number % 10 != 0
    begins_at = now + (timedelta(hours=-2 * number - 4) if is_over else timedelta(hours=2 * number + 4))
    return {
        "code": UUID(int=number + 1),
        "driver_id": driver_id if number % 2 else guests[number % len(guests)],
        "charge_point_id": box,
        "connector_id": outlet,
        "begins_at": begins_at,
        "ends_at": begins_at + timedelta(hours=1),
        "status": ("used", "cancelled", "expired")[number % 3] if is_over else "booked",
        "session_id": visits[number] if is_over and number % 3 == 0 and number < len(visits) else None,
        "reservation_id": number + 1,
        "created_at": now,
    }


def _news(number: int, driver_id: int, now: datetime) -> dict[str, Any]:
    return {
        "user_id": driver_id,
        "kind": "session_finished",
        "context": '{"place": "Garage", "energy_wh": 10000, "total_minor": 6500, "currency": "CZK"}',
        "url": "/sessions/",
        "created_at": now - timedelta(minutes=number),
        "read_at": now if number % 2 else None,
        "emailed_at": now,
    }


def _card(number: int, driver_id: int, now: datetime) -> dict[str, Any]:
    uid = f"B{number:07d}"
    return {"user_id": driver_id, "uid": uid, "uid_key": uid, "label": f"Card {number}", "created_at": now}


def _said(owner: User, driver: User, many: int, now: datetime) -> None:
    """Reviews of every fifth visit, doubts about the meters of some, and one talk that did not end."""
    fields = ("pk", "charge_point_id", "driver_id", "owner_id")
    visits = list(ChargingSession.objects.filter(driver__isnull=False).order_by("pk").values_list(*fields)[: many * 10])
    fill(Review, (_review(number, visit, now) for number, visit in enumerate(visits) if number % 5 == 0))
    hosted = [visit for visit in visits if visit[3] == owner.pk]
    fill(MeterCase, (_case(number, visit[0], now) for number, visit in enumerate(hosted[: many // 2])))
    pk, box, *_sides = next(visit for visit in visits if visit[2] == driver.pk)
    talk = Thread.objects.create(session_id=pk, charge_point_id=box, driver_id=driver.pk, owner_id=visits[0][3])
    lines = (
        {"code": UUID(int=number + 1), "thread_id": talk.pk, "author_id": driver.pk, "text": "I am here.", "created_at": now}
        for number in range(many // 4)
    )
    fill(Message, lines)


def _review(number: int, visit: tuple[Any, ...], now: datetime) -> dict[str, Any]:
    return {
        "code": UUID(int=number + 1),
        "session_id": visit[0],
        "charge_point_id": visit[1],
        "side": "driver",
        "author_id": visit[2],
        "about_id": visit[3],
        "rating": 3 + number % 3,
        "text": "Easy to find, started at once.",
        "tags": "[]",
        "created_at": now - timedelta(days=20),
        "opens_at": now - timedelta(days=6),
    }


def _case(number: int, session_id: int, now: datetime) -> dict[str, Any]:
    """One of ten still waits for staff."""
    is_open = number % 10 == 0
    return {
        "session_id": session_id,
        "kind": "meter",
        "doubt": "jump",
        "plausible_wh": 9_000,
        "reported_wh": 90_000,
        "opened_at": now - timedelta(days=1),
        "decide_by": now + timedelta(minutes=number),
        "outcome": "" if is_open else "plausible",
        "energy_wh": None if is_open else 9_000,
        "decided_at": None if is_open else now - timedelta(minutes=number),
    }


def _disputed(driver: User, few: int, now: datetime) -> None:
    receipts = list(ChargeDetailRecord.objects.filter(driver=driver).order_by("pk").values_list("pk", flat=True)[:few])
    rows = (
        {
            "code": UUID(int=number + 1),
            "cdr_id": pk,
            "opened_by_id": driver.pk,
            "side": "driver",
            "reason": "price",
            "disputed_minor": 1,
            "frozen_minor": 1,
            "evidence": "{}",
            "status": ("open", "answered", "decided")[number % 3],
            "created_at": now,
            "reply_by": now + timedelta(days=3),
            "decided_at": now if number % 3 == 2 else None,
        }
        for number, pk in enumerate(receipts)
    )
    fill(Dispute, rows)


def _asked(owner: User, boxes: list[int], many: int, few: int, now: datetime) -> None:
    """What the first charger was asked and said of itself, and what many were asked at once."""
    first = boxes[0]
    batches = (
        {
            "code": f"batch{number}",
            "action": "Reset",
            "payload": "{}",
            "asked_by_id": owner.pk,
            "total": len(boxes),
            "per_minute": 60,
            "created_at": now,
        }
        for number in range(few)
    )
    fill(CommandBatch, batches)
    batch = CommandBatch.objects.get(code="batch0").pk
    fill(Command, (_command(number, first, owner.pk, None, now) for number in range(many)))
    fill(Command, (_command(number, boxes[number % len(boxes)], owner.pk, batch, now) for number in range(few)))
    words = ({"charge_point_id": pk, "word": word, "first_at": now, "last_at": now} for pk in boxes for word in _words())
    fill(ChargerDeviation, words)
    attempts = (
        {"charge_point_id": first, "identity": "BENCH-0", "outcome": "accepted", "first_at": now, "at": now - timedelta(minutes=number)}
        for number in range(many)
    )
    fill(ConnectionAttempt, attempts)
    events = (
        {"charge_point_id": first, "type": "StartupOfTheDevice", "at": now, "first_at": now, "received_at": now - timedelta(minutes=number)}
        for number in range(many)
    )
    fill(SecurityEvent, events)
    kept = (
        {
            "charge_point_id": first,
            "action": "StopTransaction",
            "reason": "unknown transaction",
            "raw": "[]",
            "fingerprint": str(number),
            "received_at": now,
            "payload": "{}",
        }
        for number in range(many)
    )
    fill(QuarantinedMessage, kept)


def _words() -> Iterator[str]:
    yield from ("meterStop:missing", "timestamp:naive", "idTag:long", "unit:unknown", "frame:repaired")


def _command(number: int, box: int, owner_id: int, batch: int | None, now: datetime) -> dict[str, Any]:
    at = now - timedelta(minutes=number)
    return {
        "charge_point_id": box,
        "action": "Reset",
        "payload": '{"type": "Soft"}',
        "status": "accepted",
        "response": '{"status": "Accepted"}',
        "asked_by_id": owner_id,
        "batch_id": batch,
        "created_at": at,
        "sent_at": at,
        "answered_at": at,
    }


def _paid_out(owner: User, few: int, now: datetime) -> None:
    account = BankAccount.objects.create(owner=owner, iban="CZ6508000000192000145399", name="Owner", confirmed_at=now, usable_from=now)
    batch = PayoutBatch.objects.create(
        number="1",
        created_by=owner,
        due_on=now.date(),
        from_iban="CZ6508000000192000145399",
        from_name="ChargeShare",
        currency="CZK",
        total_minor=few,
    )
    rows = (
        {
            "code": UUID(int=number + 1),
            "owner_id": owner.pk,
            "bank_account_id": account.pk,
            "amount_minor": 100,
            "currency": "CZK",
            "iban": account.iban,
            "name": "Owner",
            "status": "paid",
            "variable_symbol": str(number + 1),
            "batch_id": batch.pk,
            "not_before": now,
            "created_at": now - timedelta(hours=8 * number),
            "paid_at": now,
        }
        for number in range(few)
    )
    fill(Payout, rows)
