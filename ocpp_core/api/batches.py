"""The same request to many charge points, over HTTP."""

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import idempotent
from chargeshare.errors import NotFound
from ocpp_core.api.commands import AskSerializer, CommandSerializer
from stations import command_batches
from stations.api.permissions import user_of
from stations.command_batches import Wanted
from stations.models import Command, CommandBatch


class BatchSerializer(serializers.ModelSerializer[CommandBatch]):
    """What was asked of many, and how far it has got."""

    waiting = serializers.SerializerMethodField()
    done = serializers.SerializerMethodField()
    by_status = serializers.SerializerMethodField()
    by_answer = serializers.SerializerMethodField()

    class Meta:
        model = CommandBatch
        fields = (
            *("code", "action", "payload", "per_minute", "total", "waiting", "done", "by_status", "by_answer"),
            *("created_at", "interrupted_at"),
        )
        read_only_fields = fields

    def to_representation(self, instance: CommandBatch) -> dict[str, Any]:
        """Counted once; of a list, for all of a page together."""
        known = self.context.get("progress", {})
        self._progress = known[instance.pk] if instance.pk in known else command_batches.progress(instance)
        return super().to_representation(instance)

    def get_waiting(self, _batch: CommandBatch) -> int:
        """How many have not been asked yet."""
        return self._progress.waiting

    def get_done(self, _batch: CommandBatch) -> int:
        """For how many it is settled what came of it."""
        return self._progress.done

    @extend_schema_field(serializers.DictField(child=serializers.IntegerField()))
    def get_by_status(self, _batch: CommandBatch) -> dict[str, int]:
        """How many commands stand how."""
        return dict(self._progress.by_status)

    @extend_schema_field(serializers.DictField(child=serializers.IntegerField()))
    def get_by_answer(self, _batch: CommandBatch) -> dict[str, int]:
        """Which word how many chargers answered."""
        return dict(self._progress.by_word)


class WantedSerializer(serializers.Serializer[dict[str, Any]]):
    """Which of the charge points one may command."""

    make = serializers.CharField(max_length=100, required=False, help_text="As the box names its vendor.")
    model = serializers.CharField(max_length=100, required=False)
    firmware = serializers.CharField(max_length=100, required=False)
    is_online = serializers.BooleanField(required=False)
    q = serializers.CharField(max_length=60, required=False, source="text", help_text="A word of name, town or identity.")


class BatchAskSerializer(AskSerializer):
    """The request, whom it goes to, and how fast."""

    charge_points = serializers.ListField(
        child=serializers.CharField(max_length=20), required=False, allow_empty=False, max_length=command_batches.MOST_CHARGERS
    )
    filter = WantedSerializer(required=False)
    per_minute = serializers.IntegerField(
        min_value=1,
        max_value=command_batches.MOST_PER_MINUTE,
        default=command_batches.USUAL_PER_MINUTE,
        help_text="How many charge points are asked a minute.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Either a list or a filter."""
        if ("charge_points" in attrs) == ("filter" in attrs):
            raise serializers.ValidationError({"charge_points": ["Give either charge_points or filter."]})
        return super().validate(attrs)


class BatchesView(GenericAPIView[CommandBatch]):
    """What I asked of many, newest first; staff see everybody's."""

    queryset = CommandBatch.objects.order_by("-id")
    serializer_class = BatchSerializer
    filter_backends = ()

    @extend_schema(operation_id="command_batches_list", responses=BatchSerializer(many=True))
    def get(self, request: Request) -> Response:
        """How far each has got."""
        page = self.paginate_queryset(command_batches.visible_to(user_of(request)).order_by("-id")) or []
        context = {**self.get_serializer_context(), "progress": command_batches.progress_of(page)}
        return self.get_paginated_response(BatchSerializer(page, many=True, context=context).data)

    @extend_schema(request=BatchAskSerializer, responses={201: BatchSerializer})
    @idempotent
    def post(self, request: Request) -> Response:
        """Ask many for the same, one after the other."""
        user = user_of(request)
        said = BatchAskSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        asked = said.validated_data
        codes = asked.get("charge_points")
        chosen = command_batches.fitting(user, Wanted(**asked["filter"])) if codes is None else command_batches.named(user, codes)
        batch = command_batches.begin(chosen, asked["action"], asked["payload"], asked_by=user, per_minute=asked["per_minute"])
        return Response(self.get_serializer(batch).data, status.HTTP_201_CREATED)


class BatchView(GenericAPIView[CommandBatch]):
    """One request to many."""

    queryset = CommandBatch.objects.all()
    serializer_class = BatchSerializer

    def get(self, request: Request, code: str) -> Response:
        """How far it has got."""
        return Response(self.get_serializer(find(request, code)).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, code: str) -> Response:
        """Call off what was not sent yet."""
        command_batches.interrupt(find(request, code))
        return Response(status=status.HTTP_204_NO_CONTENT)


class BatchCommandSerializer(CommandSerializer):
    """What came of it at one charge point."""

    charge_point = serializers.CharField(source="charge_point.code", read_only=True)

    class Meta(CommandSerializer.Meta):
        fields = ("charge_point", *CommandSerializer.Meta.fields)
        read_only_fields = fields


class BatchCommandsView(GenericAPIView[Command]):
    """The commands of one batch."""

    queryset = Command.objects.select_related("charge_point").order_by("id")
    serializer_class = BatchCommandSerializer
    filter_backends = ()

    @extend_schema(operation_id="command_batches_commands_list", responses=BatchCommandSerializer(many=True))
    def get(self, request: Request, code: str) -> Response:
        """In the order of their turns."""
        page = self.paginate_queryset(self.get_queryset().filter(batch=find(request, code)))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


def find(request: Request, code: str) -> CommandBatch:
    """The batch, if this person may know of it."""
    batch = command_batches.visible_to(user_of(request)).filter(code=code).first() if code.isascii() and len(code) <= 20 else None
    if batch is None:
        raise NotFound
    return batch
