"""Complaints about receipts: opened within fourteen days, answered within three, decided by staff, carried out by a credit note.

While one is open the owner's share of what it is about is not paid out; everything else of hers is.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, Sum
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import notifications
from accounts.models import Notification, User
from billing import ledger, money, settlement
from billing.models import ChargeDetailRecord, Dispute
from chargeshare.errors import DomainError, Invalid, NotFound

Side, Reason, Status = Dispute.Side, Dispute.Reason, Dispute.Status
OPEN = (Status.OPEN, Status.ANSWERED)
OPENED_WITHIN = timedelta(days=14)
ANSWERED_WITHIN = timedelta(hours=72)
LONGEST_TEXT = 2_000
BY_OWNER = (Reason.TOO_LITTLE, Reason.OTHER)
OF_FEES = (Reason.CAME, Reason.PRICE, Reason.NOT_ME, Reason.OTHER)


class TooLate(DomainError):
    """The receipt has stood unchallenged for too long."""

    code = "too_late"
    message = gettext_lazy("A receipt can be disputed within fourteen days.")


class AlreadyDisputed(DomainError):
    """One complaint about a receipt at a time, and one decision."""

    code = "already_disputed"
    status = 409
    message = gettext_lazy("There is a dispute about this receipt already.")


class NotOpen(DomainError):
    """It has moved on meanwhile."""

    code = "dispute_moved_on"
    status = 409
    message = gettext_lazy("This dispute has moved on meanwhile. Look at it again.")


def visible_to(user: User) -> QuerySet[Dispute]:
    """The disputes of the two sides of a receipt, and all of them to staff."""
    found = Dispute.objects.select_related("cdr__driver", "cdr__owner", "opened_by", "credit_note")
    return found if user.is_staff else found.filter(Q(cdr__driver=user) | Q(cdr__owner=user))


def concerning(user: User) -> QuerySet[Dispute]:
    """The disputes of a person's own receipts, on either side, the newest first."""
    return visible_to(user).filter(Q(cdr__driver=user) | Q(cdr__owner=user))


def reasons(side: str, *, of_fee: bool = False) -> list[Dispute.Reason]:
    """What each side may complain of; the driver of a session, or of what it cost not to come."""
    if side == Side.OWNER:
        return list(BY_OWNER)
    return list(OF_FEES) if of_fee else [reason for reason in Reason if reason not in (Reason.TOO_LITTLE, Reason.CAME)]


def may_open(user: User, cdr: ChargeDetailRecord, *, now: datetime | None = None) -> bool:
    """Whether this person may complain about this receipt now."""
    if _side(user, cdr) is None or cdr.corrects_id is not None or cdr.created_at < (now or timezone.now()) - OPENED_WITHIN:
        return False
    return not Dispute.objects.filter(cdr=cdr).exclude(status=Status.WITHDRAWN).exists()


@ledger.retried
@transaction.atomic
def open_dispute(
    user: User, cdr: ChargeDetailRecord, *, reason: str, text: str, amount_minor: int | None, evidence: Mapping[str, Any]
) -> Dispute:
    """Complain about a receipt; without an amount it is about the whole of it."""
    side = _side(user, cdr)
    if side is None or cdr.corrects_id is not None:
        raise NotFound
    now = timezone.now()
    if cdr.created_at < now - OPENED_WITHIN:
        raise TooLate
    spent_minor = settlement.spent_minor(cdr.session_code)
    _check(side, reason, text, amount_minor, spent_minor)
    if Dispute.objects.filter(cdr=cdr).exclude(status=Status.WITHDRAWN).exists():
        raise AlreadyDisputed
    disputed_minor = 0 if side == Side.OWNER else spent_minor if amount_minor is None else amount_minor
    try:
        with transaction.atomic():
            dispute: Dispute = Dispute.objects.create(
                cdr=cdr,
                opened_by=user,
                side=side,
                reason=reason,
                text=text.strip(),
                disputed_minor=disputed_minor,
                frozen_minor=settlement.owner_share_minor(cdr.session_code, disputed_minor),
                evidence=dict(evidence),
                created_at=now,
                reply_by=now + ANSWERED_WITHIN,
            )
    except IntegrityError as error:
        raise AlreadyDisputed from error
    _tell(_other(dispute), Notification.Kind.DISPUTE_OPENED, dispute, amount_minor=disputed_minor)
    return dispute


def reply(user: User, dispute: Dispute, text: str) -> None:
    """The other side answers, once; after that, or when its time is over, staff decide."""
    if user.pk != getattr(_other(dispute), "pk", None):
        raise NotFound
    if not 1 <= len(text.strip()) <= LONGEST_TEXT or "\0" in text:
        raise Invalid(fields={"text": [_("Write up to %(most)s characters.") % {"most": LONGEST_TEXT}]})
    answered = Dispute.objects.filter(pk=dispute.pk, status=Status.OPEN)
    if not answered.update(status=Status.ANSWERED, reply=text.strip(), replied_at=timezone.now()):
        raise NotOpen


