"""Pairing a card by tapping it."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from accounts import id_tokens
from accounts.pages import explained
from stations import pairing
from stations.forms import PairCardForm
from stations.models import CardPairing
from stations.views.owner import person


@login_required
@explained
def pair_card(request: HttpRequest) -> HttpResponse:
    """Choose a charger, then tap the card there within two minutes."""
    user = person(request)
    form = PairCardForm(request.POST if request.method == "POST" else None, user=user, initial={"charge_point": request.GET.get("charger")})
    if request.method == "POST" and form.is_valid():
        opened = pairing.open(user, form.cleaned_data["charge_point"], form.cleaned_data["label"])
        return redirect("stations:pair_card_wait", opened.pk)
    return render(request, "stations/pair_card.html", {"form": form, "choices": list(form.fields["charge_point"].queryset)})  # type: ignore[attr-defined]


@login_required
def pair_card_wait(request: HttpRequest, pk: int) -> HttpResponse:
    """Waiting for the tap; the page looks again by itself and tells when the card has arrived."""
    waiting = CardPairing.objects.select_related("charge_point").filter(user=person(request), pk=pk).first()
    if waiting is None:
        return redirect("stations:pair_card")
    left_s = max(0, int((waiting.expires_at - timezone.now()).total_seconds()))
    card = id_tokens.find(waiting.uid) if waiting.uid else None
    context = {
        "pairing": waiting,
        "left_s": left_s,
        "is_open": left_s > 0 and not waiting.uid,
        "card": card if card is not None and card.user_id == waiting.user_id else None,
    }
    return render(request, "stations/pair_card_wait.html", context)
