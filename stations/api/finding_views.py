"""Saved filters, watched areas and towns over HTTP."""

import hashlib
import uuid
from dataclasses import fields
from typing import Any, TypeVar

from django.conf import settings
from django.db.models import Model, QuerySet
from django.utils.translation import get_language
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts import addresses, codes, counting
from stations import areas, filter_profiles, gazetteer, geocoder
from stations.api.finding_serializers import AreaSerializer, FilterProfileSerializer, TownQuery, TownSerializer
from stations.api.permissions import user_of
from stations.areas import Area
from stations.models import AreaAlert, FilterProfile

M = TypeVar("M", bound=Model)
ADDRESSES_A_MINUTE = 20
CODE = OpenApiParameter("code", uuid.UUID, OpenApiParameter.PATH)


class MineViewSet(GenericViewSet[M]):
    """Rows with a code that are the caller's alone: each sees, changes and deletes her own."""

    permission_classes = [IsAuthenticated]
    filter_backends = ()
    lookup_field = "code"
    lookup_value_regex = r"[^/]+"

    def get_queryset(self) -> QuerySet[M]:
        """Mine."""
        return super().get_queryset().filter(user=user_of(self.request))

    @extend_schema(filters=False)
    def list(self, request: Request) -> Response:  # noqa: ARG002 - the name the router passes it by
        """In the order they were made."""
        return self.get_paginated_response(self.get_serializer(self.paginate_queryset(self.get_queryset()), many=True).data)

    @extend_schema(parameters=[CODE])
    def retrieve(self, request: Request, code: str) -> Response:  # noqa: ARG002 - the name the router passes it by
        """One of them."""
        return Response(self.get_serializer(self.mine(code)).data)

    @extend_schema(parameters=[CODE], responses={204: None})
    def destroy(self, request: Request, code: str) -> Response:  # noqa: ARG002 - the name the router passes it by
        """Delete it."""
        self.remove(self.mine(code))
        return Response(status=status.HTTP_204_NO_CONTENT)

    def mine(self, code: str) -> M:
        """The one with this code; another's looks as if it did not exist."""
        return codes.find(self.get_queryset(), code)

    def remove(self, row: M) -> None:
        """What deleting one comes to."""
        raise NotImplementedError

    def said(self, request: Request, row: M | None = None) -> dict[str, Any]:
        """What was sent, read; for a row, only what is to change."""
        serializer = self.get_serializer(row, data=request.data, partial=row is not None)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)


class FilterProfileViewSet(MineViewSet[FilterProfile]):
    """Filters of the map that I have saved."""

    queryset = FilterProfile.objects.all()
    serializer_class = FilterProfileSerializer

    @extend_schema(responses={201: FilterProfileSerializer})
    def create(self, request: Request) -> Response:
        """Save filters under a name."""
        profile = filter_profiles.save(user_of(request), **self.said(request))
        return Response(self.get_serializer(profile).data, status.HTTP_201_CREATED)

    @extend_schema(parameters=[CODE])
    def partial_update(self, request: Request, code: str) -> Response:
        """Another name, other filters, or on whenever I open the map."""
        profile = self.mine(code)
        return Response(self.get_serializer(filter_profiles.edit(profile, **self.said(request, profile))).data)

    def remove(self, row: FilterProfile) -> None:
        """Forget it."""
        filter_profiles.delete(row)


class AreaViewSet(MineViewSet[AreaAlert]):
    """Areas where I wait for a charger: I hear once of each that comes to the map there and that I may see."""

    queryset = AreaAlert.objects.all()
    serializer_class = AreaSerializer

    @extend_schema(responses={201: AreaSerializer})
    def create(self, request: Request) -> Response:
        """Watch an area."""
        alert = areas.watch(user_of(request), Area(**self.said(request)))
        return Response(self.get_serializer(alert).data, status.HTTP_201_CREATED)

    @extend_schema(parameters=[CODE])
    def partial_update(self, request: Request, code: str) -> Response:
        """Another name, place or wish."""
        alert = self.mine(code)
        known: dict[str, Any] = {field.name: getattr(alert, field.name) for field in fields(Area)}
        return Response(self.get_serializer(areas.edit(alert, Area(**{**known, **self.said(request, alert)}))).data)

    def remove(self, row: AreaAlert) -> None:
        """Watch it no longer."""
        areas.remove(row)


class PlaceViewSet(GenericViewSet[Any]):
    """Towns by their names, from a list of our own; addresses as well where the operator has a geocoder."""

    serializer_class = TownSerializer
    permission_classes = [AllowAny]
    filter_backends = ()

    @extend_schema(operation_id="places_list", parameters=[TownQuery], filters=False)
    def list(self, request: Request) -> Response:
        """Whole names first, then the largest. An address goes to the geocoder only if `address=true` asks for it."""
        query = TownQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        text = query.validated_data["q"]
        found: list[Any] = [*gazetteer.find(text)]
        if query.validated_data["address"] and not _asks_too_often(request):
            found += geocoder.find(text, get_language() or settings.LANGUAGE_CODE)
        return self.get_paginated_response(self.get_serializer(self.paginate_queryset(found), many=True).data)


def _asks_too_often(request: Request) -> bool:
    """One caller must not use up what all may ask."""
    digest = hashlib.sha256(addresses.client_address(request).encode()).hexdigest()[:16]
    return counting.add_one(f"geocoder:{digest}", keep_s=60) > ADDRESSES_A_MINUTE