def withdraw(user: User, dispute: Dispute) -> None:
    """Whoever opened it is content."""
    if user.pk != dispute.opened_by_id:
        raise NotFound
    if not Dispute.objects.filter(pk=dispute.pk, status__in=OPEN).update(status=Status.WITHDRAWN, decided_at=timezone.now()):
        raise NotOpen


def close_unanswered(*, now: datetime) -> int:
    """Who did not answer in time has nothing to add: it is staff's turn."""
    return Dispute.objects.filter(status=Status.OPEN, reply_by__lte=now).update(status=Status.ANSWERED)


@ledger.retried
@transaction.atomic
def decide(staff: User, dispute: Dispute, *, returned_minor: int, decision: str) -> Dispute:
    """Staff decide: so much goes back to the driver, nothing if the receipt stands. Both sides read why.

    Nobody decides a dispute of her own. What an owner is owed beyond the receipt is a correction of the session, made at
    the review desk; her dispute is then decided with nothing to return.
    """
    if not staff.is_staff or staff.pk in (dispute.cdr.driver_id, dispute.cdr.owner_id):
        raise NotFound
    spent_minor = settlement.spent_minor(dispute.cdr.session_code)
    problems = {}
    if not 0 <= returned_minor <= spent_minor:
        problems["returned"] = [_("Between nothing and %(most)s.") % {"most": money.fmt(spent_minor, dispute.cdr.currency)}]
    if not 1 <= len(decision.strip()) <= LONGEST_TEXT or "\0" in decision:
        problems["decision"] = [_("Write up to %(most)s characters.") % {"most": LONGEST_TEXT}]
    if problems:
        raise Invalid(fields=problems)
    note = settlement.credit(dispute.cdr, returned_minor) if returned_minor else None
    locked = Dispute.objects.select_for_update(of=("self",)).get(pk=dispute.pk)
    if locked.status not in OPEN:
        raise NotOpen
    locked.status, locked.decided_at, locked.decided_by = Status.DECIDED, timezone.now(), staff
    locked.returned_minor, locked.decision, locked.credit_note = returned_minor, decision.strip(), note
    locked.save(update_fields=["status", "decided_at", "decided_by", "returned_minor", "decision", "credit_note"])
    for person in {dispute.cdr.driver, dispute.cdr.owner} - {None}:
        _tell(person, Notification.Kind.DISPUTE_DECIDED, dispute, amount_minor=returned_minor)
    return locked


def frozen_minor(owner: User) -> int:
    """How much of an owner's earnings must wait for a decision."""
    hers = ChargeDetailRecord.objects.filter(pk=OuterRef("cdr"), owner_id=owner.pk, currency=settings.CURRENCY)
    found = Dispute.objects.filter(Exists(hers), status__in=OPEN)  # few are open, but she may have very many receipts
    return int(found.aggregate(sum=Sum("frozen_minor"))["sum"] or 0)


def _check(side: str, reason: str, text: str, amount_minor: int | None, spent_minor: int) -> None:
    problems = {}
    if reason not in (*reasons(side), *reasons(side, of_fee=True)):
        problems["reason"] = [_("Choose what is wrong.")]
    if len(text) > LONGEST_TEXT or "\0" in text or (reason == Reason.OTHER and not text.strip()):
        problems["text"] = [_("Write up to %(most)s characters.") % {"most": LONGEST_TEXT}]
    if side == Side.DRIVER and (spent_minor <= 0 or (amount_minor is not None and not 1 <= amount_minor <= spent_minor)):
        problems["amount"] = [_("At most what you paid: %(most)s.") % {"most": money.fmt(max(0, spent_minor), settings.CURRENCY)}]
    if problems:
        raise Invalid(fields=problems)


def _side(user: User, cdr: ChargeDetailRecord) -> str | None:
    if user.pk == cdr.driver_id and user.pk != cdr.owner_id:
        return Side.DRIVER
    return Side.OWNER if user.pk == cdr.owner_id and cdr.driver_id not in (None, user.pk) else None


def _other(dispute: Dispute) -> User | None:
    other: User | None = dispute.cdr.owner if dispute.side == Side.DRIVER else dispute.cdr.driver
    return other


def _tell(person: User | None, kind: str, dispute: Dispute, *, amount_minor: int) -> None:
    if person is not None:
        context = {"place": dispute.cdr.place_name, "amount_minor": amount_minor, "currency": dispute.cdr.currency}
        notifications.notify(person, kind, url=dispute.get_absolute_url(), **context)
