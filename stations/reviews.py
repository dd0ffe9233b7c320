"""Reviews: each side of a real visit says its word without having read the other's; what both said is then open to all."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import Avg, Count, Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import notifications
from accounts.models import Notification, User
from billing import ledger, pricing
from chargeshare.errors import DomainError, Invalid, NotFound
from stations.models import ChargePoint, ChargingSession, Review, ReviewReport

Side = Review.Side
TO_WRITE = timedelta(days=14)
LONGEST_TEXT = 2000
LONGEST_REASON = 500


class NotReviewable(DomainError):
    """There was no such visit, or it was too long ago."""

    code = "not_reviewable"
    message = gettext_lazy("You can review a visit that gave energy and was paid, for 14 days after it ended.")


class AlreadyReviewed(DomainError):
    """One word a visit."""

    code = "already_reviewed"
    message = gettext_lazy("You have reviewed this visit already.")


class AlreadyReplied(DomainError):
    """One answer a review."""

    code = "already_replied"
    message = gettext_lazy("You have answered this review already.")


@dataclass(frozen=True)
class Rating:
    """What the open reviews of a place come to."""

    average: float
    count: int


def side_of(user: User, session: ChargingSession) -> Side:
    """On which side of a visit she was; to everybody else it does not exist. At one's own charger there are no two sides."""
    if session.driver_id == session.owner_id or user.pk not in (session.driver_id, session.owner_id):
        raise NotFound
    return Side.DRIVER if session.driver_id == user.pk else Side.OWNER


def is_reviewable(session: ChargingSession, now: datetime) -> bool:
    """Whether it was a real visit between two people, settled, and not too long ago."""
    return (
        session.status == ChargingSession.Status.COMPLETED
        and session.cdr_id is not None
        and session.energy_wh >= pricing.FREE_BELOW_WH
        and session.driver_id not in (None, session.owner_id)
        and now < ends_at(session)
    )


def waiting_for_host(sessions: Iterable[ChargingSession], now: datetime) -> set[int]:
    """Of which of these visits the host may still say how the guest was, and has not; one question for all."""
    open_ones = {session.pk for session in sessions if is_reviewable(session, now)}
    return open_ones - set(Review.objects.filter(session__in=open_ones, side=Side.OWNER).values_list("session_id", flat=True))


def ends_at(session: ChargingSession) -> datetime:
    """Until when both sides may write."""
    return (session.stop_received_at or session.stopped_at or session.created_at) + TO_WRITE


@ledger.retried
@transaction.atomic
def write(*, user: User, session: ChargingSession, rating: int, text: str = "", tags: Sequence[str] = ()) -> Review:
    """Say one's word. The same twice is one review; the second side's word opens both."""
    now, side = timezone.now(), side_of(user, session)
    ChargingSession.objects.select_for_update().values_list("pk").get(pk=session.pk)
    session = ChargingSession.objects.select_related("charge_point", "driver", "owner").get(pk=session.pk)
    words, chosen = text.replace("\0", "").strip(), list(dict.fromkeys(tags))
    _check(side, rating, words, chosen)
    said = {"rating": rating, "text": words, "tags": chosen}
    known = {review.side: review for review in Review.objects.filter(session=session)}
    mine = known.get(side)
    if mine is not None:
        if any(getattr(mine, name) != value for name, value in said.items()):
            raise AlreadyReviewed
        return mine
    if not is_reviewable(session, now):
        raise NotReviewable
    other = session.owner if side == Side.DRIVER else session.driver
    if other is None:
        raise NotReviewable
    is_open = len(known) == 1
    review = Review.objects.create(
        session=session,
        charge_point=session.charge_point,
        side=side,
        author=user,
        about=other,
        opens_at=now if is_open else ends_at(session),
        **said,
    )
    if is_open:
        Review.objects.filter(session=session).update(opens_at=now)
    guest = user.short_name if side == Side.DRIVER else ""
    notifications.notify(
        other,
        Notification.Kind.REVIEW_WRITTEN,
        url=review.get_absolute_url(),
        place=session.charge_point.name,
        guest=guest,
        is_open=is_open,
    )
    return review


@transaction.atomic
def reply(*, user: User, review: Review, text: str) -> Review:
    """The host's one answer to what a driver wrote about her place."""
    Review.objects.select_for_update().values_list("pk").get(pk=review.pk)
    review = Review.objects.select_related("charge_point", "author", "session").get(pk=review.pk)
    if review.side != Side.DRIVER or review.about_id != user.pk or not _is_shown(review):
        raise NotFound
    said = _words(text, "text", LONGEST_TEXT)
    if review.reply:
        if review.reply != said:
            raise AlreadyReplied
        return review
    review.reply, review.replied_at = said, timezone.now()
    review.save(update_fields=["reply", "replied_at"])
    notifications.notify(
        review.author,
        Notification.Kind.REVIEW_ANSWERED,
        url=review.get_absolute_url(),
        place=review.charge_point.name,
        host=user.short_name,
    )
    return review


