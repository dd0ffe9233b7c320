"""What of the site a phone may keep for the hours without a network, and for whom.

A view says so of its answer, here alone; the worker on the phone (`templates/chargeshare/sw.js`) obeys and knows no address by heart.
Of a page the phone keeps its edition for the pocket, which it fetches beside the one that is shown: without money in the bar, without
tokens in the forms, without what was said once. What it keeps belongs to the person whom the answer was for; as soon as an answer is
for somebody else, everything is thrown away.
"""

from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone

from accounts import codes
from accounts.models import User

R = TypeVar("R", bound=HttpResponseBase)

KEEP = "Offline-Keep"  # of an answer: for so many seconds
OWNER = "Offline-Owner"  # of an answer: whom it was for, in a word that says nothing to anybody else
EDITION = "Offline-Edition"  # of a request: the edition for the pocket
NOBODY = "nobody"
KEPT_FOR = timedelta(days=14)
LINGER = timedelta(minutes=15)  # as long as a guest may be late in leaving
MOVING = ("bbox", "near", "selected")  # where the map stands: the last answer is kept whatever it was


def keep(response: R, until: datetime | None = None) -> R:
    """Let the phone of whoever asked keep this answer: until then, and never longer than a fortnight."""
    seconds = KEPT_FOR.total_seconds()
    if until is not None:
        seconds = min(seconds, (until - timezone.now()).total_seconds())
    if response.status_code == 200 and seconds >= 1:
        response.headers[KEEP] = str(int(seconds))
    return response


def is_edition(request: HttpRequest) -> bool:
    """Whether this page goes into the pocket."""
    return request.headers.get(EDITION) == "1"


def owner(user: Any) -> str:
    """The word for a person."""
    return codes.word_for(user) if isinstance(user, User) else NOBODY
