"""What pages of every floor share: a refusal becomes a sentence above the page the person came from."""

import time
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar
from urllib.parse import urlsplit

from allauth.account.decorators import reauthentication_required
from allauth.account.internal.flows.login import get_authentication_records
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme

from accounts.models import User
from chargeshare.errors import DomainError, NotFound

P = ParamSpec("P")
V = TypeVar("V", bound=Callable[..., HttpResponseBase])
RECENT_S = 900


def explained(
    view: Callable[Concatenate[HttpRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Turn a DomainError of a view into a message on the page the form stood on; what may not be known to exist is a 404.

    A refused GET has no form to go back to: it gets a page that says what was refused.
    """

    @wraps(view)
    def wrapped(request: HttpRequest, /, *args: P.args, **options: P.kwargs) -> HttpResponseBase:
        try:
            return view(request, *args, **options)
        except NotFound as refusal:
            raise Http404(str(refusal)) from refusal
        except DomainError as refusal:
            if request.method in ("GET", "HEAD"):
                return _page(request, refusal)
            messages.error(request, str(refusal.message))
            return HttpResponseRedirect(came_from(request))

    return wrapped


def fresh_login_required(view: V) -> V:
    """Ask for the password once more before a deed that a thief of the browser would do first: a card, a bank account, money."""
    guarded: V = reauthentication_required(allow_get=True, enabled=_has_been_here_long)(view)
    return guarded


def _has_been_here_long(request: HttpRequest) -> bool:
    """Whether the password was typed so long ago that somebody else may sit at the keyboard now."""
    records = get_authentication_records(request, request.user)
    return not any(time.time() - record["at"] < RECENT_S for record in records)


def who(request: HttpRequest) -> User:
    """Who has logged in, for views that stand behind the log-in."""
    if not isinstance(request.user, User):
        raise Http404
    return request.user


def came_from(request: HttpRequest, otherwise: str = "/") -> str:
    """The page of ours that sent this request, if the browser says so and it is ours."""
    said = request.headers.get("Referer", "")
    own = url_has_allowed_host_and_scheme(said, allowed_hosts={request.get_host()}, require_https=request.is_secure())
    if not said or not own:
        return otherwise
    parts = urlsplit(said)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _page(request: HttpRequest, refusal: DomainError) -> HttpResponse:
    return render(request, "refused.html", {"refusal": refusal}, status=refusal.status)
