"""Something is wrong at a charger: said by who was there, put right by who owns it."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import F
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.pages import explained, who
from accounts.paging import Paginator
from chargeshare.errors import NotFound
from stations import photos, problems
from stations.api.permissions import own_charge_point
from stations.forms import ProblemForm
from stations.models import ChargingSession, Problem
from stations.progress import Progress
from stations.views import reservations, sessions
from stations.views.owner_charge_point import saved
from stations.views.reservations import said_in_one

ON_ONE_PAGE = 20


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@explained
def problem_of_visit(request: HttpRequest, code: UUID, of: str) -> HttpResponseBase:
    """What she has reported of this visit and how it stands, and one tap for more."""
    user, now = who(request), timezone.now()
    visit = reservations.find(user, code) if of == "reservation" else sessions.find(user, code)
    if visit.driver_id != user.pk:
        raise NotFound
    form = ProblemForm(request.POST, request.FILES) if request.method == "POST" else ProblemForm()
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        if saved(form, lambda: problems.report(user=user, visit=visit, kind=said["kind"], text=said["text"], photo=said["photo"])):
            messages.success(request, _("Thank you. The host knows, and what the charger said is kept beside it."))
            return redirect(request.path)
    context = {
        "visit": visit,
        "form": form,
        "reported": problems.of_visit(user, visit),
        "may_report": problems.may_report(user, visit, now=now),
        "progress": Progress(visit) if isinstance(visit, ChargingSession) else None,
        "gave_nothing": isinstance(visit, ChargingSession) and visit.energy_wh < problems.NOTHING_WH,
    }
    return render(request, "stations/problem_of_visit.html", context, status=400 if form.errors else 200)


@never_cache
@login_required
@require_safe
@explained
def problem_list(request: HttpRequest, code: str) -> HttpResponseBase:
    """What guests reported of one charger: what is open first, the oldest first among it."""
    charge_point = own_charge_point(request, code, retired=True)
    found = Problem.objects.filter(charge_point=charge_point).select_related("connector", "reporter", "session", "reservation", "dispute")
    page = Paginator(found.order_by(F("mended_at").desc(nulls_first=True), "pk"), ON_ONE_PAGE).get_page(request.GET.get("page"))
    context = {"charge_point": charge_point, "page": page, "tab": "problems", "longest": problems.LONGEST_TEXT}
    return render(request, "stations/owner/problem_list.html", context)


@login_required
@require_POST
@explained
def problem_mended(request: HttpRequest, code: UUID) -> HttpResponseBase:
    """It is put right."""
    problem = find(request, code)
    said_in_one(lambda: problems.mend(user=who(request), problem=problem, answer=request.POST.get("text", "")))
    messages.success(request, _("Put right. Your guest reads it among the messages."))
    return redirect("stations:owner_problems", problem.charge_point.code)


@login_required
@require_safe
@explained
def problem_photo(request: HttpRequest, code: UUID) -> HttpResponseBase:
    """What she saw, for herself, the owner and staff."""
    problem = find(request, code)
    try:
        content = photos.place(problems.FOLDER, problem.code, "large").read_bytes() if problem.has_photo else None
    except FileNotFoundError:  # a folder that was not brought back with the database
        content = None
    if content is None:
        raise NotFound
    answer = HttpResponse(content, content_type="image/webp")
    answer["Cache-Control"] = "private, no-store"
    answer["Content-Security-Policy"] = "default-src 'none'"
    return answer


def find(request: HttpRequest, code: UUID) -> Problem:
    """A problem this person may see."""
    found = Problem.objects.visible_to(who(request)).select_related(
        "charge_point__owner", "connector", "reporter", "session", "reservation"
    )
    problem = found.filter(code=code).first()
    if problem is None:
        raise NotFound
    return problem
