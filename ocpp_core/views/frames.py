"""The frames of a charger: each request beside its answer, and all of them as a file."""

from datetime import datetime, timedelta

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from accounts.pages import explained
from ocpp_core import exchanges
from ocpp_core.exchanges import Wanted
from ocpp_core.json_lines import as_file
from ocpp_core.models import OcppFrame
from stations.api.permissions import own_charge_point

FRAMES_ON_A_PAGE = 40
SCANNED_AT_ONCE = 5000  # requests looked through for a page of those few that fit
LONGEST_SEARCH = 60
ACTIONS_FROM = 2000  # what a charger says at all, it said lately; nobody waits for a look at a month
ONLY = (("errors", _("refused or answered with an error")), ("unanswered", _("not answered")), ("deviations", _("off the standard")))


@login_required
@explained
@require_GET
def frame_list(request: HttpRequest, code: str) -> HttpResponse:
    """Everything that went over the wire: each request beside its answer, newest first."""
    charge_point = own_charge_point(request, code)
    wanted = wanted_by(request.GET)
    before = _number(request.GET.get("before", ""))
    page, older = exchanges.read(charge_point, wanted, before=before, most=FRAMES_ON_A_PAGE, scanned=SCANNED_AT_ONCE)
    known = OcppFrame.objects.filter(charge_point=charge_point, type=OcppFrame.Type.CALL).exclude(action="")
    context = {
        "charge_point": charge_point,
        "tab": "messages",
        "exchanges": page,
        "older": older,
        "is_first_page": before is None,
        "is_filtered": wanted != Wanted(),
        "actions": sorted({wanted.action} - {""} | set(known.order_by("-id").values_list("action", flat=True)[:ACTIONS_FROM])),
        "wanted": wanted,
        "only": ONLY,
        "since": request.GET.get("since", "")[:LONGEST_SEARCH] if wanted.since else "",
        "until": request.GET.get("until", "")[:LONGEST_SEARCH] if wanted.until else "",
    }
    return render(request, "ocpp_core/frame_list.html", context)


@login_required
@explained
@require_GET
def frame_export(request: HttpRequest, code: str) -> StreamingHttpResponse:
    """The same as a file of JSON lines, as many as there are."""
    charge_point = own_charge_point(request, code)
    return as_file(request, exchanges.export(charge_point, wanted_by(request.GET)), code)


def wanted_by(said: QueryDict) -> Wanted:
    """What the filter of the page says; what is nonsense in it filters nothing."""
    direction, action, text, only = (said.get(name, "")[:LONGEST_SEARCH].replace("\0", "") for name in ("direction", "action", "q", "only"))
    return Wanted(
        direction=direction if direction in OcppFrame.Direction.values else "",
        action=action,
        text=text,
        since=_moment(said.get("since", "")),
        until=_moment(said.get("until", ""), at_the_end=True),
        connector=_number(said.get("connector", "")),
        transaction=_number(said.get("transaction", "")),
        only=only if only in dict(ONLY) else "",
    )


def _moment(text: str, *, at_the_end: bool = False) -> datetime | None:
    """A time of the page's own zone, as the browser's field writes it; a minute or second that is meant to its end."""
    try:
        moment = parse_datetime(text.strip()[:LONGEST_SEARCH])
        if moment is None:
            return None
        whole = timedelta(0) if not at_the_end else timedelta(minutes=1) if text.count(":") == 1 else timedelta(seconds=1)
        aware = moment if timezone.is_aware(moment) else timezone.make_aware(moment)
        return aware + whole if 1970 <= aware.year <= 9000 else None
    except (ValueError, OverflowError):
        return None


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None
