"""An owner's price lists."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.pages import explained, who
from billing import tariffs
from billing.forms import TariffForm
from chargeshare.errors import DomainError, Invalid


@login_required
@require_GET
def tariff_list(request: HttpRequest) -> HttpResponseBase:
    """An owner's price lists."""
    return render(request, "billing/tariff_list.html", {"tariffs": tariffs.of(who(request)), "currency": settings.CURRENCY})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def tariff_edit(request: HttpRequest, tariff_id: int | None = None) -> HttpResponseBase:
    """A new tariff, or other prices for one: sessions that run keep the old ones."""
    tariff = get_object_or_404(tariffs.of(who(request)), pk=tariff_id) if tariff_id is not None else None
    form = TariffForm(request.POST or None, tariff=tariff)
    if request.method == "POST" and form.is_valid():
        try:
            saved = tariffs.edit(tariff, form.values()) if tariff else tariffs.create(who(request), form.values())
        except Invalid as refusal:
            form.refuse(refusal)
        except DomainError as refusal:
            form.add_error(None, str(refusal.message))
        else:
            if form.cleaned_data.get("valid_from") and saved.scheduled is not None:
                said = _("Tariff %(name)s is saved. New sessions get these prices from the date on.")
            else:
                said = _("Tariff %(name)s is saved. New sessions get these prices.")
            messages.success(request, said % {"name": saved.name})
            return redirect("billing:tariff_list")
    return render(request, "billing/tariff_edit.html", {"form": form, "tariff": tariff}, status=400 if form.is_bound else 200)


@login_required
@require_POST
@explained
def tariff_delete(request: HttpRequest, tariff_id: int) -> HttpResponseBase:
    """Put a tariff away."""
    tariff = get_object_or_404(tariffs.of(who(request)), pk=tariff_id)
    tariffs.delete(tariff)
    messages.success(request, _("Tariff %(name)s is deleted. Receipts keep the prices they were made with.") % {"name": tariff.name})
    return redirect("billing:tariff_list")
