"""/api/v1/notifications/preferences/ and push-subscriptions/: how I want to be told, and the devices that take pushes."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, serializers, status
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet
from rest_framework_simplejwt.tokens import Token

from accounts import browsers, codes, devices, logins, push_services, ways
from accounts.api.me import asking
from accounts.models import PushSubscription, TokenChain, User
from accounts.ways import Group

CODE = OpenApiParameter("code", OpenApiTypes.UUID, OpenApiParameter.PATH)


class NotOffered(NotFound):
    """This site has no key for pushes."""

    default_detail = "This site offers no pushes."
    default_code = "push_not_offered"


class ChoiceSerializer(serializers.Serializer[Any]):
    """The ways of one group. The inbox has everything."""

    email = serializers.BooleanField(required=False, help_text="What the law or the safety of the account needs comes all the same.")
    push = serializers.BooleanField(required=False)


class WaysSerializer(serializers.Serializer[Any]):
    """The groups that were chosen; one that is not named stays as it is."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """One field for each group."""
        return {group.value: ChoiceSerializer(required=False, help_text=", ".join(ways.GROUPS[group])) for group in Group}


class PreferencesSerializer(serializers.Serializer[Any]):
    """How I want to be told."""

    ways = WaysSerializer(required=False)
    quiet_from = serializers.TimeField(required=False, allow_null=True, help_text="With quiet_to; both null: no quiet hours.")
    quiet_to = serializers.TimeField(required=False, allow_null=True)
    time_zone = serializers.CharField(max_length=64, required=False, help_text="Such as Europe/Prague; the quiet hours are told by it.")
    push_key = serializers.CharField(read_only=True, help_text="The applicationServerKey of pushes; empty where they are not offered.")


class PreferencesView(APIView):
    """How I want to be told."""

    @extend_schema(summary="How I want to be told", responses=PreferencesSerializer, tags=["notifications"])
    def get(self, request: Request) -> Response:
        """By which ways of what, and when I want quiet."""
        return Response(_told(asking(request), ways.of(asking(request))))

    @extend_schema(
        summary="Choose how I want to be told", request=PreferencesSerializer, responses=PreferencesSerializer, tags=["notifications"]
    )
    def patch(self, request: Request) -> Response:
        """Change what is named; the rest stays."""
        said = PreferencesSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        return Response(_told(asking(request), ways.change(asking(request), said.validated_data)))


def _told(user: User, wishes: ways.Wishes) -> dict[str, Any]:
    chosen = {group.value: vars(wishes.choice(group)) for group in ways.groups_for(user)}
    said = {"ways": chosen, "quiet_from": wishes.quiet_from, "quiet_to": wishes.quiet_to, "time_zone": wishes.time_zone}
    return dict(PreferencesSerializer({**said, "push_key": push_services.public_key()}).data)


class KeysSerializer(serializers.Serializer[Any]):
    """The keys of a subscription as a browser writes them: base64 with - and _."""

    p256dh = serializers.CharField(max_length=100)
    auth = serializers.CharField(max_length=100)


class PushSubscriptionSerializer(serializers.ModelSerializer[PushSubscription]):
    """A device that takes pushes; address and keys are taken and never told."""

    endpoint = serializers.CharField(max_length=devices.LONGEST_ADDRESS, write_only=True, help_text="https, at a known push service.")
    keys = KeysSerializer(write_only=True)
    name = serializers.CharField(max_length=200, required=False, allow_blank=True, help_text="What to call the device.")

    class Meta:
        model = PushSubscription
        fields = ["code", "name", "created_at", "used_at", "endpoint", "keys"]
        read_only_fields = ["code", "created_at", "used_at"]


@extend_schema_view(
    list=extend_schema(summary="Devices that take pushes", tags=["notifications"]),
    retrieve=extend_schema(summary="A device that takes pushes", parameters=[CODE], tags=["notifications"]),
    destroy=extend_schema(summary="Let a device take no more pushes", parameters=[CODE], tags=["notifications"]),
)
class PushSubscriptionViewSet(
    mixins.ListModelMixin, mixins.CreateModelMixin, mixins.RetrieveModelMixin, mixins.DestroyModelMixin, GenericViewSet[PushSubscription]
):
    """My devices that take pushes."""

    serializer_class = PushSubscriptionSerializer
    queryset = PushSubscription.objects.none()
    lookup_field = "code"
    lookup_value_regex = "[^/]+"

    def get_queryset(self) -> QuerySet[PushSubscription]:
        """Those of who asks."""
        return PushSubscription.objects.filter(user=asking(self.request))

    def get_object(self) -> PushSubscription:
        """The device with this code; somebody else's does not exist."""
        return codes.find(self.get_queryset(), self.kwargs["code"])

    @extend_schema(
        summary="Let a device take pushes",
        description="The subscription as `PushManager.subscribe` gives it. Handed in again, it is renewed. It ends with the log-in.",
        tags=["notifications"],
    )
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Take the address and the keys of a device, for as long as the log-in lasts that this request has."""
        if not push_services.public_key():
            raise NotOffered
        said = PushSubscriptionSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        given = said.validated_data
        name = given.get("name") or request.headers.get("User-Agent", "")
        chain = TokenChain.objects.filter(pk=request.auth[logins.CHAIN]).first() if isinstance(request.auth, Token) else None
        key = "" if chain else request.session.session_key or ""
        device = devices.add(asking(request), endpoint=given["endpoint"], **given["keys"], name=name, session_key=key, token_chain=chain)
        response = Response(PushSubscriptionSerializer(device).data, status=status.HTTP_201_CREATED)
        if chain is None:
            browsers.remember(response, device)
        return response
