"""Driver and host talk about a visit: in one thread, until thirty days after it, without e-mails or numbers of the other side."""

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Case, F, OuterRef, Q, QuerySet, Subquery, Value, When
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import notifications
from accounts.models import Notification, User
from chargeshare.errors import DomainError, Invalid, NotFound
from stations.models import ChargingSession, Message, Reservation, Thread

Visit = Reservation | ChargingSession
OPEN_AFTER = timedelta(days=30)
QUIET = timedelta(minutes=10)
SAME_CLICK = timedelta(seconds=10)
MOST_AN_HOUR = 60
LONGEST_TEXT = 1000
LONGEST_REPORT = 500
# What is said most often, with one press; kept in the words of who says it.
OF_DRIVERS = (
    gettext_lazy("I am on my way."),
    gettext_lazy("I arrive in 10 minutes."),
    gettext_lazy("I am here."),
    gettext_lazy("I cannot find the socket."),
    gettext_lazy("I will be a quarter of an hour late."),
    gettext_lazy("The space is blocked."),
    gettext_lazy("I am done, the space is free."),
)
OF_HOSTS = (
    gettext_lazy("Come whenever you like."),
    gettext_lazy("The gate is open."),
    gettext_lazy("I will be there in a quarter of an hour."),
    gettext_lazy("Please move the car, the next guest is coming."),
)


class ThreadClosed(DomainError):
    """It is long over."""

    code = "thread_closed"
    message = gettext_lazy("You can write to each other until 30 days after the visit.")


class TooManyMessages(DomainError):
    """More than a talk."""

    code = "too_many_messages"
    status = 429
    message = gettext_lazy("That is many messages for an hour. Wait a little.")


def about(visit: Visit) -> Visit:
    """What the thread belongs to: the booking, where the visit had one."""
    booking = Reservation.objects.filter(session=visit).first() if isinstance(visit, ChargingSession) else None
    return booking or visit


def sides(visit: Visit) -> tuple[User, User]:
    """Driver and host; at one's own charger, or of a card nobody knows, there is nobody to write to."""
    host = visit.owner if isinstance(visit, ChargingSession) else visit.charge_point.owner
    if visit.driver is None or visit.driver.pk == host.pk:
        raise NotFound
    return visit.driver, host


def find(user: User, visit: Visit) -> Thread | None:
    """The thread of a visit, where something was said already; to those who were not there it does not exist."""
    _must_be_there(user, visit)
    subject = about(visit)
    of_it = {"reservation": subject} if isinstance(subject, Reservation) else {"session": subject}
    return Thread.objects.select_related("reservation", "session", "driver", "owner", "charge_point").filter(**of_it).first()


def of(user: User) -> QuerySet[Thread]:
    """Her threads on either side, those with something new first; each with `is_unread` and the last thing that was said."""
    new_to_driver = Q(driver=user) & (Q(driver_read_at=None) | Q(driver_read_at__lt=F("last_at")))
    new_to_owner = Q(owner=user) & (Q(owner_read_at=None) | Q(owner_read_at__lt=F("last_at")))
    by_other = Q(last_by__isnull=False) & ~Q(last_by=user)
    last = Message.objects.filter(thread=OuterRef("pk"), hidden_at=None).order_by("-pk")
    found = Thread.objects.of(user).select_related("reservation", "session", "driver", "owner", "charge_point")
    annotated = found.annotate(
        is_unread=Case(When(by_other & (new_to_driver | new_to_owner), then=Value(value=True)), default=Value(value=False)),
        last_text=Subquery(last.values("text")[:1]),
    )
    return annotated.order_by("-is_unread", "-last_at", "-pk")


def mark_read(user: User, thread: Thread, last: Message | None) -> None:
    """She has seen what was said up to this message; what comes meanwhile stays new."""
    if last is None:
        return
    side = "driver_read_at" if thread.driver_id == user.pk else "owner_read_at"
    if getattr(thread, side) is None or getattr(thread, side) < last.created_at:
        Thread.objects.filter(pk=thread.pk).update(**{side: last.created_at})


