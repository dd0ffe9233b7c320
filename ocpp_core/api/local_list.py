"""The cards in a box, over HTTP. They are sent through the command door, or by the owner's page."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from ocpp_core.models import LocalList, LocalListEntry
from stations import local_lists
from stations.api.permissions import own_charge_point, user_of
from stations.models.command import end_of_card

PAGE = (OpenApiParameter("page", OpenApiTypes.INT), OpenApiParameter("page_size", OpenApiTypes.INT, description="At most 200."))


class LocalListEntrySerializer(serializers.ModelSerializer[LocalListEntry]):
    """A card in the box. Of a guest's card only the end is told; staff and the card's holder read all of it."""

    id_tag = serializers.SerializerMethodField(method_name="shown_id_tag")
    label = serializers.SerializerMethodField(  # type: ignore[assignment]  # DRF has an attribute of this name
        help_text="What the owner of the box calls it, where it is hers."
    )

    class Meta:
        model = LocalListEntry
        fields = ("id_tag", "label", "status", "expires_at")
        read_only_fields = fields

    def shown_id_tag(self, entry: LocalListEntry) -> str:
        """Whole where it may be."""
        is_shown = self.context["is_staff"] or entry.id_tag in self.context["labels"]
        return entry.id_tag if is_shown else end_of_card(entry.id_tag)

    def get_label(self, entry: LocalListEntry) -> str | None:
        """The owner's own word."""
        label: str | None = self.context["labels"].get(entry.id_tag)
        return label


class LocalListSerializer(serializers.ModelSerializer[LocalList]):
    """The list, as the box and we agree on it."""

    class Meta:
        model = LocalList
        fields: tuple[str, ...] = (
            "version",
            "is_agreed",
            "is_supported",
            "outcome",
            "sent_at",
            "confirmed_at",
            "heard_at",
            "is_kept",
            "works_offline",
        )
        read_only_fields = fields


class LocalListPageSerializer(LocalListSerializer):
    """The list and a page of its cards."""

    count = serializers.IntegerField(read_only=True)
    next = serializers.URLField(read_only=True, allow_null=True)
    previous = serializers.URLField(read_only=True, allow_null=True)
    results = LocalListEntrySerializer(many=True, read_only=True)

    class Meta(LocalListSerializer.Meta):
        fields = (*LocalListSerializer.Meta.fields, "count", "next", "previous", "results")
        read_only_fields = fields


class LocalListView(GenericAPIView[LocalListEntry]):
    """The cards in one box."""

    queryset = LocalListEntry.objects.order_by("pk")
    serializer_class = LocalListEntrySerializer
    filter_backends = ()

    @extend_schema(operation_id="charge_points_local_list_retrieve", parameters=list(PAGE), responses=LocalListPageSerializer)
    def get(self, request: Request, code: str) -> Response:
        """What both sides agree on; before anything was sent, an empty list without a version."""
        charge_point = own_charge_point(request, code, retired=True)
        known = LocalList.objects.filter(charge_point=charge_point).first() or LocalList(charge_point=charge_point)
        page = self.paginate_queryset(self.get_queryset().filter(local_list__charge_point=charge_point)) or []
        context = {
            **self.get_serializer_context(),
            "is_staff": user_of(request).is_staff,
            "labels": local_lists.own_labels(charge_point, [entry.id_tag for entry in page]),
        }
        results = LocalListEntrySerializer(page, many=True, context=context).data
        paged: Any = self.get_paginated_response(results).data
        return Response({**LocalListSerializer(known).data, **paged})
