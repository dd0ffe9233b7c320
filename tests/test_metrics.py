"""What `/metrics` tells of the house: each figure by really causing what it counts."""

import threading
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client import Metric

from accounts import notifications
from accounts.models import Letter, Notification, User
from billing import disputes, ledger, payouts, proofs, refunds, top_ups
from billing.gateway import GatewayAwayError, GatewayError, PaymentRequest
from billing.gateway.gopay import GoPayGateway
from billing.models import DemoPayment, LedgerAccount, TopUp
from chargeshare import housekeeping, metrics, tally
from chargeshare.housekeeping import Job
from chargeshare.metrics import kept, process, reachability, tables
from ocpp_core.door import tell_again
from ocpp_core.spool import Entry, Spool
from stations import commands
from stations.models import ChargePoint
from tests import factories
from tests.billing.conftest import stub
from tests.billing.paying import earn, usable_account
from tests.gopay_stub import GoPayStub
from tests.stations.acting import HOUR, MINUTE, NOON, begin, go_online, reading, session_of, stop

__all__ = ["stub"]
REQUEST = PaymentRequest("order-1", 50_000, "CZK", "Top-up", "a@example.com", "cs", "https://x/return/", "https://x/notify/")


def values(told: Iterable[Metric]) -> dict[str, float]:
    """Every sample by its name and the values of its labels, as in `chargeshare_queue_length payouts`."""
    return {" ".join([sample.name, *sample.labels.values()]): sample.value for family in told for sample in family.samples}


def waiting(now: datetime | None = None) -> dict[str, float]:
    """What the tables tell."""
    return values(tables.tell(now or timezone.now()))


# ── What lies in the tables ──


def test_an_empty_house_tells_of_nothing(db: None) -> None:
    told = waiting()
    assert {name.split()[0] for name in told} == {
        "chargeshare_queue_length",
        "chargeshare_queue_oldest_seconds",
        "chargeshare_sessions_open",
        "chargeshare_holds_open",
        "chargeshare_holds_open_minor",
        "chargeshare_clearing_minor",
    }
    assert set(told.values()) == {0.0}


def test_a_session_holds_money_until_it_ends(charge_point: ChargePoint, driver: User) -> None:
    go_online(charge_point)
    started = begin(charge_point, factories.make_id_token(driver).uid)
    told = waiting()
    assert (told["chargeshare_sessions_open"], told["chargeshare_holds_open"]) == (1, 1)
    assert told["chargeshare_holds_open_minor"] == ledger.wallet(driver).held_minor > 0

    stop(charge_point, started.transaction_id, meter=3000, at=NOON + HOUR)
    told = waiting()
    assert (told["chargeshare_sessions_open"], told["chargeshare_holds_open"], told["chargeshare_holds_open_minor"]) == (0, 0, 0)


def test_letters_and_notifications_wait_until_they_are_posted(driver: User) -> None:
    notifications.send_unsent(now=timezone.now())
    notifications.notify(driver, Notification.Kind.ACCOUNT_CHANGED, change="The password was changed.")
    Letter.objects.create(to="a@example.com", subject="x", text="x")
    Letter.objects.create(to="b@example.com", subject="given up", text="x", email_attempts=notifications.ATTEMPTS)
    told = waiting(timezone.now() + 2 * HOUR)
    for queue in ("notifications", "letters"):
        assert told[f"chargeshare_queue_length {queue}"] == 1
        assert 7200 <= told[f"chargeshare_queue_oldest_seconds {queue}"] < 10_000

    notifications.send_unsent(now=timezone.now())
    told = waiting()
    assert (told["chargeshare_queue_length notifications"], told["chargeshare_queue_length letters"]) == (0, 0)


def test_payments_wait_to_be_asked_about_once_their_moment_has_come(driver: User) -> None:
    top_up = top_ups.begin(driver, 50_000)
    due_at = TopUp.objects.get(pk=top_up.pk).refresh_at
    assert due_at is not None
    assert waiting(due_at - timedelta(seconds=1))["chargeshare_queue_length top_ups"] == 0
    told = waiting(due_at + timedelta(seconds=90))
    assert (told["chargeshare_queue_length top_ups"], told["chargeshare_queue_oldest_seconds top_ups"]) == (1, 90)


