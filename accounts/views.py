"""Pages about oneself: profile, cards, news, privacy. Signing up, logging in and second factors are allauth's pages in our clothes."""

from uuid import UUID

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import closing, id_tokens, vehicle_models, vehicles
from accounts.adapter import remember_language
from accounts.forms import CardEditForm, CardForm, CloseForm, ProfileForm, VehicleForm, VehicleModelForm
from accounts.models import IdToken, User, Vehicle
from accounts.pages import fresh_login_required
from accounts.paging import Paginator
from chargeshare.errors import DomainError, Invalid


class SignedInRequest(HttpRequest):
    """A request behind `login_required`."""

    user: User


@login_required
@require_http_methods(["GET", "POST"])
def profile(request: SignedInRequest) -> HttpResponse:
    """Name and language, and the way to everything else about the account."""
    form = ProfileForm(request.POST or None, instance=request.user)
    if request.method == "POST" and form.is_valid():
        user = form.save()
        with translation.override(user.language):
            messages.success(request, _("Your profile is saved."))
        response = redirect("accounts:profile")
        remember_language(response, user)
        return response
    request.user.refresh_from_db()
    return render(
        request,
        "accounts/profile.html",
        {
            "form": form,
            "email_confirmed": EmailAddress.objects.filter(user=request.user, email=request.user.email, verified=True).exists(),
            "has_second_factor": Authenticator.objects.filter(user=request.user, type=Authenticator.Type.TOTP).exists(),
            "browsers": UserSession.objects.filter(user=request.user).count(),
            "cards": request.user.id_tokens.count(),
            "vehicles": request.user.vehicles.count(),
        },
    )


@login_required
@fresh_login_required
@require_http_methods(["GET", "POST"])
def cards(request: SignedInRequest) -> HttpResponse:
    """My cards, and a form for one more."""
    form = CardForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            token = id_tokens.type_in(request.user, form.cleaned_data["uid"], label=form.cleaned_data["label"])
        except DomainError as refusal:
            form.add_error("uid", str(refusal.message))
        else:
            messages.success(request, _("The card %(card)s works from now on.") % {"card": token})
            return redirect("accounts:id_tokens")
    page = Paginator(
        request.user.id_tokens.annotate(was_used=Exists(IdToken.objects.filter(pk=OuterRef("pk"), sessions__isnull=False))), 50
    ).get_page(request.GET.get("page"))
    return render(request, "accounts/cards.html", {"form": form, "page": page})


@login_required
@require_http_methods(["GET", "POST"])
def card_edit(request: SignedInRequest, pk: int) -> HttpResponse:
    """Label, last day and limit of one card."""
    token = get_object_or_404(IdToken, user=request.user, pk=pk)
    form = CardEditForm(request.POST or None, instance=token)
    if request.method == "POST" and form.is_valid():
        id_tokens.edit(token, **form.cleaned_data)
        messages.success(request, _("The card is changed."))
        return redirect("accounts:id_tokens")
    return render(request, "accounts/card_edit.html", {"form": form, "token": get_object_or_404(IdToken, user=request.user, pk=pk)})


@login_required
@require_POST
def card_block(request: SignedInRequest, pk: int) -> HttpResponse:
    """Block a card, or let it charge again."""
    token = get_object_or_404(IdToken, user=request.user, pk=pk)
    id_tokens.block(token, blocked=not token.is_blocked)
    said = _("The card %(card)s is blocked.") if token.is_blocked else _("The card %(card)s works again.")
    messages.success(request, said % {"card": token})
    return redirect("accounts:id_tokens")


@login_required
@require_POST
def card_confirm(request: SignedInRequest, pk: int) -> HttpResponse:
    """The holder says that the first charging with a typed card was hers; from then on the card has no cap."""
    token = get_object_or_404(IdToken.objects.filter(sessions__isnull=False).distinct(), user=request.user, pk=pk)
    id_tokens.confirm(token)
    messages.success(request, _("The card %(card)s is confirmed.") % {"card": token})
    return redirect("accounts:id_tokens")


@login_required
@require_POST
def card_remove(request: SignedInRequest, pk: int) -> HttpResponse:
    """Forget a card."""
    token = get_object_or_404(IdToken, user=request.user, pk=pk)
    id_tokens.remove(token)
    messages.success(request, _("The card %(card)s is removed.") % {"card": token})
    return redirect("accounts:id_tokens")


@login_required
@require_GET
def vehicle_list(request: SignedInRequest) -> HttpResponse:
    """My cars, and a list of models to begin another one with."""
    return render(request, "accounts/vehicle_list.html", {"vehicles": vehicles.of(request.user), "form": VehicleModelForm()})


@login_required
@require_http_methods(["GET", "POST"])
def vehicle_new(request: SignedInRequest) -> HttpResponse:
    """One more car; a model of the list fills the form in."""
    model = vehicle_models.find(request.GET.get("model", ""))
    initial = {**vars(model), "name": model.full_name} if model else {"connector_types": ["TYPE_2"]}
    form = VehicleForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            vehicle = vehicles.create(request.user, form.cleaned_data)
        except Invalid as refusal:
            form.refuse(refusal)
        except DomainError as refusal:
            form.add_error(None, str(refusal.message))
        else:
            messages.success(request, _("%(car)s is among your cars; prices are told for it from now on.") % {"car": vehicle})
            return redirect("accounts:vehicle_list")
    return render(request, "accounts/vehicle_new.html", {"form": form, "model": model}, status=400 if form.is_bound else 200)


@login_required
@require_http_methods(["GET", "POST"])
def vehicle_edit(request: SignedInRequest, code: UUID) -> HttpResponse:
    """Change a car of mine."""
    vehicle = get_object_or_404(Vehicle, user=request.user, code=code)
    form = VehicleForm(request.POST or None, initial={name: getattr(vehicle, name) for name in vehicles.NAMES})
    if request.method == "POST" and form.is_valid():
        try:
            vehicles.edit(vehicle, form.cleaned_data)
        except Invalid as refusal:
            form.refuse(refusal)
        else:
            messages.success(request, _("Your car is saved."))
            return redirect("accounts:vehicle_list")
    return render(request, "accounts/vehicle_edit.html", {"form": form, "vehicle": vehicle}, status=400 if form.is_bound else 200)


@login_required
@require_POST
def vehicle_default(request: SignedInRequest, code: UUID) -> HttpResponse:
    """Make a car the one estimates are made for."""
    vehicles.edit(get_object_or_404(Vehicle, user=request.user, code=code), {"is_default": True})
    return redirect("accounts:vehicle_list")


@login_required
@require_POST
def vehicle_remove(request: SignedInRequest, code: UUID) -> HttpResponse:
    """Forget a car."""
    vehicles.remove(get_object_or_404(Vehicle, user=request.user, code=code))
    messages.success(request, _("The car is gone; what it charged stays in your history."))
    return redirect("accounts:vehicle_list")


@login_required
@require_GET
def privacy(request: SignedInRequest) -> HttpResponse:
    """What we hold, and the way out."""
    return render(request, "accounts/privacy.html")


@login_required
@require_http_methods(["GET", "POST"])
def close(request: SignedInRequest) -> HttpResponse:
    """Close the account, with the password once more."""
    form = CloseForm(request.user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            closing.close_account(request.user)
        except DomainError as refusal:
            form.add_error(None, str(refusal.message))
        else:
            logout(request)
            messages.success(request, _("Your account is closed. Thank you for having been here."))
            return redirect("/")
    return render(request, "accounts/close.html", {"form": form})
