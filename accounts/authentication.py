"""How a request to the API proves who sends it: a bearer token, or the browser's session with CSRF."""

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import InvalidToken
from rest_framework_simplejwt.tokens import Token

from accounts import logins
from accounts.models import User


class TokenAuthentication(JWTAuthentication):
    """A bearer token counts while its log-in has not ended, the account is active and the password is the same."""

    def get_user(self, validated_token: Token) -> User:  # type: ignore[override]  # the stubs leave the kind of user open
        """The holder of a token that is whole and not out of date."""
        user = logins.user_of(validated_token)
        if user is None:
            raise InvalidToken(gettext("This token is not valid. Log in again."))
        return user


class CsrfFailed(PermissionDenied):
    """A browser session without the page's own token: the request may come from somebody else's page."""

    default_code = "csrf_failed"
    default_detail = _("The page has grown old. Load it again and retry.")


class BrowserAuthentication(SessionAuthentication):
    """The browser's session; whatever changes something needs the CSRF token as well."""

    def enforce_csrf(self, request: Request) -> None:
        """Tell a missing CSRF token apart from everything else that is not permitted."""
        try:
            super().enforce_csrf(request)
        except PermissionDenied as error:
            raise CsrfFailed from error
