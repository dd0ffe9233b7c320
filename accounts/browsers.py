"""Which device a browser is, for pushes: a signed cookie names it, and log-ins, log-outs and new passwords take it along."""

from typing import Any

from allauth.account.signals import password_changed, password_set
from django.conf import settings
from django.contrib.auth.signals import user_logged_out
from django.core.signing import BadSignature
from django.http import HttpRequest, HttpResponseBase

from accounts import devices
from accounts.models import PushSubscription, User

COOKIE = "push-device"
SALT = "the device that a browser is"
KEPT_S = 400 * 86_400


def remember(response: HttpResponseBase, device: PushSubscription) -> None:
    """Let the browser know its own device again."""
    response.set_signed_cookie(
        COOKIE, str(device.code), salt=SALT, max_age=KEPT_S, samesite="Lax", secure=settings.SECURE_SSL, httponly=True
    )


def device_of(request: HttpRequest) -> str | None:
    """The code of the device this browser is, if it is one."""
    try:
        return str(request.get_signed_cookie(COOKIE, salt=SALT)) if COOKIE in request.COOKIES else None
    except BadSignature:
        return None


def log_in_changed(request: HttpRequest, user: User) -> None:
    """Somebody has logged in here, or has chosen a new password: the device is hers, under the log-in that counts from now on."""
    if (code := device_of(request)) and request.session.session_key:
        devices.follow(code, user, request.session.session_key)


def listen() -> None:
    """Hear of log-outs by every door, the administration's as well, and of new passwords."""
    user_logged_out.connect(_logged_out)
    for changed in (password_changed, password_set):
        changed.connect(_password_changed)


def _logged_out(request: HttpRequest, **_options: Any) -> None:
    devices.forget_browser(request.session.session_key)


def _password_changed(request: HttpRequest, user: User, **_options: Any) -> None:
    log_in_changed(request, user)
