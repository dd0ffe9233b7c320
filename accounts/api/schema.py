"""How the OpenAPI document describes the ways to prove who one is."""

from drf_spectacular.authentication import SessionScheme
from drf_spectacular.contrib.rest_framework_simplejwt import SimpleJWTScheme


class TokenScheme(SimpleJWTScheme):  # type: ignore[no-untyped-call]
    """A bearer token."""

    target_class = "accounts.authentication.TokenAuthentication"


class BrowserScheme(SessionScheme):  # type: ignore[no-untyped-call]
    """The browser's session cookie."""

    target_class = "accounts.authentication.BrowserAuthentication"
