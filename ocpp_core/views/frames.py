"""The frames of a charger: each request beside its answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts.pages import explained
from ocpp_core import spoken
from ocpp_core.models import OcppFrame
from stations.api.permissions import own_charge_point
from stations.models import ChargePoint
from stations.models.command import without_cards
from stations.templatetags.commands import pretty

FRAMES_ON_A_PAGE = 40
LONGEST_SEARCH = 60
ACTIONS_FROM = 2000  # what a charger says at all, it said lately; nobody waits for a look at a month
ANSWER_WINDOW = timedelta(minutes=10)
CALL, RESULT, ERROR = OcppFrame.Type.CALL, OcppFrame.Type.RESULT, OcppFrame.Type.ERROR


@dataclass(frozen=True)
class Exchange:
    """A request and its answer, as one line of the log."""

    frame: OcppFrame
    answer: OcppFrame | None

    @property
    def said(self) -> Any:
        """The payload of the request; of a stray error, its details."""
        return without_cards(spoken.read(self.frame).payload)

    @property
    def gist(self) -> str:
        """What of it one reads at a glance; of a request of ours, the word of the answer where it says more."""
        word = self.word
        return word if word and word != "Accepted" else spoken.gist(self.frame.action, self.said)

    @property
    def answered(self) -> spoken.Spoken | None:
        """What came back."""
        return spoken.read(self.answer) if self.answer else None

    @property
    def heard(self) -> str:
        """The answer for eyes: an error's code and words, or the payload."""
        answered = self.answered
        if answered is None:
            return "—"
        payload = pretty(without_cards(answered.payload))
        return payload if answered.error_code is None else f"{answered.error_code}: {answered.error_description}\n{payload}"

    @property
    def is_refused(self) -> bool:
        """Whether the answer is an error, or says no."""
        if self.answer is None:
            return self.frame.type == ERROR
        if self.answer.type == ERROR:
            return True
        return self.word in ("Rejected", "NotSupported", "UnlockFailed", "NotImplemented", "Invalid", "Blocked", "Expired", "ConcurrentTx")

    @property
    def is_unanswered(self) -> bool:
        """Whether nothing came back in the time there is for it."""
        patience = timedelta(seconds=settings.OCPP_CALL_TIMEOUT_S)
        return self.answer is None and self.frame.type == CALL and self.frame.at < timezone.now() - patience

    @property
    def word(self) -> str:
        """The one word of the answer that matters: its status, or the code of an error."""
        answered = self.answered
        if answered is None:
            return spoken.read(self.frame).error_code or ""
        if answered.error_code is not None:
            return answered.error_code
        payload = answered.payload if isinstance(answered.payload, dict) else {}
        status = payload.get("status")
        info = payload.get("idTagInfo")
        if status is None and isinstance(info, dict):
            status = info.get("status")
        return status if isinstance(status, str) else ""


@login_required
@explained
@require_GET
def frame_list(request: HttpRequest, code: str) -> HttpResponse:
    """Everything that went over the wire: each request beside its answer, newest first."""
    charge_point = own_charge_point(request, code)
    found = _asked_for(request, OcppFrame.objects.filter(charge_point=charge_point))
    before = request.GET.get("before", "")
    if before.isascii() and before.isdecimal() and len(before) < 19:
        found = found.filter(pk__lt=int(before))
    rows = list(found.order_by("-id")[: FRAMES_ON_A_PAGE + 1])
    page = rows[:FRAMES_ON_A_PAGE]
    known = OcppFrame.objects.filter(charge_point=charge_point, type=CALL).exclude(action="")
    context = {
        "charge_point": charge_point,
        "tab": "messages",
        "exchanges": _paired(charge_point, page),
        "older": page[-1].pk if len(rows) > FRAMES_ON_A_PAGE else None,
        "is_first_page": not before,
        "actions": sorted(set(known.order_by("-id").values_list("action", flat=True)[:ACTIONS_FROM])),
        "directions": OcppFrame.Direction.choices,
        "action": request.GET.get("action", ""),
        "direction": request.GET.get("direction", ""),
        "q": request.GET.get("q", "")[:LONGEST_SEARCH],
    }
    return render(request, "ocpp_core/frame_list.html", context)


def _asked_for(request: HttpRequest, found: QuerySet[OcppFrame]) -> QuerySet[OcppFrame]:
    """Requests, and errors that answer none that could be read."""
    found = found.filter(Q(type=CALL) | Q(type=ERROR, action=""))
    direction, action, text = (request.GET.get(name, "")[:LONGEST_SEARCH].replace("\0", "") for name in ("direction", "action", "q"))
    if direction in OcppFrame.Direction.values:
        found = found.filter(direction=direction)
    if action:
        found = found.filter(action=action)
    return found.filter(raw__icontains=text) if text else found


def _paired(charge_point: ChargePoint, frames: Sequence[OcppFrame]) -> list[Exchange]:
    """Each request with the first answer to its id that came back afterwards; ids are used again after a restart."""
    calls = [frame for frame in frames if frame.type == CALL]
    answers: dict[tuple[str, str], list[OcppFrame]] = {}
    if calls:
        window = (calls[-1].at - ANSWER_WINDOW, calls[0].at + ANSWER_WINDOW)
        ids = {frame.message_id for frame in calls}
        found = OcppFrame.objects.filter(charge_point=charge_point, type__in=[RESULT, ERROR], message_id__in=ids, at__range=window)
        for answer in found.order_by("id"):
            answers.setdefault((answer.message_id, answer.direction), []).append(answer)
    return [Exchange(frame, _first_after(frame, answers) if frame.type == CALL else None) for frame in frames]


def _first_after(frame: OcppFrame, answers: dict[tuple[str, str], list[OcppFrame]]) -> OcppFrame | None:
    from_charger = OcppFrame.Direction.FROM_CHARGER
    back = OcppFrame.Direction.TO_CHARGER if frame.direction == from_charger else from_charger
    return next((answer for answer in answers.get((frame.message_id, back), []) if answer.at >= frame.at), None)
