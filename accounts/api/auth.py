"""/api/v1/auth/: an account, a pair of tokens for it, and their end."""

from typing import Any

from django.contrib.auth import authenticate
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_simplejwt.tokens import Token

from accounts import addresses, logins, registration
from accounts.adapter import known_language, send_confirmation
from accounts.models import User


class PasswordField(serializers.CharField):
    """A password, kept to the last blank."""

    def __init__(self, **options: Any) -> None:
        super().__init__(write_only=True, trim_whitespace=False, max_length=1000, style={"input_type": "password"}, **options)


class SignUpSerializer(serializers.Serializer[User]):
    """What a new account needs."""

    email = serializers.EmailField(max_length=254)
    password = PasswordField()
    name = serializers.CharField(max_length=100, allow_blank=True, default="")
    language = serializers.CharField(max_length=5, required=False, help_text="cs or en; without it the language of the request.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a password that others would guess from who she is."""
        try:
            validate_password(attrs["password"], User(email=attrs["email"], name=attrs["name"]))
        except ValidationError as error:
            raise serializers.ValidationError({"password": error.messages}) from error
        return attrs


class CredentialsSerializer(serializers.Serializer[User]):
    """What opens an account."""

    email = serializers.CharField(max_length=254)
    password = PasswordField()
    code = serializers.CharField(max_length=20, allow_blank=True, default="", help_text="Of the authenticator app, or a recovery code.")


class RefreshSerializer(serializers.Serializer[None]):
    """A refresh token."""

    refresh = serializers.CharField(max_length=2000)


class LogoutSerializer(serializers.Serializer[None]):
    """A refresh token; without one the bearer token says which log-in ends."""

    refresh = serializers.CharField(max_length=2000, required=False)


class PairSerializer(serializers.Serializer[None]):
    """A pair of tokens: access for 15 minutes, refresh for 14 days and one use."""

    access = serializers.CharField()
    refresh = serializers.CharField()


class NewAccountSerializer(serializers.ModelSerializer[User]):
    """The account as it begins."""

    class Meta:
        model = User
        fields = ["email", "name", "language"]


class Open(APIView):
    """A view for somebody who has not logged in; a token that ran out does not keep her from getting a new one."""

    permission_classes = [AllowAny]
    authentication_classes: list[Any] = []


class RegisterView(Open):
    """Sign up."""

    @extend_schema(summary="Sign up", request=SignUpSerializer, responses={201: NewAccountSerializer}, tags=["auth"])
    def post(self, request: Request) -> Response:
        """Make an account and ask for a confirmation of its e-mail; one can log in at once."""
        said = SignUpSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        fields = said.validated_data
        language = known_language(fields.get("language") or getattr(request, "LANGUAGE_CODE", None))
        user = registration.register(fields["email"], fields["password"], name=fields["name"], language=language)
        send_confirmation(request._request, user)  # noqa: SLF001 - allauth takes Django's request
        return Response(NewAccountSerializer(user).data, status=status.HTTP_201_CREATED)


class TokenView(Open):
    """Log in."""

    @extend_schema(summary="Log in", request=CredentialsSerializer, responses=PairSerializer, tags=["auth"])
    def post(self, request: Request) -> Response:
        """Give a pair of tokens for e-mail and password, and a code where the account has a second factor."""
        said = CredentialsSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        email, password, code = (said.validated_data[name] for name in ("email", "password", "code"))
        address = addresses.client_address(request._request)  # noqa: SLF001 - the socket's own words
        logins.check_failures(email, address)
        user = authenticate(request._request, email=email, password=password)  # noqa: SLF001 - allauth takes Django's request
        if not isinstance(user, User):
            logins.record_failure(email, address)
            raise logins.WrongCredentials
        try:
            logins.check_second_factor(user, code)
        except logins.WrongCode:
            logins.record_failure(email, address)
            raise
        User.objects.filter(pk=user.pk).update(last_login=timezone.now())
        access, refresh = logins.begin_chain(user)
        return Response({"access": access, "refresh": refresh})


class RefreshView(Open):
    """Go on being logged in."""

    @extend_schema(summary="A new pair of tokens", request=RefreshSerializer, responses=PairSerializer, tags=["auth"])
    def post(self, request: Request) -> Response:
        """Give a new pair for a refresh token, which is used up; used again, it ends the whole chain."""
        said = RefreshSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        access, refresh = logins.renew(said.validated_data["refresh"])
        return Response({"access": access, "refresh": refresh})


class LogoutView(APIView):
    """Log out."""

    permission_classes = [AllowAny]

    @extend_schema(summary="Log out", request=LogoutSerializer, responses={204: OpenApiResponse(description="Logged out")}, tags=["auth"])
    def post(self, request: Request) -> Response:
        """End the chain of a refresh token, or of the bearer token that came with the request."""
        said = LogoutSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        refresh = said.validated_data.get("refresh")
        if refresh:
            logins.end_chain(refresh)
        elif isinstance(request.auth, Token):
            logins.end_chain_of(request.auth)
        else:
            raise logins.TokenRefused
        return Response(status=status.HTTP_204_NO_CONTENT)
