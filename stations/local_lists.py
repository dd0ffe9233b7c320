"""Which cards may charge at a charge point while nobody can be asked: what a box that keeps cards should be given.

An offline start is judged by the box alone and paid afterwards, so far fewer cards come in here than would be let in
online: the owner's own, for they cost nothing, and at a private charge point those of the people she invited and of her
household and friends, as long as their credit would pay for a whole night. Groups never, for their links go round, nor
strangers: what they have today may be spent elsewhere tomorrow.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import Max, Q, QuerySet
from django.utils import timezone

from accounts import id_tokens
from accounts.models import IdToken, User
from billing import ledger, pricing
from billing.ledger import CreditTooLow
from billing.pricing import Prices
from stations import authorization, circles
from stations.authorization import NoPrice, NotAdmitted
from stations.models import ChargePoint, ChargingSession, Circle

LONGEST_TAG = 20
A_NIGHT_WH = 30_000  # what a guest's credit must cover, for nobody can stop her when it is gone


@dataclass(frozen=True)
class Card:
    """A card that may charge, spelled as this charger reads it."""

    id_tag: str
    expires_at: datetime | None
    parent_tag: str
    is_owners: bool


def cards(charge_point: ChargePoint, *, now: datetime | None = None) -> list[Card]:
    """The cards that may charge here unasked, the owner's first; where a box has no room for all, the last ones stay out."""
    now = now or timezone.now()
    owner = charge_point.owner
    if charge_point.is_retired or not owner.is_active:
        return []
    tokens = list(_good(owner, now))
    for guest in _guests(charge_point):
        tokens += [token for token in _good(guest, now).exclude(confirmed_at=None) if token.max_sessions != 0]
    spellings = _spellings(charge_point, tokens)
    return [
        Card(
            id_tag=spellings[token.uid_key],
            expires_at=token.expires_at,
            parent_tag=token.parent_uid or token.user.group_tag,
            is_owners=token.user_id == owner.pk,
        )
        for token in tokens
        if len(spellings[token.uid_key]) <= LONGEST_TAG
    ]


def own_labels(charge_point: ChargePoint, id_tags: Iterable[str]) -> dict[str, str]:
    """What the owner calls those of these cards that are hers; of the others she learns nothing here."""
    keys = {id_tokens.key(id_tag): id_tag for id_tag in id_tags}
    hers = IdToken.objects.filter(user_id=charge_point.owner_id, uid_key__in=keys)
    return {keys[token.uid_key]: str(token) for token in hers}


def _good(holder: User, now: datetime) -> QuerySet[IdToken]:
    """Cards of one person that are neither blocked nor past their date."""
    tokens = IdToken.objects.select_related("user").filter(user=holder, is_blocked=False)
    return tokens.exclude(expires_at__lte=now).order_by("pk")


def _guests(charge_point: ChargePoint) -> Iterable[User]:
    """Whom the owner knows and who could pay for a visit that nobody watches."""
    if charge_point.access != ChargePoint.Access.PRIVATE:
        return
    connectors = list(charge_point.connectors.select_related("tariff__current__tariff"))
    if not connectors:
        return
    known = Q(invitations__charge_point=charge_point) | Q(
        circle_memberships__joined_at__isnull=False,
        circle_memberships__circle__kind__in=[Circle.Kind.HOUSEHOLD, Circle.Kind.FRIENDS],
        circle_memberships__circle__prices__connector__in=connectors,
    )
    for guest in User.objects.filter(known).exclude(pk=charge_point.owner_id).distinct().order_by("pk"):
        circles.look_up(connectors, guest)
        try:
            authorization.admit(guest, charge_point)
            needed_minor = _needed_minor([authorization.prices(connector, guest) for connector in connectors])
            if needed_minor:
                ledger.require(ledger.wallet(guest), needed_minor)
        except (NotAdmitted, NoPrice, CreditTooLow):
            continue
        yield guest


def _needed_minor(prices: list[Prices]) -> int:
    """What a night costs at the dearest outlet; nothing where every outlet is free."""
    dear = [one for one in prices if not one.is_free]
    if not dear:
        return 0
    return max(settings.MINIMUM_HOLD_MINOR, *(pricing.expected_minor(one, energy_wh=A_NIGHT_WH) for one in dear))


def _spellings(charge_point: ChargePoint, tokens: Iterable[IdToken]) -> dict[str, str]:
    """How this charger's reader spells each card: as it last did here, else letters and digits alone."""
    keys = {token.pk: token.uid_key for token in tokens}
    spelled = {key: key for key in keys.values()}
    read_here = ChargingSession.objects.filter(charge_point=charge_point, id_token__in=keys).exclude(id_tag="")
    lately = read_here.values("id_token", "id_tag").annotate(last=Max("pk")).order_by("last")
    for token_id, id_tag in lately.values_list("id_token", "id_tag"):
        if token_id is not None and id_tokens.key(id_tag) == keys[token_id]:
            spelled[keys[token_id]] = id_tag
    return spelled
