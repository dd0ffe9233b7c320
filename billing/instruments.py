"""Ways to pay at the gateway, as our shop there has them switched on: asked about by the hour, never while somebody waits.

What is not known is not shown: the payer then chooses on the gateway's own page, where everything is anyway.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.core.cache import cache
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from billing.gateway import GatewayError, get_gateway

logger = logging.getLogger(__name__)

KEPT_FOR = timedelta(days=1)  # a gateway that is silent for a few hours takes no way to pay off the page


@dataclass(frozen=True)
class Instrument:
    """One way to pay, by the gateways' word for it."""

    code: str
    label: str | Promise
    icon: str


KNOWN = (
    Instrument("PAYMENT_CARD", _("Card"), "credit-card"),
    Instrument("APPLE_PAY", "Apple Pay", "smartphone"),
    Instrument("GPAY", "Google Pay", "smartphone"),
    Instrument("BANK_ACCOUNT", _("Bank transfer or QR payment"), "landmark"),
)


def enabled() -> list[Instrument]:
    """Those the shop has, in our order; none as long as nobody has asked. It reads what is kept and asks nobody."""
    codes = cache.get(_key(), ())
    return [one for one in KNOWN if one.code in codes]


def chosen(code: str) -> str:
    """What may be passed on of what somebody picked; one the shop has not is left to the gateway's own page."""
    return code if code in {one.code for one in enabled()} else ""


def ask(*, now: datetime) -> int:  # noqa: ARG001 - a periodic job's signature
    """Ask the gateway which ways to pay the shop has; how many are now known."""
    try:
        codes = get_gateway().fetch_instruments(settings.CURRENCY)
    except GatewayError as error:
        logger.warning("the gateway did not say which ways to pay there are: %s", error)
        return 0
    cache.set(_key(), codes, KEPT_FOR.total_seconds())
    return len(enabled())


def _key() -> str:
    return f"payment-instruments:{settings.PAYMENT_GATEWAY}:{settings.CURRENCY}"
