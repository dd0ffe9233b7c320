"""What happens by itself: the periodic jobs, and how long things are kept.

A job is a function of its room that changes only rows whose time has come and locks or counts what it changes, so two
processes that do it at once do no harm. One that fails is told in the log and hinders no other.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event
from time import monotonic, time
from typing import Any

from allauth.usersessions.models import UserSession
from auditlog.models import LogEntry
from django.conf import settings
from django.contrib.admin.models import LogEntry as AdminLogEntry
from django.contrib.sessions.models import Session
from django.db import InterfaceError, OperationalError, close_old_connections, connection
from django.db.models import QuerySet
from django.utils import timezone

from accounts import devices, idempotency, logins, notifications, push
from billing import (
    auto_top_ups,
    disputes,
    earnings,
    fee_papers,
    instruments,
    kept,
    payout_plans,
    proofs,
    reconciliation,
    refunds,
    seller_data,
    tariffs,
    top_ups,
)
from chargeshare import tally
from ocpp_core import certificates, diagnostics, frame_log, local_list, uptime
from ocpp_core.charging_profiles import kept as charging_profiles
from ocpp_core.models import Certificate, ChargerDeviation, ConnectionAttempt, FirmwareUpdate, LocalListEntry, SecurityEvent
from stations import (
    areas,
    booking_rules,
    commands,
    connectivity,
    holding,
    photos,
    prepaid,
    problems,
    reservations,
    search,
    sessions,
    thinning,
    waitlist,
)
from stations.models import (
    AreaNews,
    ArrivalPack,
    BookingRules,
    CardPairing,
    Closure,
    Command,
    CommandBatch,
    Favourite,
    MapArrival,
    OperatorReservation,
    QuarantinedMessage,
    Reliability,
    Review,
    ReviewReport,
    SiteFacts,
    Sticker,
    Thread,
    WaitlistPlace,
    WeeklyHours,
)

logger = logging.getLogger(__name__)

EVERY_PASS = timedelta(0)
HOURLY = timedelta(hours=1)
AT_ONCE = 1000
CLOCK_STEP_S = 30  # more than any clock drifts between two passes

# How long the rows of other tables are kept is said by their rooms; docs/retention.md lists every table.
KEPT: dict[str, Callable[[datetime], QuerySet[Any]]] = {
    "arrivals on the map": lambda now: MapArrival.objects.filter(told_at__lt=now - timedelta(days=1)),
    "arrivals of retired chargers": lambda now: MapArrival.objects.filter(charge_point__retired_at__lt=now - timedelta(days=1)),
    "arrival packs of retired chargers": lambda now: ArrivalPack.objects.filter(charge_point__retired_at__lt=now - timedelta(days=1)),
    "audit trail": lambda now: LogEntry.objects.filter(timestamp__lt=now - timedelta(days=3 * 365)),
    "administration log": lambda now: AdminLogEntry.objects.filter(action_time__lt=now - timedelta(days=3 * 365)),
    "booking rules of retired chargers": lambda now: BookingRules.objects.filter(charge_point__retired_at__lt=now - timedelta(days=1)),
    "browser sessions": lambda now: Session.objects.filter(expire_date__lt=now),
    "card pairings": lambda now: CardPairing.objects.filter(expires_at__lt=now - timedelta(days=1)),
    "cards in retired boxes": lambda now: LocalListEntry.objects.filter(local_list__charge_point__retired_at__lt=now - timedelta(days=1)),
    "certificates of chargers": lambda now: Certificate.objects.filter(not_after__lt=now - timedelta(days=365)),
    "closures": lambda now: Closure.objects.filter(ends_at__lt=now - timedelta(days=90)),
    "commands": lambda now: Command.objects.filter(created_at__lt=now - timedelta(days=365)),
    "commands to many chargers": lambda now: CommandBatch.objects.filter(created_at__lt=now - timedelta(days=366)),
    "connection attempts": lambda now: ConnectionAttempt.objects.filter(at__lt=now - timedelta(days=90)),
    "deviations": lambda now: ChargerDeviation.objects.filter(last_at__lt=now - timedelta(days=365)),
    "devices": lambda now: UserSession.objects.filter(last_seen_at__lt=now - timedelta(days=90)),
    "connectors held for operators": lambda now: OperatorReservation.objects.filter(ended_at__lt=now - timedelta(days=90)),
    "facts about retired chargers": lambda now: SiteFacts.objects.filter(charge_point__retired_at__lt=now - timedelta(days=1)),
    "favourites at retired chargers": lambda now: Favourite.objects.filter(charge_point__retired_at__lt=now - timedelta(days=1)),
    "firmware updates": lambda now: FirmwareUpdate.objects.filter(created_at__lt=now - timedelta(days=365)),
    "news of retired chargers": lambda now: AreaNews.objects.filter(charge_point__retired_at__lt=now - timedelta(days=1)),
    "proofs of the books": proofs.old,
    "quarantine": lambda now: QuarantinedMessage.objects.filter(received_at__lt=now - timedelta(days=90)),
    "reports of reviews": lambda now: ReviewReport.objects.filter(resolved_at__lt=now - timedelta(days=365)),
    "reviews of retired chargers": lambda now: Review.objects.filter(charge_point__retired_at__lt=now - timedelta(days=365)),
    "reliability of retired chargers": lambda now: Reliability.objects.filter(charge_point__retired_at__lt=now - timedelta(days=1)),
    "security events": lambda now: SecurityEvent.objects.filter(received_at__lt=now - timedelta(days=365)),
    "stickers of retired chargers": lambda now: Sticker.objects.filter(connector__charge_point__retired_at__lt=now - timedelta(days=365)),
    "threads": lambda now: Thread.objects.filter(last_at__lt=now - timedelta(days=365)),
    "waiting lists": lambda now: WaitlistPlace.objects.filter(ended_at__lt=now - timedelta(days=90)),
    "weekly hours of retired chargers": lambda now: WeeklyHours.objects.filter(charge_point__retired_at__lt=now - timedelta(days=1)),
}


def forget_old(*, now: datetime) -> int:
    """Delete what is kept no longer, a few rows at a time so that nobody waits for it."""
    forgotten = 0
    for rows in KEPT.values():
        while True:
            chunk = list(rows(now).order_by("pk").values_list("pk", flat=True)[:AT_ONCE])
            rows(now).filter(pk__in=chunk).delete()
            forgotten += len(chunk)
            if len(chunk) < AT_ONCE:
                break
    return forgotten


@dataclass(frozen=True)
class Job:
    """One thing that happens by itself: what, and how long it rests in between."""

    name: str
    do: Callable[..., int]
    rests: timedelta = EVERY_PASS


JOBS = (
    Job("wallets topped up by themselves", top_ups.top_up_automatically),
    Job("automatic top-ups ended", auto_top_ups.tidy),
    Job("disputes brought to staff", disputes.close_unanswered),
    Job("prepaid visits followed", prepaid.pursue),
    Job("guests forgotten", prepaid.forget_guests, HOURLY),
    Job("statements of the gateway compared", reconciliation.compare_days, HOURLY),
    Job("refunds sent", refunds.send_unsent),
    Job("scheduled prices begun", tariffs.begin_scheduled),
    Job("lost connections forgotten", connectivity.forget_lost),
    Job("places on the map counted", search.count_map),
    Job("people told of new chargers", areas.tell),
    Job("chargers opened and closed", booking_rules.open_and_close),
    Job("chargers told of bookings", holding.tell_chargers),
    Job("trouble with booked chargers told", holding.tell_of_trouble),
    Job("bookings given up", uptime.give_up_bookings),
    Job("chargers let go", holding.release_held),
    Job("next ones in line asked", waitlist.move_on),
    Job("drivers reminded of bookings", reservations.remind_drivers),
    Job("starts given up", sessions.abandon_stale),
    Job("sessions without an end closed", sessions.close_orphans),
    Job("overdue stops asked for", sessions.stop_overdue),
    Job("drivers told that nothing flows", sessions.tell_of_no_energy),
    Job("reviews settled", sessions.settle_reviews),
    Job("sessions without a receipt settled", sessions.repair_unsettled),
    Job("unanswered commands given up", commands.give_up_old),
    Job("cards sent to boxes", local_list.keep_up_to_date),
    Job("payments asked about", top_ups.refresh_pending),
    Job("ways to pay asked about", instruments.ask, HOURLY),
    Job("e-mails sent", notifications.send_unsent),
    Job("pushes sent", push.send_due),
    Job("earnings made available", earnings.release_pending, HOURLY),
    Job("sums of the books written down", kept.keep, HOURLY),
    Job("fee documents issued", fee_papers.issue_last_month, HOURLY),
    Job("payouts asked for by plan", payout_plans.request_due, HOURLY),
    Job("owners asked for their data", seller_data.ask, HOURLY),
    Job("reliability of chargers counted", uptime.count, timedelta(minutes=1)),
    Job("charging profiles forgotten", charging_profiles.forget, HOURLY),
    Job("certificates of chargers renewed", certificates.renew_expiring, HOURLY),
    Job("diagnostics pruned", diagnostics.prune, HOURLY),
    Job("frames pruned", frame_log.prune, timedelta(minutes=5)),
    Job("old readings thinned", thinning.thin),
    Job("readings outside of sessions forgotten", thinning.forget_outside, HOURLY),
    Job("notifications pruned", notifications.prune, HOURLY),
    Job("devices that take no pushes forgotten", devices.prune, HOURLY),
    Job("idempotent answers pruned", idempotency.prune, HOURLY),
    Job("log-in failures and token chains pruned", logins.prune, HOURLY),
    Job("problems brought to dispute", problems.pursue),
    Job("old problems deleted", problems.forget, HOURLY),
    Job("photos of retired chargers deleted", photos.forget, HOURLY),
    Job("books proved", proofs.prove_nightly, HOURLY),
    Job("old rows forgotten", forget_old, HOURLY),
)
# A push is for who stands at the charger now: these are done in between as well.
PROMPT = tuple(job for job in JOBS if job.name == "pushes sent")
PROMPT_S = 5.0
_done_at: dict[str, datetime] = {}


def run_due(now: datetime) -> None:
    """Do every job that has rested long enough in this process."""
    run([job for job in JOBS if _is_due(job, now)], now)


def _is_due(job: Job, now: datetime) -> bool:
    """Whether it has rested; what was done in the future was done before somebody set the clock back."""
    done_at = _done_at.get(job.name)
    return done_at is None or not timedelta(0) <= now - done_at < job.rests


def run(jobs: list[Job] | tuple[Job, ...], now: datetime) -> int:
    """Do these jobs, one after the other; without a database none, and none after the one that lost it. How many were not done."""
    failed = 0
    try:
        connection.ensure_connection()
    except OperationalError as error:
        logger.warning("housekeeping waits for the database: %s", error)
        return len(jobs)
    for place, job in enumerate(jobs):
        _done_at[job.name] = now
        try:
            with tally.job(job.name):
                count = job.do(now=now)
        except (OperationalError, InterfaceError) as error:
            said = str(error).strip().split("\n")[0]
            if not connection.is_usable():
                logger.warning("housekeeping lost the database and waits for it: %s", said)
                del _done_at[job.name]
                connection.close()
                return failed + len(jobs) - place
            failed += 1
            logger.error("housekeeping: the database refused: %s: %s", job.name, said)
        except Exception:
            failed += 1
            logger.exception("housekeeping: failed: %s", job.name)
        else:
            if count:
                logger.info("housekeeping: %s: %s", job.name, count)
    return failed


class Clock:
    """Notices that somebody has set the clock of this machine.

    Whoever lives then seems to have been silent for an hour, and whoever is about to plug in to have let an hour pass. So
    nothing is judged by the clock before all who live were seen by the new time, and all who wait have had their own.
    """

    def __init__(self) -> None:
        self._ahead_s = time() - monotonic()
        self._trusted_from = 0.0

    def is_trusted(self) -> bool:
        """Whether the jobs may look at the clock now."""
        step_s = time() - monotonic() - self._ahead_s
        if abs(step_s) > CLOCK_STEP_S:
            self._ahead_s += step_s
            rests_s = max(settings.OFFLINE_AFTER_S, settings.REMOTE_START_TIMEOUT_S)
            self._trusted_from = monotonic() + rests_s
            tally.clock_steps += 1
            text = "the clock was set by %+.0f s: the periodic jobs rest for %g s, until whoever lives was seen by the new time"
            logger.warning(text, step_s, rests_s)
        return monotonic() >= self._trusted_from


def keep_house(stop: Event) -> None:
    """Look at the jobs every HOUSEKEEPING_INTERVAL_S until told to stop, and at the prompt ones every few seconds."""
    logger.info("housekeeping: %s jobs, looked at every %g s", len(JOBS), settings.HOUSEKEEPING_INTERVAL_S)
    clock = Clock()
    while not stop.is_set():
        if clock.is_trusted():
            close_old_connections()  # one that broke is replaced, and none is held while nothing is done
            run_due(timezone.now())
            close_old_connections()
        _be_prompt(stop, clock)


def _be_prompt(stop: Event, clock: Clock) -> None:
    """Rest until the next look at all the jobs, doing the prompt ones meanwhile."""
    rests_until = monotonic() + settings.HOUSEKEEPING_INTERVAL_S
    while (rest_s := rests_until - monotonic()) > 0 and not stop.wait(min(rest_s, PROMPT_S)):
        if settings.VAPID_PRIVATE_KEY and rest_s > PROMPT_S and clock.is_trusted():
            close_old_connections()
            run(PROMPT, timezone.now())
            close_old_connections()
