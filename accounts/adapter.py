"""What allauth must do our way."""

from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import record_authentication
from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from allauth.core import context as request_context
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.utils import translation

from accounts import addresses, browsers, logins, notifications
from accounts.models import User


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """Sign-up with a name, one count of failures for pages and API, letters that housekeeping can post again."""

    def save_user(self, request: HttpRequest, user: User, form: Form, commit: bool = True) -> User:  # noqa: FBT001, FBT002 - allauth's
        """Keep the name, and the language the person signed up in."""
        user.name = " ".join(form.cleaned_data.get("name", "").split())
        user.language = known_language(translation.get_language())
        saved: User = super().save_user(request, user, form, commit)
        return saved

    def get_client_ip(self, request: HttpRequest) -> str:
        """The address behind our proxies, not what a header claims."""
        return addresses.client_address(request) or "0.0.0.0"  # noqa: S104 - a word for "unknown", as a socket file has no address

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Refuse who failed too often."""
        try:
            logins.check_failures(str(credentials.get("email", "")), addresses.client_address(request))
        except logins.TooManyFailures as error:
            raise self.validation_error("too_many_login_attempts") from error

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        """Count the failure."""
        logins.record_failure(str(credentials.get("email", "")), addresses.client_address(request))

    def reauthenticate(self, user: User, password: str) -> bool:
        """Whether the password is hers; by the e-mail of the account, which there always is."""
        known = self.authenticate(request_context.request, email=user.email, password=password)
        return known is not None and known.pk == user.pk

    def _delete_login_attempts_cached_email(self, request: HttpRequest, **credentials: Any) -> None:  # noqa: ARG002 - allauth's
        """Who set a new password by mail has proved to own the account."""
        logins.forgive(str(credentials.get("email", "")))

    def post_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse:
        """Show the pages in the language of the account from here on.

        Accounts made by hand get their e-mail known to allauth, as confirmed: whoever made them knew whose it is.
        Who signs up has just chosen her password: she is not asked for it again at the first card.
        """
        if kwargs.get("signup"):
            record_authentication(request, user, method="password")
        if not EmailAddress.objects.filter(user=user, primary=True).exists():
            taken = EmailAddress.objects.filter(email__iexact=user.email, verified=True).exclude(user=user).exists()
            EmailAddress.objects.update_or_create(user=user, email=user.email, defaults={"primary": True, "verified": not taken})
        response: HttpResponse = super().post_login(request, user, **kwargs)
        browsers.log_in_changed(request, user)
        remember_language(response, user)
        return response

    def format_email_subject(self, subject: str) -> str:
        """No prefix: the sender says who writes."""
        return str(subject)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Write the letter down and post it; should the mail server be away, it is posted later.

        Every address in it is built from PUBLIC_URL: the Host header is the visitor's word, and links here open accounts.
        """
        host = urlsplit(settings.PUBLIC_URL).netloc
        known = {name: addresses.public(value) if name.endswith("_url") else value for name, value in context.items()}
        site = SimpleNamespace(name="ChargeShare", domain=host)
        with translation.override(self._language_of(email, context)):
            message = self.render_mail(template_prefix, email, {"email": email, "current_site": site, **known})
        html = str(message.alternatives[0][0]) if isinstance(message, EmailMultiAlternatives) and message.alternatives else ""
        notifications.post(notifications.write(email, subject=message.subject, body=message.body, html=html))

    def _language_of(self, email: str, context: dict[str, Any]) -> str:
        user = context.get("user")
        if not isinstance(user, User):
            user = User.objects.filter(email__iexact=email).first()
        return user.language if user else known_language(translation.get_language())


def known_language(code: str | None) -> str:
    """A language we speak: this one, or the default."""
    short = (code or "").split("-")[0]
    return short if short in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE


def remember_language(response: HttpResponse, user: User) -> None:
    """Tell the browser in which language this person reads."""
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME, user.language, max_age=365 * 86_400, samesite="Lax", secure=settings.SECURE_SSL, httponly=True
    )


def send_confirmation(request: HttpRequest, user: User) -> None:
    """Ask the holder of a new account to confirm the e-mail."""
    address, _created = EmailAddress.objects.get_or_create(user=user, email=user.email, defaults={"primary": True})
    AccountAdapter(request).send_confirmation_mail(request, EmailConfirmationHMAC(address), signup=True)