def is_open(visit: Visit, now: datetime) -> bool:
    """Whether they may still write."""
    subject = about(visit)
    ended_at = subject.ends_at if isinstance(subject, Reservation) else (subject.stop_received_at or subject.stopped_at)
    if ended_at is None:
        return not isinstance(subject, ChargingSession) or not subject.has_ended or now < subject.created_at + OPEN_AFTER
    return now < ended_at + OPEN_AFTER


@transaction.atomic
def write(*, user: User, visit: Visit, text: str) -> Message:
    """Say something to the other side. The same words within seconds are a double click; a mail goes out once in ten quiet minutes."""
    now, said = timezone.now(), text.replace("\0", "").strip()
    driver, host = sides(visit)
    _must_be_there(user, visit)
    if not said:
        raise Invalid(fields={"text": [_("Write a few words.")]})
    if len(said) > LONGEST_TEXT:
        raise Invalid(fields={"text": [_("Write at most %(most)s characters.") % {"most": LONGEST_TEXT}]})
    if not is_open(visit, now):
        raise ThreadClosed
    thread = _begun(user, visit, driver, host)
    Thread.objects.select_for_update().values_list("pk").get(pk=thread.pk)
    mine = Message.objects.filter(thread=thread, author=user)
    last = mine.order_by("-pk").first()
    if last is not None and last.text == said and last.created_at > now - SAME_CLICK:
        return last
    if mine.filter(created_at__gt=now - timedelta(hours=1)).count() >= MOST_AN_HOUR:
        raise TooManyMessages
    message = Message.objects.create(thread=thread, author=user, text=said)
    read = {"driver_read_at": message.created_at} if user.pk == driver.pk else {"owner_read_at": message.created_at}
    Thread.objects.filter(pk=thread.pk).update(last_at=message.created_at, last_by=user, **read)
    if last is None or last.created_at <= now - QUIET:
        notifications.notify(
            host if user.pk == driver.pk else driver,
            Notification.Kind.MESSAGE_RECEIVED,
            url=thread.get_absolute_url(),
            place=thread.charge_point.name,
            sender=user.short_name,
        )
    return message


def report(*, user: User, message: Message, reason: str) -> None:
    """Tell staff of what the other side wrote. Twice is once."""
    if user.pk not in (message.thread.driver_id, message.thread.owner_id) or message.author_id == user.pk:
        raise NotFound
    said = reason.replace("\0", "").strip()
    if not said:
        raise Invalid(fields={"text": [_("Write a few words.")]})
    if len(said) > LONGEST_REPORT:
        raise Invalid(fields={"text": [_("Write at most %(most)s characters.") % {"most": LONGEST_REPORT}]})
    Message.objects.filter(pk=message.pk, reported_at=None).update(reported_at=timezone.now(), report=said)


def sentences(user: User, visit: Visit) -> list[str]:
    """What she may say with one press."""
    driver, _host = sides(visit)
    return [str(sentence) for sentence in (OF_DRIVERS if driver.pk == user.pk else OF_HOSTS)]


def forget(user: User) -> None:
    """Her words go with her account; that something was said stays until the thread goes."""
    Message.objects.filter(author=user).update(text="")


def _must_be_there(user: User, visit: Visit) -> None:
    if user.pk not in {person.pk for person in sides(visit)}:
        raise NotFound


def _begun(user: User, visit: Visit, driver: User, host: User) -> Thread:
    known = find(user, visit)
    if known is not None:
        return known
    subject = about(visit)
    thread = Thread(charge_point=subject.charge_point, driver=driver, owner=host)
    if isinstance(subject, Reservation):
        thread.reservation = subject
    else:
        thread.session = subject
    try:
        with transaction.atomic():
            thread.save(force_insert=True)
    except IntegrityError:  # both began at once
        known = find(user, visit)
        if known is None:
            raise
        return known
    return thread
