"""What drivers find wrong at a charger: said with one tap, with everything known of the visit beside it, and sent where it belongs.

What is about money becomes a dispute, now or as soon as there is a receipt. Everything else is for the owner to put right;
staff see what nobody answers. That a report counts against a charger needs more than somebody's word: see `stations.reliability`.
"""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import IO

from django.db import IntegrityError, transaction
from django.db.models import Count, F, Q, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override

from accounts import notifications
from accounts.models import Notification, User
from billing import disputes
from billing.models import ChargeDetailRecord, Dispute
from chargeshare.errors import DomainError, Invalid, NotFound
from stations import commands, evidence, photos, pictures, threads
from stations.models import ChargingSession, Command, Connector, Problem, Reservation
from stations.progress import Obstacle, Progress

logger = logging.getLogger(__name__)
Kind = Problem.Kind
Visit = ChargingSession | Reservation

FOLDER = "problems"
SIZES = {"small": 800, "large": 1600}
REPORTED_WITHIN = timedelta(days=14)
ANSWERED_WITHIN = timedelta(hours=72)
KEPT = timedelta(days=365)
KEPT_UNANSWERED = timedelta(days=3 * 365)
MOST_A_DAY = 20
LONGEST_TEXT = 500
NOTHING_WH = 100  # less than this is billed as nothing
CABLE_IS_HERS = timedelta(hours=1)
PER_PASS = 100
REASONS = {Kind.PRICE: Dispute.Reason.PRICE, Kind.NO_POWER: Dispute.Reason.NO_ENERGY}
# Ends that no driver asked for; how often a charger says Local when somebody pulled the plug, nobody knows.
BROKE_OFF = frozenset({"EmergencyStop", "HardReset", "Other", "PowerLoss", "Reboot", "SoftReset"})


class TooManyProblems(DomainError):
    """More than anybody meets with in a day."""

    code = "too_many_problems"
    status = 429
    message = gettext_lazy("You have reported a lot today. Write to the host, or go on tomorrow.")


class LongOver(DomainError):
    """Nobody can find out any more."""

    code = "too_late"
    message = gettext_lazy("A problem can be reported within fourteen days of the visit.")


def of_visit(user: User, visit: Visit) -> QuerySet[Problem]:
    """What this person has reported of one visit, or what was reported to her, the last first."""
    found = Problem.objects.visible_to(user).select_related("session", "reservation", "dispute", "charge_point", "connector", "reporter")
    return found.filter(session=visit) if isinstance(visit, ChargingSession) else found.filter(reservation=visit)


def may_report(user: User, visit: Visit, *, now: datetime) -> bool:
    """Whether she was there, and not too long ago."""
    return visit.driver_id == user.pk and visit.charge_point.owner_id != user.pk and now < _over_at(visit, now) + REPORTED_WITHIN


def report(*, user: User, visit: Visit, kind: str, text: str = "", photo: IO[bytes] | None = None) -> Problem:
    """Say what is wrong. The same of the same visit is one matter: a second click changes nothing."""
    now, said = timezone.now(), " ".join(text.split())
    if visit.driver_id != user.pk or visit.charge_point.owner_id == user.pk:
        raise NotFound
    _check(kind, said)
    known = _known(user, visit, kind)
    if known is not None:
        return known
    if not may_report(user, visit, now=now):
        raise LongOver
    if Problem.objects.filter(reporter=user, created_at__gt=now - timedelta(days=1)).count() >= MOST_A_DAY:
        raise TooManyProblems
    problem = _made(user, visit, kind, said)
    files = pictures.drawn(photo, SIZES)[0] if photo is not None else {}
    try:
        photos.write(FOLDER, problem.code, files)
        problem.has_photo = bool(files)
        with transaction.atomic():
            problem.save(force_insert=True)
            _tell_owner(problem)
    except IntegrityError:  # two clicks at once
        photos.unlink(FOLDER, problem.code, files)
        known = _known(user, visit, kind)
        if known is None:
            raise
        return known
    except BaseException:
        photos.unlink(FOLDER, problem.code, files)
        raise
    _let_go_of_cable(problem, now)
    dispute_money(problem)
    return problem


