"""The proof of the books as staff see it: when it was made, what came out, what is under way and for how long."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts.models import User
from accounts.pages import who
from billing import proofs
from billing.models import LedgerProof

SHOWN = 20


def _allowed(request: HttpRequest) -> User:
    person = who(request)
    if not person.has_perm("billing.view_ledgerproof"):
        raise PermissionDenied
    return person


@never_cache
@require_GET
def proof(request: HttpRequest) -> HttpResponse:
    """The newest proof, the clearing accounts, the sums of each kind, and the nights before."""
    _allowed(request)
    sums = proofs.sums()
    newest = proofs.latest()
    context = {
        "newest": newest,
        "is_stale": newest is None or newest.began_at < timezone.now() - proofs.STALE_AFTER,
        "clearings": proofs.clearings(),
        "sums": sums,
        "total_minor": sum(one.balance_minor for one in sums),
        "proofs": LedgerProof.objects.select_related("asked_by").order_by("-began_at")[:SHOWN],
        "currency": proofs.currency(),
    }
    return render(request, "billing/proof.html", context)


@require_POST
def prove_now(request: HttpRequest) -> HttpResponse:
    """Make the proof while somebody waits for it: it reads a million entries in seconds."""
    made = proofs.prove(by=_allowed(request))
    if made.is_good:
        messages.success(request, _("The books balance."))
    else:
        count = len(made.problems)
        messages.error(request, ngettext("%(count)s finding.", "%(count)s findings.", count) % {"count": count})
    return redirect("admin:billing_proof")
