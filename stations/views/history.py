"""What I have charged, to take away."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.pages import explained, who
from billing import spreadsheets
from stations import history


@login_required
@require_safe
@explained
def session_export(request: HttpRequest, ending: str) -> HttpResponseBase:
    """My sessions as CSV, XLSX or JSON; the filters are those of the page."""
    sessions = history.to_take_away(who(request), history.Wanted.read(request.GET.dict()))
    headers = {
        "Content-Disposition": f'attachment; filename="chargeshare-sessions-{timezone.localdate():%Y-%m-%d}.{ending}"',
        "Cache-Control": "private, no-store",
    }
    match ending:
        case "json":
            return JsonResponse({"sessions": history.records(sessions)}, headers=headers)
        case "csv":
            content, kind = spreadsheets.csv_bytes(history.rows(sessions)), spreadsheets.CSV_TYPE
        case _:
            content, kind = spreadsheets.xlsx_bytes({_("Sessions"): history.rows(sessions)}), spreadsheets.XLSX_TYPE
    return HttpResponse(content, content_type=kind, headers=headers)
