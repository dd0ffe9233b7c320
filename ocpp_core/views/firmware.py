"""Firmware and diagnostics of one charger: what was asked, how far it has got, and the files that came."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from accounts.models import User
from accounts.pages import explained
from chargeshare.errors import NotFound
from ocpp_core import diagnostics
from ocpp_core.attachments import as_attachment
from ocpp_core.models import DiagnosticsUpload, FirmwareUpdate
from ocpp_core.models.firmware import Progress
from stations.api.permissions import own_charge_point

UPDATES_SHOWN = 10
UPLOADS_SHOWN = 30
PERIODS = {"day": timedelta(days=1), "week": timedelta(days=7), "all": None}
LARGEST_ID = 2**63 - 1
MIB = 1024 * 1024
Update = FirmwareUpdate.Status


class Look(NamedTuple):
    """How a progress is shown."""

    colour: str
    icon: str


LOOKS = {
    Progress.WAITING: Look("amber", "hourglass"),
    Progress.RUNNING: Look("amber", "loader-circle"),
    Progress.DONE: Look("green", "circle-check"),
    Progress.FAILED: Look("red", "circle-x"),
    Progress.REFUSED: Look("red", "ban"),
    Progress.SUPERSEDED: Look("grey", "ban"),
    Progress.LOST: Look("grey", "circle-question-mark"),
    Progress.NOTHING: Look("grey", "minus"),
}
# The way of an update that goes well; a step that some boxes leave out is passed with the next.
WAY = (Update.DOWNLOADING, Update.DOWNLOADED, Update.INSTALLING, Update.INSTALLED)
_REACHED = {
    Update.DOWNLOADING: 1,
    Update.DOWNLOAD_PAUSED: 1,
    Update.DOWNLOADED: 2,
    Update.SIGNATURE_VERIFIED: 2,
    Update.INSTALL_SCHEDULED: 2,
    Update.INSTALLING: 3,
    Update.INSTALL_REBOOTING: 3,
    Update.INSTALLED: 4,
    Update.BOOTED: 4,
}
_FAILED_AT = {
    Update.DOWNLOAD_FAILED: 0,
    Update.INVALID_SIGNATURE: 1,
    Update.INSTALL_VERIFICATION_FAILED: 2,
    Update.INSTALLATION_FAILED: 2,
}


@dataclass(frozen=True)
class Step:
    """One step of the way: `kind` is done, now, next or failed."""

    word: str | Promise
    kind: str
    at: datetime | None


@dataclass(frozen=True)
class Said:
    """One word of the charger in words of people, when, and how often."""

    word: str | Promise
    at: datetime
    times: int


@dataclass(frozen=True)
class Shown:
    """An update or an upload as the page shows it."""

    row: FirmwareUpdate | DiagnosticsUpload
    look: Look
    said: list[Said]
    way: list[Step]

    @property
    def progress(self) -> str:
        """Its word for the template to ask about."""
        return self.row.progress.value

    @property
    def is_open(self) -> bool:
        """Whether more is to be expected."""
        return self.row.progress in (Progress.WAITING, Progress.RUNNING)


@login_required
@explained
@require_GET
def firmware(request: HttpRequest, code: str) -> HttpResponse:
    """What firmware the box has, how updates of it go, and what it has logged."""
    charge_point = own_charge_point(request, code)
    updates = FirmwareUpdate.objects.filter(charge_point=charge_point)[:UPDATES_SHOWN]
    uploads = DiagnosticsUpload.objects.filter(charge_point=charge_point).select_related("command")[:UPLOADS_SHOWN]
    context = {
        "charge_point": charge_point,
        "tab": "firmware",
        "updates": [Shown(one, LOOKS[one.progress], _said(one, Update), _way(one)) for one in updates],
        "uploads": [Shown(one, LOOKS[one.progress], _said(one, DiagnosticsUpload.Status), []) for one in uploads],
        "knows_log": diagnostics.knows_log(charge_point),
        "most_mib": settings.DIAGNOSTICS_MAX_BYTES // MIB,
        "kept_days": diagnostics.KEPT.days,
        "valid_hours": diagnostics.VALID_FOR // timedelta(hours=1),
    }
    return render(request, "ocpp_core/firmware.html", context)


@login_required
@explained
@require_POST
def diagnostics_ask(request: HttpRequest, code: str) -> HttpResponse:
    """The button: ask the box for its log, to be uploaded here."""
    charge_point = own_charge_point(request, code)
    kind, period = request.POST.get("type", ""), request.POST.get("period", "")
    if kind not in DiagnosticsUpload.Type.values or period not in PERIODS:
        raise NotFound
    if kind == DiagnosticsUpload.Type.DIAGNOSTICS_LOG and not diagnostics.knows_log(charge_point):
        kind = DiagnosticsUpload.Type.DIAGNOSTICS
    length = PERIODS[period]
    asked_by = request.user if isinstance(request.user, User) else None
    diagnostics.ask(charge_point, kind, since=None if length is None else timezone.now() - length, asked_by=asked_by)
    messages.success(request, _("The charger was asked. Its file will appear here."))
    return redirect("ocpp_core:firmware", code)


@login_required
@explained
@require_GET
def diagnostics_download(request: HttpRequest, code: str, pk: int) -> StreamingHttpResponse:
    """The file of one upload, to be saved."""
    charge_point = own_charge_point(request, code)
    upload = DiagnosticsUpload.objects.filter(charge_point=charge_point, pk=pk).first() if pk <= LARGEST_ID else None
    if upload is None:
        raise NotFound
    return as_attachment(upload)


def _said(row: FirmwareUpdate | DiagnosticsUpload, words: type[FirmwareUpdate.Status] | type[DiagnosticsUpload.Status]) -> list[Said]:
    labels = dict(words.choices)
    return [Said(labels.get(step["status"], step["status"]), step["at"], step["times"]) for step in row.steps]


def _way(update: FirmwareUpdate) -> list[Step]:
    """The four steps, each with the time at which the box said so; a word nobody knows moves nothing."""
    times = {step["status"]: step["at"] for step in update.steps}
    if Update.BOOTED in times:
        times.setdefault(Update.INSTALLED, times[Update.BOOTED])
    reached = max((_REACHED.get(Update(word), 0) for word in times if word in Update.values), default=0)
    failed_at = None
    if update.progress == Progress.FAILED:
        failed_at = _FAILED_AT[Update(update.status)]
    is_open = update.progress in (Progress.WAITING, Progress.RUNNING)
    steps = []
    for number, word in enumerate(WAY):
        # Downloading and installing go on until the next word; the two others are said when they are over.
        goes_on = is_open and number == reached - 1 and word in (Update.DOWNLOADING, Update.INSTALLING)
        if failed_at == number:
            steps.append(Step(Update(update.status).label, "failed", times.get(update.status)))
            continue
        kind = "now" if goes_on else "done" if number < reached else "next"
        if failed_at is not None and number > failed_at:
            kind = "next"
        steps.append(Step(word.label, kind, times.get(word)))
    return steps
