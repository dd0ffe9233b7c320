"""The talk about a visit over HTTP."""

import uuid
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.generics import GenericAPIView, ListAPIView
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from chargeshare.errors import NotFound
from stations import threads
from stations.api.permissions import user_of
from stations.models import ChargingSession, Message, Reservation, Thread


class MessageSerializer(serializers.ModelSerializer[Message]):
    """One message; of people no more than a first name."""

    author = serializers.CharField(source="author.short_name", read_only=True)
    is_mine = serializers.SerializerMethodField()
    text = serializers.SerializerMethodField(help_text="Empty where its author closed her account or staff took it away.")

    class Meta:
        model = Message
        fields = ("code", "author", "is_mine", "text", "created_at")
        read_only_fields = fields

    @extend_schema_field(serializers.BooleanField())
    def get_is_mine(self, message: Message) -> bool:
        """Whether the caller said it."""
        return bool(message.author_id == self.context["request"].user.pk)

    @extend_schema_field(serializers.CharField())
    def get_text(self, message: Message) -> str:
        """What was said."""
        return "" if message.hidden_at else message.text


class ThreadSerializer(serializers.ModelSerializer[Thread]):
    """A thread in a list."""

    charge_point = serializers.CharField(source="charge_point.code", read_only=True)
    place = serializers.CharField(source="charge_point.name", read_only=True)
    session = serializers.UUIDField(source="session.code", read_only=True, allow_null=True, default=None)
    reservation = serializers.UUIDField(source="reservation.code", read_only=True, allow_null=True, default=None)
    other = serializers.SerializerMethodField(help_text="The other side's first name.")
    is_unread = serializers.BooleanField(read_only=True)
    last_text = serializers.CharField(read_only=True, allow_null=True)

    class Meta:
        model = Thread
        fields = ("charge_point", "place", "session", "reservation", "other", "is_unread", "last_at", "last_text")
        read_only_fields = fields

    def get_other(self, thread: Thread) -> str:
        """Whom the caller talks with."""
        return thread.other_than(self.context["request"].user.pk).short_name


class SaySerializer(serializers.Serializer[dict[str, Any]]):
    """Something to say."""

    text = serializers.CharField(max_length=threads.LONGEST_TEXT)


class ThreadsView(ListAPIView[Thread]):
    """Whom I talk with about which visit. Its messages are read at `sessions/<code>/messages/` or `reservations/<code>/messages/`."""

    serializer_class = ThreadSerializer
    permission_classes = [IsAuthenticated]
    filter_backends = ()
    queryset = Thread.objects.none()

    def get_queryset(self) -> QuerySet[Thread]:
        """Those with something new first, then the last first."""
        return threads.of(user_of(self.request))


class _Messages(GenericAPIView[Message]):
    serializer_class = MessageSerializer
    permission_classes = [IsAuthenticated]
    filter_backends = ()
    queryset = Message.objects.select_related("author")

    def _visit(self, request: Request, code: uuid.UUID) -> threads.Visit:
        raise NotImplementedError

    @extend_schema(filters=False, responses=MessageSerializer(many=True))
    def get(self, request: Request, code: uuid.UUID) -> Response:
        """Newest first, for the driver and the host alone."""
        thread = threads.find(user_of(request), self._visit(request, code))
        said = self.get_queryset().filter(thread=thread).order_by("-pk") if thread else Message.objects.none()
        if thread is not None:
            threads.mark_read(user_of(request), thread, said.first())
        return self.get_paginated_response(self.get_serializer(self.paginate_queryset(said), many=True).data)

    @extend_schema(request=SaySerializer, responses={201: MessageSerializer})
    def post(self, request: Request, code: uuid.UUID) -> Response:
        """Write to the other side, until 30 days after the visit. The same words within ten seconds are one message."""
        visit = self._visit(request, code)
        threads.sides(visit)
        said = SaySerializer(data=request.data)
        said.is_valid(raise_exception=True)
        message = threads.write(user=user_of(request), visit=visit, text=said.validated_data["text"])
        return Response(self.get_serializer(message).data, status.HTTP_201_CREATED)


class ReservationMessagesView(_Messages):
    """Messages about a booking and the visit it led to."""

    def _visit(self, request: Request, code: uuid.UUID) -> threads.Visit:
        rows = Reservation.objects.visible_to(user_of(request)).select_related("driver", "charge_point__owner")
        return _found(rows.filter(code=code).first())


class SessionMessagesView(_Messages):
    """Messages about a visit; where it had a booking, the same as those of the booking."""

    def _visit(self, request: Request, code: uuid.UUID) -> threads.Visit:
        rows = ChargingSession.objects.visible_to(user_of(request)).select_related("driver", "owner", "charge_point__owner")
        return _found(rows.filter(code=code).first())


def _found(visit: threads.Visit | None) -> threads.Visit:
    if visit is None:
        raise NotFound
    return visit
