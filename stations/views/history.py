"""What I have charged: to take away, and what it came to."""

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.pages import explained, who
from billing import money, spreadsheets
from stations import history, totals
from stations.views.charts import BarChart, bar_chart


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


@login_required
@require_safe
def driver_statistics(request: HttpRequest) -> HttpResponseBase:
    """What a year of charging came to: money, energy, and carbon dioxide beside petrol, by month and by car."""
    user = who(request)
    said = request.GET.get("year", "")
    year = int(said) if said.isascii() and said.isdigit() and len(said) == 4 else timezone.localdate().year
    if not 2000 <= year <= timezone.localdate().year:
        raise Http404
    found = totals.of_year(user, year)
    context = {
        "found": found,
        "months": [(month, total) for month, total in reversed(found.by_month.items()) if total.sessions],
        "vehicles": sorted(found.by_vehicle.items(), key=lambda pair: -pair[1].cost_minor),
        "chart": _chart(found),
        "currency": settings.CURRENCY,
        "currency_sign": money.SYMBOLS.get(settings.CURRENCY, settings.CURRENCY),
        "years": totals.years(user),
        "grid_g": settings.GRID_CO2_G_PER_KWH,
        "petrol_g": settings.PETROL_CO2_G_PER_KM,
    }
    return render(request, "stations/driver_statistics.html", context)


def _chart(found: totals.Year) -> BarChart:
    """The months of the year as bars of money."""
    values = [total.cost_minor for total in found.by_month.values()]
    titles = [f"{date_format(month, 'F')}: {money.fmt(total.cost_minor, settings.CURRENCY)}" for month, total in found.by_month.items()]
    today = timezone.localdate()
    return bar_chart(
        values, titles, [date_format(month, "b") for month in found.by_month], now=today.month - 1 if today.year == found.year else None
    )