def test_money_on_its_way_back_lies_in_transit(driver: User) -> None:
    top_up = top_ups.begin(driver, 50_000)
    DemoPayment.objects.update(state=DemoPayment.State.PAID)
    top_ups.refresh(str(top_up.gateway_id))
    refunds.request(driver, 20_000)
    told = waiting()
    assert told["chargeshare_queue_length refunds"] == 1
    for kind in ("gopay_clearing", "refund_transit"):
        assert told[f"chargeshare_clearing_minor {kind}"] == LedgerAccount.objects.get(user=None, kind=kind).balance_minor != 0


def test_a_payout_waits_until_the_bank_has_paid_it(owner: User) -> None:
    earn(owner, 90_000)
    payouts.request(owner, 50_000, usable_account(owner))
    told = waiting(timezone.now() + HOUR)
    assert told["chargeshare_queue_length payouts"] == 1
    assert told["chargeshare_queue_oldest_seconds payouts"] >= 3600
    assert told["chargeshare_clearing_minor bank"] == -90_000


def test_what_staff_must_decide_waits(charge_point: ChargePoint, driver: User) -> None:
    go_online(charge_point)
    card = factories.make_id_token(driver).uid
    jumped = begin(charge_point, card)
    stop(charge_point, jumped.transaction_id, meter=85_000, at=NOON + 40 * MINUTE, readings=[reading(30, 3000), reading(31, 84_000)])
    plain = begin(charge_point, card, at=NOON + 2 * HOUR)
    stop(charge_point, plain.transaction_id, meter=3000, at=NOON + 3 * HOUR)
    cdr = session_of(plain).cdr
    assert cdr is not None
    disputes.open_dispute(driver, cdr, reason="too_much", text="The car took less.", amount_minor=650, evidence={})
    told = waiting()
    assert (told["chargeshare_queue_length reviews"], told["chargeshare_queue_length disputes"]) == (1, 1)


def test_commands_wait_to_be_sent_and_to_be_answered(charge_point: ChargePoint) -> None:
    go_online(charge_point)
    command = commands.reset(charge_point)
    told = waiting(timezone.now() + MINUTE)
    assert told["chargeshare_queue_length commands_to_send"] == 1
    assert told["chargeshare_queue_oldest_seconds commands_to_send"] >= 60

    commands.claim(command.pk)
    told = waiting()
    assert (told["chargeshare_queue_length commands_to_send"], told["chargeshare_queue_length commands_under_way"]) == (0, 1)


def test_the_newest_proof_of_the_books_is_told(driver: User) -> None:
    good = proofs.prove()
    told = waiting()
    assert told["chargeshare_ledger_proof_timestamp_seconds"] == good.began_at.timestamp()
    assert told["chargeshare_ledger_proof_problems"] == 0
    LedgerAccount.objects.filter(user=driver, kind="cash").update(balance_minor=1)
    bad = proofs.prove()
    told = waiting()
    assert told["chargeshare_ledger_proof_problems"] == len(bad.problems) > 0
    assert told["chargeshare_ledger_proof_seconds"] == float(bad.took_s)


def test_telling_asks_few_questions(db: None) -> None:
    with CaptureQueriesContext(
        connection,
    ) as asked:
        waiting()
    assert len(asked) == len(tables.QUEUES) + 4
    assert all("LIMIT" in one["sql"] for one in asked if "SUM(" in one["sql"] or "COUNT(" in one["sql"])


# ── What the process counts ──


def test_calls_to_the_gateway_are_counted_by_outcome(stub: GoPayStub) -> None:
    before = values(process.tell())
    gateway = GoPayGateway()
    gateway.create_payment(REQUEST)
    stub.answers += [(409, {"errors": [{"error_code": 340}]})]
    with pytest.raises(GatewayError):
        gateway.refund_payment("1", 5)
    stub.answers += [(500, {})]
    with pytest.raises(GatewayAwayError):
        gateway.fetch_payment("1")
    after = values(process.tell())
    for outcome in ("create ok", "refund refused", "status away"):
        name = f"chargeshare_gateway_calls_total {outcome}"
        assert after[name] - before.get(name, 0) == 1
        name = f"chargeshare_gateway_seconds_count {outcome.split()[0]}"
        assert after[name] - before.get(name, 0) == 1


