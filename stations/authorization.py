"""May this person charge here, now? One gate for card, app and QR code."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from accounts import counting, id_tokens, notifications
from accounts.models import IdToken, Notification, User
from billing import ledger
from billing.ledger import Wallet
from billing.pricing import Prices
from chargeshare.errors import DomainError
from chargeshare.sentences import Question
from stations import booking_rules, circles, pairing, slots
from stations.models import ChargePoint, ChargingSession, Connector, Reservation
from stations.models.charge_point import guest_of

ACCEPTED, BLOCKED, EXPIRED, INVALID, CONCURRENT = "Accepted", "Blocked", "Expired", "Invalid", "ConcurrentTx"
ONE_TIME_TAG_LENGTH = 14
UNKNOWN_CARDS_A_MINUTE = 10
SAY_AGAIN_AFTER = timedelta(minutes=5)
READY = frozenset({"Available", "Preparing", "Finishing"})
_Open = (ChargingSession.Status.PENDING, ChargingSession.Status.ACTIVE)


class NotAdmitted(DomainError):
    """The charger is not open to this person."""

    code = "not_admitted"
    message = _("This charger is not open to you.")


class NoPrice(DomainError):
    """Its owner has not said what it costs."""

    code = "no_price"
    message = _("This connector has no price yet.")


class TooManySessions(DomainError):
    """As many sessions at once as one wallet may pay for."""

    code = "too_many_sessions"
    message = _("You are charging at as many chargers as one wallet or card allows.")


class ChargerOffline(DomainError):
    """Nobody is there to hear us."""

    code = "charger_offline"
    message = _("The charger is not connected. Try again in a minute or choose another one.")


class ConnectorBusy(DomainError):
    """Somebody charges there, or the charger says that nobody can."""

    code = "connector_busy"
    message = _("Someone was faster: the connector is taken.")


class ChargerClosed(DomainError):
    """Outside of the hours its owner has set."""

    code = "charger_closed"
    message = _("The charger is closed at this time.")


class ConnectorBooked(ConnectorBusy):
    """Somebody else has booked it for now."""

    message = _("Somebody has booked this connector for now.")


@dataclass(frozen=True)
class Verdict:
    """What a charger is told about an idTag, and what we know beside it."""

    status: str
    driver: User | None = None
    id_token: IdToken | None = None
    parent_tag: str = ""
    is_owner: bool = False
    session: ChargingSession | None = None
    reason: str | Promise = ""

    @property
    def is_accepted(self) -> bool:
        """Whether energy may flow."""
        return self.status == ACCEPTED


def authorize(
    charge_point: ChargePoint, id_tag: str, *, for_start: bool = False, connector: Connector | None = None, tell: bool = True
) -> Verdict:
    """Whether whoever presents this idTag may charge, or stop. She is told why not, if we know her."""
    verdict = judge(identify(charge_point, id_tag), charge_point, connector, for_start=for_start)
    if tell and not verdict.is_accepted and verdict.driver is not None:
        tell_why(verdict, charge_point)
    return verdict


def identify(charge_point: ChargePoint, id_tag: str) -> Verdict:
    """Whose idTag this is, and whether the tag itself is good. An unknown card may become somebody's right now."""
    key = id_tokens.key(id_tag)
    if not key:
        # A box that charges by itself, for its owner: nobody else is ever asked to pay for it.
        return _known(charge_point.owner, charge_point) if charge_point.starts_without_card else Verdict(INVALID)
    session = _session_of_tag(charge_point, key)
    if session is not None and session.driver is not None:
        return _known(session.driver, charge_point, session=session, parent_tag=session.driver.group_tag)
    token = _card(charge_point, id_tag, key)
    if token is None:
        holder = slots.holder(charge_point, key)
        return Verdict(INVALID) if holder is None else _known(holder, charge_point, parent_tag=holder.group_tag)
    verdict = _known(token.user, charge_point, id_token=token, parent_tag=token.parent_uid or token.user.group_tag)
    if token.is_blocked:
        return replace(verdict, status=BLOCKED, reason=_("The card is blocked."))
    if token.has_expired:
        return replace(verdict, status=EXPIRED, reason=_("The card is past its date."))
    return verdict


