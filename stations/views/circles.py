"""Circles: an owner's household, friends and groups; and on the other side the circles somebody is in."""

from collections.abc import Callable

import segno
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.pages import explained, who
from chargeshare.errors import Invalid, NotFound
from stations import circles
from stations.forms import GroupForm, InvitationForm
from stations.models import Circle
from stations.views.owner_charge_point import saved


@login_required
@explained
@require_http_methods(["GET", "HEAD", "POST"])
def circle_list(request: HttpRequest) -> HttpResponseBase:
    """The owner's circles, and a new group."""
    form = GroupForm(request.POST if request.method == "POST" else None)
    made: list[Circle] = []
    if request.method == "POST" and form.is_valid() and saved(form, lambda: made.append(_create(request, form))):
        return redirect(made[0])
    return render(request, "stations/owner/circle_list.html", {"circles": circles.all_of(who(request)), "form": form, "side": "circles"})


@never_cache
@login_required
@explained
@require_safe
def circle(request: HttpRequest, pk: int) -> HttpResponseBase:
    """One circle: who is in it, how others come in, where it has a price of its own."""
    one = _own(request, pk)
    address = settings.PUBLIC_URL + reverse("stations:circle_join", args=[one.link]) if one.link else ""
    qr = segno.make(address, micro=False, error="m") if address else None
    context = {
        "circle": one,
        "members": one.members.select_related("user"),
        "prices": one.prices.select_related("connector__charge_point", "tariff").order_by(
            "connector__charge_point__name", "connector__number"
        ),
        "address": address,
        "qr": qr.svg_inline(scale=4, border=0, omitsize=True, svgclass="qr", lineclass=None) if qr is not None else "",
        "form": InvitationForm(),
        "group_form": GroupForm(initial={"name": one.name}),
        "side": "circles",
    }
    return render(request, "stations/owner/circle.html", context)


@login_required
@explained
@require_POST
def circle_change(request: HttpRequest, pk: int) -> HttpResponse:
    """What its owner does to it: invite, remove, a new link or none, another name, no circle any more."""
    one = _own(request, pk)
    deed = DEEDS.get(request.POST.get("deed", ""))
    if deed is None:
        raise NotFound
    try:
        deed(request, one)
    except Invalid as refusal:
        sentences = [sentence for of_field in refusal.fields.values() for sentence in of_field]
        raise Invalid(" ".join(sentences) or refusal.message) from refusal
    return redirect("stations:circles") if one.pk is None else redirect(one)


@login_required
@explained
@require_safe
def my_circles(request: HttpRequest) -> HttpResponseBase:
    """The circles of others that somebody is in, or is asked into."""
    return render(request, "stations/my_circles.html", {"memberships": circles.memberships(who(request)), "tab": ""})


@login_required
@explained
@require_POST
def circle_answer(request: HttpRequest, pk: int) -> HttpResponse:
    """Accept an invitation, turn it down, or leave."""
    if request.POST.get("deed") == "accept":
        circles.accept(who(request), pk)
        messages.success(request, _("You are in. Your prices hold from now on."))
    else:
        circles.leave(who(request), pk)
        messages.success(request, _("You are no longer in this circle."))
    return redirect("stations:my_circles")


@never_cache
@login_required
@explained
@require_http_methods(["GET", "HEAD", "POST"])
def circle_join(request: HttpRequest, link: str) -> HttpResponseBase:
    """What the link or the QR code of a circle leads to: whose it is, and one button."""
    one = circles.find_by_link(link)
    if request.method == "POST":
        circles.join(link, who(request))
        messages.success(request, _("You are in. Your prices hold from now on."))
        return redirect("stations:my_circles")
    is_in = circles.memberships(who(request)).filter(circle=one).exclude(joined_at=None).exists()
    return render(request, "stations/circle_join.html", {"circle": one, "is_in": is_in, "is_own": one.owner_id == who(request).pk})


def _create(request: HttpRequest, form: GroupForm) -> Circle:
    return circles.create_group(who(request), form.cleaned_data["name"])


def _invite(request: HttpRequest, one: Circle) -> None:
    form = InvitationForm(request.POST)
    if not form.is_valid():
        raise Invalid(_("This is no e-mail address."))
    circles.invite(one, form.cleaned_data["email"])
    messages.success(request, _("Invited. The prices hold once the invitation is accepted."))


def _remove(request: HttpRequest, one: Circle) -> None:
    member = request.POST.get("member", "")
    circles.remove(one, int(member) if member.isascii() and member.isdecimal() and len(member) < 18 else 0)


def _rename(request: HttpRequest, one: Circle) -> None:
    circles.rename(one, request.POST.get("name", ""))
    messages.success(request, _("Saved."))


DEEDS: dict[str, Callable[[HttpRequest, Circle], object]] = {
    "invite": _invite,
    "remove": _remove,
    "rename": _rename,
    "renew": lambda _request, one: circles.renew_link(one),
    "close": lambda _request, one: circles.close_link(one),
    "delete": lambda _request, one: circles.delete(one),
}


def _own(request: HttpRequest, pk: int) -> Circle:
    one = circles.of(who(request)).filter(pk=pk).first()
    if one is None:
        raise NotFound
    return one
