"""/api/v1/me/: the account of who asks, its cards and its news; for staff everybody's cards."""

from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import mixins, serializers, status
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from accounts import closing, id_tokens, logins, notifications
from accounts.models import IdToken, Notification, User
from chargeshare.errors import Invalid

UID = OpenApiParameter("uid", OpenApiTypes.STR, OpenApiParameter.PATH, description="The number of the card, however it is spelled.")


def asking(request: Request) -> User:
    """Who sends the request; the permission class has seen to it that somebody does."""
    if not isinstance(request.user, User):
        raise NotFound
    return request.user


class ProfileSerializer(serializers.ModelSerializer[User]):
    """The account as its holder sees it."""

    name = serializers.CharField(max_length=100, allow_blank=True, required=False)
    language = serializers.ChoiceField(choices=settings.LANGUAGES, required=False)
    email_confirmed = serializers.SerializerMethodField()
    has_second_factor = serializers.SerializerMethodField()

    class Meta:
        model = User
        fields = ["email", "name", "language", "is_staff", "date_joined", "email_confirmed", "has_second_factor"]
        read_only_fields = ["email", "is_staff", "date_joined"]

    def get_email_confirmed(self, user: User) -> bool:
        """Whether a letter to the address has come back."""
        return bool(EmailAddress.objects.filter(user=user, email=user.email, verified=True).exists())

    def get_has_second_factor(self, user: User) -> bool:
        """Whether logging in takes a code."""
        return logins.has_second_factor(user)


