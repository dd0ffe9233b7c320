"""Saved filters, watched areas and towns over HTTP."""

import uuid
from dataclasses import fields
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from chargeshare.errors import NotFound
from stations import areas, filter_profiles
from stations.api.finding_serializers import AreaSerializer, FilterProfileSerializer
from stations.api.permissions import user_of
from stations.areas import Area
from stations.models import AreaAlert, FilterProfile

M = TypeVar("M", bound=Model)
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
        try:
            found = self.get_queryset().filter(code=uuid.UUID(code)).first()
        except ValueError:
            found = None
        if found is None:
            raise NotFound
        return found

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
