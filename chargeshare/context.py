"""What the bars of every page show: where one is, what the wallet holds, whether something charges."""

from functools import cached_property
from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from accounts import offline
from accounts.models import User
from billing import ledger
from billing.ledger import Wallet

SECTIONS = {
    "map": "map",
    "charge_point_detail": "map",
    "connector_qr": "map",
    "session_list": "sessions",
    "sticker": "map",
    "session_problem": "sessions",
    "reservation_problem": "reservations",
    "threads": "sessions",
    "session_detail": "sessions",
    "session_stop": "sessions",
    "driver_statistics": "sessions",
    "book": "map",
    "reviews": "map",
    "review": "sessions",
    "session_messages": "sessions",
    "reservation_messages": "reservations",
    "reservation_list": "reservations",
    "reservation_detail": "reservations",
    **dict.fromkeys(("reservation_cancel", "reservation_change", "waitlist_place"), "reservations"),
    **dict.fromkeys(("favourites", "filter_profiles", "filter_profile_new", "areas", "area", "area_new", "my_circles"), "account"),
    "pair_card": "account",
    "pair_card_wait": "account",
    "tariff_list": "owner",
    "tariff_new": "owner",
    "tariff_edit": "owner",
    **dict.fromkeys(("payouts", "bank_account", "bank_account_confirm", "earnings", "monthly_statement", "taxes", "seller_data"), "owner"),
}
SECTION_OF_NAMESPACE = {"billing": "wallet", "accounts": "account", "stations": "owner", "ocpp_core": "owner"}


class Bar:
    """What a person's bar says; each figure is asked of the database only where a page shows it."""

    def __init__(self, user: User) -> None:
        self._user = user

    @cached_property
    def wallet(self) -> Wallet:
        """The money she can spend."""
        return ledger.wallet(self._user)

    @cached_property
    def unread(self) -> int:
        """How much news waits."""
        return self._user.notifications.filter(read_at=None).count()

    @cached_property
    def is_charging(self) -> bool:
        """Whether a session of hers is open."""
        return self._user.sessions.filter(status__in=["PENDING", "ACTIVE"]).exists()

    @property
    def initials(self) -> str:
        """Two letters for the round picture nobody uploaded."""
        words = (self._user.name or self._user.email).split()
        return "".join(word[0] for word in [words[0], *words[-1:][: len(words) - 1]]).upper()


def bar(request: HttpRequest) -> dict[str, Any]:
    """`section` is the item of the bars that is current; `bar` is what they show about the person.

    `is_kept` is the edition for the pocket, `whose` the word for the person on her phone.
    """
    match = request.resolver_match
    section = ""
    if match is not None:
        section = SECTIONS.get(match.url_name or "", SECTION_OF_NAMESPACE.get(match.namespace, ""))
        if not match.namespace and (match.url_name or "").startswith(("account_", "mfa_", "usersessions_")):
            section = "account"
    user = request.user if hasattr(request, "user") else None
    said: dict[str, Any] = {"section": section, "bar": SimpleLazyObject(lambda: Bar(user)) if isinstance(user, User) else None}
    said["whose"] = offline.owner(user)
    if offline.is_edition(request):
        said |= {"is_kept": True, "csrf_token": "none"}  # what lies on a phone lets nobody do anything
    return said