def report(*, user: User, review: Review, reason: str) -> ReviewReport:
    """Tell staff that it should not stand there. Once a person."""
    if not _is_shown(review) or review.author_id == user.pk:
        raise NotFound
    said = _words(reason, "reason", LONGEST_REASON)
    return ReviewReport.objects.get_or_create(review=review, reporter=user, defaults={"reason": said})[0]


def hide(*, user: User, chosen: Iterable[Review]) -> int:
    """Staff take reviews out of everybody's sight; their reports are done with."""
    now, keys = timezone.now(), [review.pk for review in chosen]
    ReviewReport.objects.filter(review__in=keys, resolved_at=None).update(resolved_at=now)
    return Review.objects.filter(pk__in=keys, hidden_at=None).update(hidden_at=now, hidden_by=user)


def show(*, chosen: Iterable[Review]) -> int:
    """Staff let them stand after all."""
    keys = [review.pk for review in chosen]
    ReviewReport.objects.filter(review__in=keys, resolved_at=None).update(resolved_at=timezone.now())
    return Review.objects.filter(pk__in=keys).exclude(hidden_at=None).update(hidden_at=None, hidden_by=None)


def of_place(charge_point: ChargePoint) -> QuerySet[Review]:
    """What everybody may read of a place, newest first."""
    return Review.objects.of_places().filter(charge_point=charge_point).shown(timezone.now()).select_related("author")


def readable(viewer: object) -> QuerySet[Review]:
    """What somebody may read: open reviews of places she may know of, and both sides of her own visits."""
    now = timezone.now()
    seen = ChargePoint.objects.visible_to(viewer).alive().order_by().values("pk")
    public = Q(pk__in=Review.objects.of_places().shown(now).filter(charge_point__in=seen).order_by().values("pk"))
    if isinstance(viewer, User):
        public |= Q(pk__in=Review.objects.readable_by(viewer, now).order_by().values("pk"))
    return Review.objects.filter(public)


def of_visit(user: User, session: ChargingSession) -> dict[Side, Review]:
    """What she may read of one visit, by side."""
    readable = Review.objects.readable_by(user, timezone.now()).filter(session=session).select_related("author", "session")
    return {Side(review.side): review for review in readable}


def look_up(charge_points: Iterable[ChargePoint]) -> None:
    """Let each of them know its `rating`, None where nobody has said a word: one query for all."""
    places = list(charge_points)
    shown = Review.objects.of_places().shown(timezone.now()).filter(charge_point__in=[place.pk for place in places])
    rows = shown.order_by().values("charge_point").annotate(average=Avg("rating"), count=Count("pk"))
    found = {row["charge_point"]: Rating(float(row["average"]), row["count"]) for row in rows}
    for place in places:
        place.__dict__["rating"] = found.get(place.pk)


def rating_of(charge_point: ChargePoint) -> Rating | None:
    """The rating of one place; looked up beforehand in a list."""
    if "rating" not in charge_point.__dict__:
        look_up([charge_point])
    found: Rating | None = charge_point.__dict__["rating"]
    return found


def are_from(least: Decimal) -> Q:
    """Places that those who reviewed them give so many stars in the mean; of which nobody has said a word is none of them."""
    shown = Review.objects.of_places().shown(timezone.now()).filter(charge_point=OuterRef("pk"))
    means = shown.order_by().values("charge_point").annotate(average=Avg("rating")).filter(average__gte=least)
    return Q(Exists(means.values("charge_point")))


def rating_of_guest(user: User) -> Rating | None:
    """What hosts think of a driver, for a host who has her as a guest."""
    about = Review.objects.filter(side=Side.OWNER, about=user).shown(timezone.now())
    found = about.aggregate(average=Avg("rating"), count=Count("pk"))
    return Rating(float(found["average"]), found["count"]) if found["count"] else None


def forget(user: User) -> None:
    """With her account goes what was said of her as a guest, and her own words; the stars she gave stay, without her name."""
    ReviewReport.objects.filter(reporter=user).delete()
    Review.objects.filter(side=Side.OWNER, about=user).delete()
    Review.objects.filter(author=user).update(text="")
    Review.objects.filter(side=Side.DRIVER, about=user).update(reply="", replied_at=None)


def _is_shown(review: Review) -> bool:
    return review.hidden_at is None and review.opens_at <= timezone.now()


def _check(side: Side, rating: int, text: str, tags: list[str]) -> None:
    if not 1 <= rating <= 5:
        raise Invalid(fields={"rating": [_("Give one to five stars.")]})
    if len(text) > LONGEST_TEXT:
        raise Invalid(fields={"text": [_("Write at most %(most)s characters.") % {"most": LONGEST_TEXT}]})
    if not set(tags) <= set(Review.TAGS[side]):
        raise Invalid(fields={"tags": [_("Choose among the words that are offered.")]})


def _words(text: str, field: str, most: int) -> str:
    said = text.replace("\0", "").strip()
    if not said:
        raise Invalid(fields={field: [_("Write a few words.")]})
    if len(said) > most:
        raise Invalid(fields={field: [_("Write at most %(most)s characters.") % {"most": most}]})
    return said