def judge(
    who: Verdict,
    charge_point: ChargePoint,
    connector: Connector | None,
    *,
    for_start: bool = False,
    bookings: Sequence[Reservation] | None = None,
    at: datetime | None = None,
    purse: Wallet | None = None,
) -> Verdict:
    """Whether this person may charge at this charger now. Who charges here already may always present a card: to stop.

    `bookings` are those whose time it is `at` the moment that counts, `purse` is what she has, where somebody has looked already.
    """
    if not who.is_accepted or who.driver is None or who.session is not None or who.is_owner:
        return who
    if not for_start and _charges_at(who.driver, charge_point):
        return who
    at = at or timezone.now()
    bookings = slots.near(charge_point, at) if bookings is None else bookings
    if not for_start and slots.is_starting(bookings, who.driver):
        return who
    try:
        admit(who.driver, charge_point)
        if slots.in_the_way(bookings, who.driver, connector, at) is not None:
            raise ConnectorBooked
        _check_open(who.driver, charge_point, bookings, at)
        _may_begin(who, charge_point, connector, for_start=for_start, purse=purse)
    except TooManySessions as refusal:
        return replace(who, status=CONCURRENT, reason=refusal.message)
    except DomainError as refusal:
        return replace(who, status=BLOCKED, reason=refusal.message)
    return who


def admit(driver: User, charge_point: ChargePoint) -> None:
    """Whether a person who is not its owner may use the charger at all."""
    is_open = charge_point.is_published and charge_point.retired_at is None and charge_point.owner.is_active
    if not is_open or charge_point.is_paused or not driver.is_active:
        raise NotAdmitted
    if charge_point.access == ChargePoint.Access.PRIVATE and not ChargePoint.objects.filter(guest_of(driver), pk=charge_point.pk).exists():
        raise NotAdmitted


def check_driver(driver: User, connector: Connector, *, now: datetime | None = None) -> None:
    """The same gate for the app and the QR code, which also needs a charger that listens and an outlet that is free."""
    charge_point, now = connector.charge_point, now or timezone.now()
    who = _known(driver, charge_point)
    if not driver.is_active:
        raise NotAdmitted
    if not who.is_owner:
        admit(driver, charge_point)
    if not charge_point.is_online:
        raise ChargerOffline
    bookings = slots.near(charge_point, now)
    if not who.is_owner and slots.in_the_way(bookings, driver, connector, now) is not None:
        raise ConnectorBooked
    if not who.is_owner:
        _check_open(driver, charge_point, bookings, now)
    is_kept_for_her = connector.status == "Reserved" and slots.hers(bookings, driver, connector) is not None
    if not (connector.status in READY or is_kept_for_her) or _is_taken(connector, now):
        raise ConnectorBusy
    if not who.is_owner:
        _may_begin(who, charge_point, connector, for_start=True)


def check_booking(driver: User, connector: Connector) -> None:
    """The same gate as charging for who books ahead, as far as it can be known before."""
    charge_point = connector.charge_point
    if not driver.is_active or charge_point.retired_at is not None:
        raise NotAdmitted
    if charge_point.owner_id == driver.pk:
        return
    admit(driver, charge_point)
    if not prices(connector, driver).is_free:
        ledger.require(ledger.wallet(driver), 0)


def prices(connector: Connector, driver: User) -> Prices:
    """What a session of this driver that starts now would cost."""
    tariff = circles.tariff_for(connector, driver)
    if tariff is None or tariff.current is None:
        raise NoPrice
    tariff.current.tariff = tariff  # which is at hand, and not asked for again
    return Prices.of(tariff.current)


def tell_why(verdict: Verdict, charge_point: ChargePoint) -> None:
    """Tell the holder of a card why the charger refused it; not over and over while she stands there and tries."""
    if verdict.driver is None or not verdict.reason:
        return
    with override(verdict.driver.language):
        reason = str(verdict.reason)
    lately = Notification.objects.filter(
        user=verdict.driver, kind=Notification.Kind.SESSION_FAILED, created_at__gt=timezone.now() - SAY_AGAIN_AFTER
    )
    if not lately.filter(context__place=charge_point.name, context__reason=reason).exists():
        notifications.notify(
            verdict.driver,
            Notification.Kind.SESSION_FAILED,
            url=charge_point.get_absolute_url(),
            place=charge_point.name,
            reason=reason,
        )


def _check_open(driver: User, charge_point: ChargePoint, bookings: Sequence[Reservation], at: datetime) -> None:
    """Hours and closures keep everybody out but the owner and whose booking runs; a start told late counts by when it was."""
    if charge_point.is_closed and not any(one.driver_id == driver.pk for one in bookings) and not booking_rules.is_open(charge_point, at):
        raise ChargerClosed


_outlets = Question(
    lambda charge_point_id: Connector.objects.filter(charge_point_id=charge_point_id).select_related("tariff__current", "tariff")
)
_paid_by = Question(
    lambda driver_id: ChargingSession.objects.filter(driver_id=driver_id, hold__isnull=False, status__in=_Open).values_list(
        "connector_id", "status"
    )
)


