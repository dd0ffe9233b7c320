"""Photos of a charger: the files for whoever may see them, and the owner's page of them."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.pages import explained
from chargeshare.errors import NotFound
from stations import arrival, photos
from stations.api.permissions import is_managed_by, own_charge_point
from stations.forms import PhotoForm
from stations.models import ChargePoint, Photo
from stations.views.owner_charge_point import saved
from stations.views.reservations import said_in_one

WEEK_S = 7 * 24 * 3600


@require_safe
@explained
def photo(request: HttpRequest, code: UUID, size: str) -> HttpResponseBase:
    """One file. A code never shows another picture, so it may be kept; what is for guests is nobody else's to keep."""
    found = Photo.objects.select_related("charge_point__owner").filter(code=code).first()
    if found is None or size not in Photo.SIZES:
        raise NotFound
    charge_point = found.charge_point
    if not ChargePoint.objects.visible_to(request.user).alive().filter(pk=charge_point.pk).exists():
        raise NotFound
    if found.is_for_guests and not arrival.may_read(charge_point, request.user, timezone.now()):
        raise NotFound
    is_everybodys = charge_point.is_published and charge_point.access == ChargePoint.Access.PUBLIC and not found.is_for_guests
    try:
        content = photos.path(found, size).read_bytes()
    except FileNotFoundError as error:  # a folder that was not brought back with the database
        raise NotFound from error
    answer = HttpResponse(content, content_type="image/webp")
    answer["Cache-Control"] = f"public, max-age={WEEK_S}" if is_everybodys else "private, no-store"
    answer["Content-Security-Policy"] = "default-src 'none'"
    return answer


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@explained
def photo_list(request: HttpRequest, code: str) -> HttpResponseBase:
    """What stands at the charger, in its order, and one more."""
    charge_point = own_charge_point(request, code)
    form = PhotoForm(request.POST, request.FILES) if request.method == "POST" else PhotoForm()
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        if saved(form, lambda: photos.add(charge_point, said["photo"], caption=said["caption"], is_for_guests=said["is_for_guests"])):
            messages.success(request, _("The photo is there."))
            return redirect("stations:owner_photos", code)
    context = {"charge_point": charge_point, "photos": charge_point.photos.all(), "form": form, "most": photos.MOST, "tab": "photos"}
    return render(request, "stations/owner/photo_list.html", context, status=400 if form.errors else 200)


@login_required
@require_POST
@explained
def photo_change(request: HttpRequest, code: UUID) -> HttpResponseBase:
    """Another caption, another place among the others, or away with it."""
    found = Photo.objects.select_related("charge_point").filter(code=code).first()
    if found is None or found.charge_point.is_retired or not is_managed_by(found.charge_point, request.user):
        raise NotFound
    deed = request.POST.get("deed", "")
    order = list(Photo.objects.filter(charge_point=found.charge_point_id).values_list("pk", flat=True))
    if deed == "remove":
        photos.remove(found)
        messages.success(request, _("The photo is gone."))
    elif deed in ("earlier", "later"):
        photos.move(found, to=order.index(found.pk) + (1 if deed == "later" else -1))
    else:
        said = request.POST
        said_in_one(lambda: photos.edit(found, caption=said.get("caption", ""), is_for_guests="is_for_guests" in said))
        messages.success(request, _("Saved."))
    return redirect("stations:owner_photos", found.charge_point.code)
