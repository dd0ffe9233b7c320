"""The talk about a visit, for its driver and its host."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.pages import explained, who
from accounts.paging import Paginator
from chargeshare.errors import NotFound
from stations import threads
from stations.models import Message, Thread
from stations.views import reservations, sessions
from stations.views.reservations import said_in_one

ON_ONE_PAGE = 50
THREADS_ON_ONE_PAGE = 20


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@explained
def messages_of_visit(request: HttpRequest, code: UUID, of: str) -> HttpResponseBase:
    """What was said, the last page first; a field and the sentences that are said most often."""
    user = who(request)
    visit = reservations.find(user, code) if of == "reservation" else sessions.find(user, code)
    if request.method == "POST":
        said_in_one(lambda: threads.write(user=user, visit=visit, text=request.POST.get("text", "")))
        return redirect(request.path)
    thread = threads.find(user, visit)
    said = Message.objects.filter(thread=thread).select_related("author") if thread else Message.objects.none()
    if thread is not None:
        threads.mark_read(user, thread, said.last())
    pages = Paginator(said, ON_ONE_PAGE)
    driver, host = threads.sides(visit)
    context = {
        "visit": visit,
        "page": pages.get_page(request.GET.get("page") or pages.num_pages),
        "other": host if driver.pk == user.pk else driver,
        "sentences": threads.sentences(user, visit),
        "is_open": threads.is_open(visit, timezone.now()),
        "longest": threads.LONGEST_TEXT,
    }
    return render(request, "stations/messages_of_visit.html", context)


@never_cache
@login_required
@require_safe
@explained
def thread_list(request: HttpRequest) -> HttpResponseBase:
    """Whom I talk with, about which visit: what is new first."""
    user = who(request)
    page = Paginator(threads.of(user), THREADS_ON_ONE_PAGE).get_page(request.GET.get("page"))
    return render(request, "stations/thread_list.html", {"page": page})


@login_required
@require_POST
@explained
def message_report(request: HttpRequest, code: UUID) -> HttpResponseBase:
    """Tell staff of one message."""
    user = who(request)
    found = Message.objects.filter(code=code, thread__in=Thread.objects.of(user)).select_related("thread__reservation", "thread__session")
    message = found.first()
    if message is None:
        raise NotFound
    said_in_one(lambda: threads.report(user=user, message=message, reason=request.POST.get("text", "")))
    messages.success(request, _("Thank you. Staff will look at it."))
    return redirect(message.thread)