def mend(*, user: User, problem: Problem, answer: str = "") -> Problem:
    """Say that it is put right. The driver reads it among the messages of her visit. Twice is once."""
    said = " ".join(answer.split())
    if not (user.is_staff or user.pk == problem.charge_point.owner_id):
        raise NotFound
    if len(said) > LONGEST_TEXT or "\0" in said:
        raise Invalid(fields={"text": [_("Write at most %(most)s characters.") % {"most": LONGEST_TEXT}]})
    mended = Problem.objects.filter(pk=problem.pk, mended_at=None)
    if mended.update(mended_at=timezone.now(), mended_by=user, answer=said) and user.pk == problem.charge_point.owner_id:
        _tell_reporter(problem, said)
    problem.refresh_from_db()
    return problem


def dispute_money(problem: Problem) -> None:
    """Let what is about money be a dispute of its receipt, once there is one and as long as it can be disputed."""
    cdr = _disputable(problem)
    if cdr is None:
        return
    known = Dispute.objects.filter(cdr=cdr).exclude(status=Dispute.Status.WITHDRAWN).order_by("-pk").first()
    try:
        dispute = known or disputes.open_dispute(
            problem.reporter,
            cdr,
            reason=REASONS[Kind(problem.kind)],
            text=problem.text,
            amount_minor=None,
            evidence=problem.evidence,
        )
    except DomainError as refusal:  # another click was faster, or there is nothing to give back
        logger.info("problem %s became no dispute: %s", problem.code, refusal.message)
        return
    Problem.objects.filter(pk=problem.pk, dispute=None).update(dispute=dispute)
    problem.dispute = dispute


def pursue(*, now: datetime) -> int:
    """Open the disputes that waited for a receipt. That no power flowed at first is none, where it flowed and was paid afterwards."""
    came_after = Q(kind=Kind.PRICE) | Q(kind=Kind.NO_POWER, created_at__gt=F("session__cdr__created_at"))
    paid = Q(session__cdr__total_minor__gt=0, session__cdr__created_at__gt=now - disputes.OPENED_WITHIN)
    waiting = Problem.objects.filter(paid, came_after, dispute=None, mended_at=None)
    opened = 0
    for problem in waiting.select_related("session__cdr", "reservation", "reporter").order_by("pk")[:PER_PASS]:
        dispute_money(problem)
        opened += problem.dispute is not None
    return opened


def unanswered(now: datetime) -> QuerySet[Problem]:
    """What owners have left lying: for staff to see."""
    return Problem.objects.open().filter(dispute=None, created_at__lte=now - ANSWERED_WITHIN)


def open_at(owner: User, most: int) -> list[tuple[str, str, int]]:
    """Her chargers with something that nobody has put right: code, name and how many matters; where the most is wrong first."""
    mine = Problem.objects.open().filter(charge_point__owner=owner, charge_point__retired_at=None)
    counted = mine.order_by().values_list("charge_point__code", "charge_point__name").annotate(matters=Count("pk"))
    return list(counted.order_by("-matters", "charge_point__name")[:most])


def forget(*, now: datetime) -> int:
    """Delete what is long put right, or long past."""
    old = Problem.objects.filter(Q(mended_at__lt=now - KEPT) | Q(created_at__lt=now - KEPT_UNANSWERED)).order_by("pk")
    return _delete(old[:PER_PASS])


def forget_person(user: User) -> None:
    """Her words and pictures go with her account; that something was wrong stays."""
    mine = Problem.objects.filter(reporter=user)
    pictured = list(mine.filter(has_photo=True).values_list("code", flat=True))
    mine.update(text="", has_photo=False)
    for code in pictured:
        transaction.on_commit(lambda code=code: photos.unlink(FOLDER, code, SIZES))  # type: ignore[misc]  # bound as it is now


def _delete(problems: Iterable[Problem]) -> int:
    gone = list(problems)
    Problem.objects.filter(pk__in=[problem.pk for problem in gone]).delete()
    for problem in gone:
        if problem.has_photo:
            photos.unlink(FOLDER, problem.code, SIZES)
    return len(gone)