def test_periodic_jobs_tell_when_they_were_done_and_how_often_they_failed(db: None) -> None:
    def fail(*, now: datetime) -> int:
        raise ZeroDivisionError

    def do(*, now: datetime) -> int:
        return 0

    now = datetime(2026, 6, 1, 12, tzinfo=UTC)
    housekeeping.run([Job("test: broken", fail), Job("test: whole", do)], now)
    told = values(process.tell())
    assert told["chargeshare_job_failures_total test: broken"] == 1
    assert told["chargeshare_job_failures_total test: whole"] == 0
    assert "chargeshare_job_done_timestamp_seconds test: broken" not in told
    assert abs(told["chargeshare_job_done_timestamp_seconds test: whole"] - timezone.now().timestamp()) < 600
    assert told["chargeshare_job_seconds_total test: broken"] > 0


def test_the_spool_tells_how_much_lies_in_it_and_since_when(settings: LazySettings, tmp_path: Path) -> None:
    settings.SPOOL_DIR = tmp_path
    before = tally.spooled["StopTransaction"]
    spool = Spool(tmp_path, tell_again)
    spool.append([Entry(1, "StopTransaction", datetime(2026, 6, 1, tzinfo=UTC), "[2]")])
    (tmp_path / "note.jsonl").write_text("somebody else's")
    (kept_file,) = tmp_path.glob("0*.jsonl")
    kept_file.rename(kept_file.with_name(f"{int((timezone.now() - HOUR).timestamp() * 1e9):020d}-1.jsonl"))
    told = values(process.tell())
    assert (told["chargeshare_spool_files"], told["chargeshare_spool_bytes"] > 20) == (1, True)
    assert 3600 <= told["chargeshare_spool_oldest_seconds"] < 7200
    assert tally.spooled["StopTransaction"] - before == 1
    spool.close()


def test_a_spread_counts_each_value_under_its_bound() -> None:
    spread = tally.Spread(1, 10)
    for value in (0.5, 1, 2, 10, 11):
        spread.note(value)
    assert (spread.counts, spread.total) == ([2, 2, 1], 24.5)


# ── The endpoint ──


def test_what_cannot_be_found_out_in_time_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "PATIENCE_S", 0.01)
    monkeypatch.setattr(kept, "FRESH_S", 3600)
    go_on, begun = threading.Event(), []

    def find() -> str:
        begun.append(1)
        go_on.wait(60)
        return "found"

    slow = kept.Kept(find)
    assert [slow.get(), slow.get()] == [None, None]
    go_on.set()
    monkeypatch.setattr(kept, "PATIENCE_S", 60)
    assert [slow.get(), slow.get()] == ["found", "found"]
    assert len(begun) == 1  # whoever asks meanwhile waits for the same answer


def test_what_failed_is_tried_again_and_what_is_known_kept_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "PATIENCE_S", 60)
    monkeypatch.setattr(kept, "FRESH_S", 3600)
    answers = [ValueError(), "one", "two"]

    def find() -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return str(answer)

    asked = kept.Kept(find)
    assert [asked.get(), asked.get(), asked.get()] == [None, "one", "one"]
    asked.forget()
    assert asked.get() == "two"


@pytest.mark.django_db(transaction=True)
def test_the_endpoint_tells_everything(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name, patience in ((kept, "PATIENCE_S", 60), (reachability, "PATIENCE_S", 60), (tables, "LONGEST_MS", 60_000)):
        monkeypatch.setattr(module, name, patience)
    metrics.forget()
    text = client.get("/metrics").content.decode()
    assert 'chargeshare_up{part="database"} 1.0' in text
    assert 'chargeshare_up{part="channel_layer"} 1.0' in text
    assert 'chargeshare_queue_length{queue="payouts"} 0.0' in text
    assert "django_http_requests_before_middlewares_total" in text
    metrics.forget()
