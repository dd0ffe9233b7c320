"""Reviews: say how a visit was, read what others say of a place, answer as its host."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.pages import came_from, explained, who
from accounts.paging import Paginator
from chargeshare.errors import NotFound
from stations import reviews
from stations.api.permissions import seen_charge_point
from stations.forms import ReviewForm
from stations.models import Review
from stations.views.owner_charge_point import saved
from stations.views.reservations import said_in_one
from stations.views.sessions import find

ON_ONE_PAGE = 20


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@explained
def review(request: HttpRequest, code: UUID) -> HttpResponseBase:
    """Both sides of one visit: what I wrote, what the other wrote once I may read it, and the form before I have written."""
    user, session = who(request), find(who(request), code)
    side, written = reviews.side_of(user, session), reviews.of_visit(user, session)
    form = ReviewForm(request.POST if request.method == "POST" else None, side=side)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        if saved(form, lambda: reviews.write(user=user, session=session, **said)):
            messages.success(request, _("Thank you, your review is saved."))
            return redirect("stations:review", session.code)
    other = Review.Side.OWNER if side == Review.Side.DRIVER else Review.Side.DRIVER
    guest = session.driver if side == Review.Side.OWNER else None
    context = {
        "session": session,
        "form": form,
        "is_driver": side == Review.Side.DRIVER,
        "mine": written.get(side),
        "theirs": written.get(other),
        "can_write": side not in written and reviews.is_reviewable(session, timezone.now()),
        "until": reviews.ends_at(session),
        "guest_rating": reviews.rating_of_guest(guest) if guest else None,
    }
    return render(request, "stations/review.html", context, status=400 if form.errors else 200)


@require_safe
@explained
def review_list(request: HttpRequest, code: str) -> HttpResponse:
    """All that was said of a place."""
    charge_point = seen_charge_point(request, code)
    context = {
        "charge_point": charge_point,
        "page": Paginator(reviews.of_place(charge_point), ON_ONE_PAGE).get_page(request.GET.get("page")),
        "rating": reviews.rating_of(charge_point),
        "is_host": charge_point.owner_id == request.user.pk,
    }
    return render(request, "stations/review_list.html", context)


@login_required
@require_POST
@explained
def review_answer(request: HttpRequest, code: UUID, deed: str) -> HttpResponseBase:
    """The host's reply, or a report to staff."""
    user = who(request)
    found = reviews.readable(user).filter(code=code).select_related("session", "charge_point").first()
    if found is None:
        raise NotFound
    words = request.POST.get("text", "")
    if deed == "reply":
        said_in_one(lambda: reviews.reply(user=user, review=found, text=words))
        messages.success(request, _("Your answer stands below the review."))
    else:
        said_in_one(lambda: reviews.report(user=user, review=found, reason=words))
        messages.success(request, _("Thank you. Staff will look at it."))
    return redirect(came_from(request, reverse("stations:reviews", args=[found.charge_point.code])))