def _may_begin(
    who: Verdict, charge_point: ChargePoint, connector: Connector | None, *, for_start: bool, purse: Wallet | None = None
) -> None:
    driver = who.driver
    if driver is None:
        return
    if for_start and who.id_token is not None and who.id_token.max_sessions is not None:
        by_card = _others(ChargingSession.objects.filter(id_token=who.id_token), connector)
        if by_card >= who.id_token.max_sessions:
            raise TooManySessions
    if connector is not None:
        is_free = prices(connector, driver).is_free
    else:
        outlets = _outlets.all(charge_point.pk)
        circles.look_up(outlets, driver)
        is_free = any(prices(outlet, driver).is_free for outlet in outlets if circles.shown_tariff(outlet) is not None)
    if is_free:
        return
    if for_start:
        ended = (connector.pk if connector is not None else None, ChargingSession.Status.ACTIVE)
        if sum(one != ended for one in _paid_by.all(driver.pk)) >= settings.OPEN_SESSIONS_PER_WALLET:
            raise TooManySessions
    ledger.require(purse or ledger.wallet(driver), settings.MINIMUM_HOLD_MINOR)


def _others(sessions: QuerySet[ChargingSession], connector: Connector | None) -> int:
    """How many are open, not counting what this outlet's next start would end."""
    sessions = sessions.filter(status__in=_Open)
    if connector is not None:
        sessions = sessions.exclude(connector=connector, status=ChargingSession.Status.ACTIVE)
    return sessions.count()


def _known(
    driver: User,
    charge_point: ChargePoint,
    *,
    id_token: IdToken | None = None,
    parent_tag: str = "",
    session: ChargingSession | None = None,
) -> Verdict:
    is_owner = driver.pk == charge_point.owner_id
    if not driver.is_active:
        return Verdict(BLOCKED, driver, id_token, is_owner=is_owner)
    return Verdict(ACCEPTED, driver, id_token, parent_tag=parent_tag, is_owner=is_owner, session=session)


def _session_of_tag(charge_point: ChargePoint, key: str) -> ChargingSession | None:
    """The session whose one-time tag this is, in lower case, with separators or with a suffix as well."""
    if len(key) < ONE_TIME_TAG_LENGTH:
        return None
    issued = ChargingSession.objects.select_related("driver", "charge_point", "connector").filter(
        charge_point=charge_point, id_tag=key[:ONE_TIME_TAG_LENGTH], id_token=None, expires_at__isnull=False
    )
    return issued.filter(status__in=_Open).order_by("pk").first()


def _card(charge_point: ChargePoint, id_tag: str, key: str) -> IdToken | None:
    """The card with this number. A charger that asks for many unknown ones is guessing: it is told nothing for a minute.

    Only a card that is charging there is known even then, for stopping never waits.
    """
    counter = f"unknown-cards:{charge_point.pk}:{timezone.now():%Y%m%d%H%M}"
    if counting.so_far(counter) >= UNKNOWN_CARDS_A_MINUTE and not _is_charging(charge_point, key):
        return None
    token = id_tokens.find(id_tag)
    if token is None and not _was_one_time(charge_point, key):
        token = pairing.tap(charge_point, id_tag)
    if token is None:
        counting.add_one(counter, keep_s=120)
    return token


def _is_charging(charge_point: ChargePoint, key: str) -> bool:
    """Whether a session under way here began by this card."""
    active = ChargingSession.objects.filter(charge_point=charge_point, status=ChargingSession.Status.ACTIVE)
    return active.filter(id_token__uid_key=key).exists()


def _was_one_time(charge_point: ChargePoint, key: str) -> bool:
    """Whether it is a tag that we gave, for a start or for a booking: nobody's card, though it comes too late."""
    if len(key) < ONE_TIME_TAG_LENGTH:
        return False
    issued = ChargingSession.objects.filter(charge_point=charge_point, id_tag=key[:ONE_TIME_TAG_LENGTH], expires_at__isnull=False)
    return issued.exists() or slots.was_given(charge_point, key)


_hers_here = Question(
    lambda driver_id, charge_point_id: ChargingSession.objects.filter(
        driver_id=driver_id, charge_point_id=charge_point_id, status=ChargingSession.Status.ACTIVE
    ).values_list("pk", flat=True)[:1]
)


def _charges_at(driver: User, charge_point: ChargePoint) -> bool:
    return _hers_here.first(driver.pk, charge_point.pk) is not None


def _is_taken(connector: Connector, now: datetime) -> bool:
    at_outlet = ChargingSession.objects.filter(connector=connector)
    if at_outlet.filter(status=ChargingSession.Status.ACTIVE).exists():
        return True
    return at_outlet.filter(status=ChargingSession.Status.PENDING, expires_at__gt=now).exists()