class MeView(APIView):
    """My account."""

    @extend_schema(summary="My account", responses=ProfileSerializer, tags=["me"])
    def get(self, request: Request) -> Response:
        """Who I am here."""
        return Response(ProfileSerializer(asking(request)).data)

    @extend_schema(summary="Change my name or language", request=ProfileSerializer, responses=ProfileSerializer, tags=["me"])
    def patch(self, request: Request) -> Response:
        """Change name and language; the e-mail is changed on the page that asks the new address for a confirmation."""
        said = ProfileSerializer(asking(request), data=request.data, partial=True)
        said.is_valid(raise_exception=True)
        said.save()
        return Response(said.data)

    @extend_schema(summary="Close my account", responses={204: OpenApiResponse(description="Closed")}, tags=["me"])
    def delete(self, request: Request) -> Response:
        """Close the account: what was charged and paid stays, I am gone. Refused while money or a session is open."""
        closing.close_account(asking(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class IdTokenSerializer(serializers.ModelSerializer[IdToken]):
    """A card."""

    uid = serializers.CharField(max_length=100, help_text="4 to 36 letters, digits or - _ . : and spaces.")
    label = serializers.CharField(max_length=60, allow_blank=True, required=False)  # type: ignore[assignment]  # a field named label
    is_blocked = serializers.BooleanField(required=False)
    expires_at = serializers.DateTimeField(allow_null=True, required=False)
    parent_uid = serializers.CharField(
        max_length=20, allow_blank=True, allow_null=True, required=False, help_text="A group tag; it need not be a card. Null: none."
    )
    max_sessions = serializers.IntegerField(min_value=0, max_value=32_767, allow_null=True, required=False)

    class Meta:
        model = IdToken
        fields = ["uid", "label", "is_blocked", "expires_at", "parent_uid", "max_sessions", "confirmed_at", "created_at"]
        read_only_fields = ["confirmed_at", "created_at"]

    def validate_parent_uid(self, tag: str | None) -> str:
        """Nothing is written as an empty text."""
        return tag or ""

    def create(self, validated_data: dict[str, Any]) -> IdToken:
        """Add a card by its number."""
        holder = validated_data.pop("user", None) or asking(self.context["request"])
        return id_tokens.type_in(holder, validated_data.pop("uid"), **validated_data)

    def update(self, instance: IdToken, validated_data: dict[str, Any]) -> IdToken:
        """Change what may change; number and holder stay."""
        changes = {name: value for name, value in validated_data.items() if name not in ("uid", "user")}
        return id_tokens.edit(instance, **changes)


class AnyIdTokenSerializer(IdTokenSerializer):
    """A card and who holds it, for staff."""

    user = serializers.EmailField(source="user.email", required=False, help_text="The holder's e-mail; without it the card is mine.")

    class Meta(IdTokenSerializer.Meta):
        fields = ["user", *IdTokenSerializer.Meta.fields]

    def validate_user(self, email: str) -> User:
        """The holder behind the e-mail."""
        holder = User.objects.filter(email__iexact=email, is_active=True).first()
        if holder is None:
            raise serializers.ValidationError("There is no account with this e-mail.")
        return holder

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Hand on the holder under the name of the column."""
        if "user" in attrs:
            attrs["user"] = attrs["user"]["email"]
        return attrs


@extend_schema_view(
    list=extend_schema(summary="My cards", tags=["cards"]),
    create=extend_schema(summary="Add a card by its number", tags=["cards"]),
    retrieve=extend_schema(summary="A card", parameters=[UID], tags=["cards"]),
    partial_update=extend_schema(summary="Change a card", parameters=[UID], tags=["cards"]),
    destroy=extend_schema(summary="Remove a card", parameters=[UID], tags=["cards"]),
)
class IdTokenViewSet(
    mixins.ListModelMixin,
    mixins.CreateModelMixin,
    mixins.RetrieveModelMixin,
    mixins.UpdateModelMixin,
    mixins.DestroyModelMixin,
    GenericViewSet[IdToken],
):
    """My cards."""

    serializer_class: type[IdTokenSerializer] = IdTokenSerializer
    queryset = IdToken.objects.none()
    lookup_field = "uid"
    lookup_value_regex = "[^/]+"

    def get_queryset(self) -> QuerySet[IdToken]:
        """Those of who asks."""
        return IdToken.objects.filter(user=asking(self.request))

    def get_object(self) -> IdToken:
        """The card with this number, however it is spelled."""
        token = self.get_queryset().filter(uid_key=id_tokens.key(self.kwargs["uid"])).first()
        if token is None:
            raise NotFound
        return token

    def perform_destroy(self, instance: IdToken) -> None:
        """Forget the card."""
        id_tokens.remove(instance)


@extend_schema_view(
    list=extend_schema(
        summary="Everybody's cards",
        parameters=[OpenApiParameter("user", OpenApiTypes.EMAIL), OpenApiParameter("uid", OpenApiTypes.STR)],
        tags=["staff"],
    ),
    create=extend_schema(summary="Add a card for somebody", tags=["staff"]),
    retrieve=extend_schema(summary="Anybody's card", parameters=[UID], tags=["staff"]),
    partial_update=extend_schema(summary="Change anybody's card", parameters=[UID], tags=["staff"]),
    destroy=extend_schema(summary="Remove anybody's card", parameters=[UID], tags=["staff"]),
)
class AnyIdTokenViewSet(IdTokenViewSet):
    """Everybody's cards, for staff; to others this does not exist."""

    serializer_class = AnyIdTokenSerializer

    def get_queryset(self) -> QuerySet[IdToken]:
        """All cards, or those of one person, or of one number."""
        if not asking(self.request).is_staff:
            raise NotFound
        tokens = IdToken.objects.select_related("user")
        asked = self.request.query_params
        if "user" in asked:
            tokens = tokens.filter(user__email=asked["user"].replace("\x00", "").lower())
        if "uid" in asked:
            tokens = tokens.filter(uid_key=id_tokens.key(asked["uid"]))
        return tokens

    def perform_create(self, serializer: serializers.BaseSerializer[IdToken]) -> None:
        """Only staff may give cards away."""
        if not asking(self.request).is_staff:
            raise NotFound
        super().perform_create(serializer)


class NotificationSerializer(serializers.ModelSerializer[Notification]):
    """One thing I should know, in words."""

    title = serializers.SerializerMethodField()
    text = serializers.SerializerMethodField()
    is_read = serializers.BooleanField(write_only=True, required=False)

    class Meta:
        model = Notification
        fields = ["id", "kind", "title", "text", "url", "created_at", "read_at", "is_read"]
        read_only_fields = ["id", "kind", "url", "created_at", "read_at"]

    def get_title(self, notification: Notification) -> str:
        """What happened."""
        return notifications.title(notification)

    def get_text(self, notification: Notification) -> str:
        """What it means."""
        return notifications.text(notification)

    def update(self, instance: Notification, validated_data: dict[str, Any]) -> Notification:
        """Read, or unread again."""
        instance.read_at = (instance.read_at or timezone.now()) if validated_data.get("is_read", True) else None
        instance.save(update_fields=["read_at"])
        return instance


class ReadSerializer(serializers.Serializer[None]):
    """Which notifications were read; all without a list."""

    ids = serializers.ListField(child=serializers.IntegerField(min_value=1), required=False, max_length=200)


@extend_schema_view(
    list=extend_schema(summary="What I should know", parameters=[OpenApiParameter("unread", OpenApiTypes.BOOL)], tags=["notifications"]),
    retrieve=extend_schema(summary="One notification", tags=["notifications"]),
    partial_update=extend_schema(summary="Mark one as read", tags=["notifications"]),
)
class NotificationViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.UpdateModelMixin, GenericViewSet[Notification]):
    """My notifications, newest first."""

    serializer_class = NotificationSerializer
    queryset = Notification.objects.none()

    def get_queryset(self) -> QuerySet[Notification]:
        """Mine, or those of mine I have not read."""
        mine = Notification.objects.filter(user=asking(self.request)).select_related("user")
        unread = self.request.query_params.get("unread", "").lower()
        if unread not in ("", "true", "false", "1", "0"):
            raise Invalid(fields={"unread": ["true or false"]})
        return mine.filter(read_at=None) if unread in ("true", "1") else mine

    @extend_schema(
        summary="Mark as read", request=ReadSerializer, responses={204: OpenApiResponse(description="Read")}, tags=["notifications"]
    )
    def mark_read(self, request: Request) -> Response:
        """Mark those that are named, or all, as read."""
        said = ReadSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        notifications.mark_read(asking(request), now=timezone.now(), ids=said.validated_data.get("ids"))
        return Response(status=status.HTTP_204_NO_CONTENT)