def _check(kind: str, said: str) -> None:
    if kind not in Kind:
        raise Invalid(fields={"kind": [_("Choose what is wrong.")]})
    if len(said) > LONGEST_TEXT or "\0" in said:
        raise Invalid(fields={"text": [_("Write at most %(most)s characters.") % {"most": LONGEST_TEXT}]})
    if kind == Kind.OTHER and not said:
        raise Invalid(fields={"text": [_("Write a few words.")]})


def _known(user: User, visit: Visit, kind: str) -> Problem | None:
    return of_visit(user, visit).filter(reporter=user, kind=kind).first()


def _made(user: User, visit: Visit, kind: str, said: str) -> Problem:
    connector = Connector.objects.select_related("charge_point__owner").get(pk=visit.connector_id)
    problem = Problem(kind=kind, text=said, charge_point=connector.charge_point, connector=connector, reporter=user)
    if isinstance(visit, ChargingSession):
        problem.session = visit
        problem.evidence = evidence.of(visit)
    else:
        problem.reservation = visit
        problem.evidence = evidence.of_booking(visit)
    problem.is_borne_out = _is_borne_out(kind, visit, connector)
    return problem


def _is_borne_out(kind: str, visit: Visit, connector: Connector) -> bool | None:
    """What the charger's own words say to it; None where they say nothing."""
    if kind == Kind.BROKEN:
        return True if connector.status in ("Faulted", "Unavailable") or connector.error_code not in ("", "NoError") else None
    if not isinstance(visit, ChargingSession):
        return None
    if visit.status == ChargingSession.Status.INVALID:
        return True if Progress(visit).obstacle in (Obstacle.OFFLINE, Obstacle.REFUSED) else None
    if kind == Kind.NO_POWER:
        return visit.energy_wh < NOTHING_WH
    if kind == Kind.STOPPED and visit.has_ended:
        return visit.is_estimated or visit.stop_reason in BROKE_OFF
    return None


def _tell_owner(problem: Problem) -> None:
    owner, place = problem.charge_point.owner, problem.charge_point
    with override(owner.language):
        reason = _("A guest reports of connector %(number)s: %(kind)s.") % {
            "number": problem.connector.number,
            "kind": problem.get_kind_display(),
        }
    url = reverse("stations:owner_problems", args=[place.code])
    notifications.notify(owner, Notification.Kind.CHARGER_ALERT, url=url, place=place.name, reason=reason)


def _tell_reporter(problem: Problem, said: str) -> None:
    visit = problem.session or problem.reservation
    if visit is None:
        return
    with override(problem.reporter.language):
        text = said or _("What you reported is put right: %(kind)s.") % {"kind": problem.get_kind_display()}
    try:
        threads.write(user=problem.charge_point.owner, visit=visit, text=text)
    except DomainError as refusal:  # long over, or an account was closed meanwhile
        logger.info("the answer to problem %s was not sent on: %s", problem.code, refusal.message)


def _let_go_of_cable(problem: Problem, now: datetime) -> None:
    """Ask the box to unlock, where the cable can only be hers: her visit was the last there, and nobody charges."""
    session = problem.session
    if problem.kind != Kind.CABLE or session is None or not session.has_ended or not problem.charge_point.is_online:
        return
    last = ChargingSession.objects.filter(connector=problem.connector_id).exclude(status=ChargingSession.Status.INVALID).first()
    if last is not None and last.pk == session.pk and now < _over_at(session, now) + CABLE_IS_HERS:
        commands.unlock(problem.connector, source=Command.Source.SESSION, asked_by=problem.reporter, session=session)


def _disputable(problem: Problem) -> ChargeDetailRecord | None:
    visit = problem.session or problem.reservation
    if problem.kind not in REASONS or problem.dispute_id is not None or visit is None or visit.cdr is None:
        return None
    return visit.cdr if visit.cdr.total_minor > 0 else None


def _over_at(visit: Visit, now: datetime) -> datetime:
    if isinstance(visit, Reservation):
        return visit.ends_at
    return (visit.stop_received_at or visit.stopped_at or visit.created_at) if visit.has_ended else now
