"""Charge points and connectors over HTTP."""

from typing import Any

import orjson
from django.db import transaction
from django.db.models import Q, prefetch_related_objects
from django.http import HttpResponse, HttpResponseBase
from drf_spectacular.utils import OpenApiResponse, PolymorphicProxySerializer, extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.permissions import IsAuthenticated, IsAuthenticatedOrReadOnly
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from accounts import addresses, offline
from accounts.models import User
from chargeshare.errors import NotFound
from stations import charge_points, circles, ordering, password_rotation, reviews, search, site_facts
from stations.api import geojson
from stations.api.map_query import MapQuery
from stations.api.permissions import is_managed_by, own_charge_point, seen_charge_point, user_of
from stations.api.serializers import (
    ChargePointEditSerializer,
    ChargePointSerializer,
    ConnectorEditSerializer,
    ConnectorSerializer,
    NearbyPageSchema,
    NearbySerializer,
    OwnChargePointSerializer,
    OwnConnectorSerializer,
    OwnPageSchema,
    PasswordSerializer,
    RegisteredSerializer,
    RegisterSerializer,
    SeenChargePointSerializer,
    SeenConnectorSerializer,
)
from stations.models import ChargePoint, Connector
from stations.ordering import Ordering

WORLD = search.Box(west=-180.0, south=-90.0, east=180.0, north=90.0)
ON_ONE_SCREEN = 500


class ChargePointViewSet(GenericViewSet[ChargePoint]):
    """Charge points: the map for anyone, and everything about my own."""

    queryset = ChargePoint.objects.alive()
    serializer_class = ChargePointSerializer
    permission_classes = [IsAuthenticatedOrReadOnly]
    filter_backends = ()
    lookup_field = "code"
    lookup_value_regex = r"[^/]+"

    @extend_schema(
        parameters=[MapQuery],
        responses={
            200: OpenApiResponse(
                PolymorphicProxySerializer(
                    "PlacesOrPage",
                    [geojson.FeatureCollectionSchema, NearbyPageSchema, OwnPageSchema],
                    resource_type_field_name=None,
                    many=False,
                ),
                description="A GeoJSON FeatureCollection of places; above 500 of them, of clusters. "
                "With `near` or `role=owner` an ordinary page of charge points instead.",
            )
        },
        filters=False,
    )
    def list(self, request: Request) -> HttpResponseBase:
        """Published charge points in a box, by distance, or a page of mine."""
        query = MapQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        asked = query.validated_data
        if asked.get("role") == "owner":
            return self._mine(user_of(request), asked.get("q", ""))
        if "near" in asked:
            latitude, longitude = asked["near"]
            found = search.near(request.user, latitude, longitude, query.wanted(request.user))
            need, first = query.need(request.user), asked["ordering"]
            in_order = found if first == Ordering.DISTANCE else ordering.nearest(found, request.user, need, first)
            page = self.paginate_queryset(in_order) or []
            search.show_prices(page, request.user)
            ordering.look_up(page, need)
            reviews.look_up(page)
            return self.get_paginated_response(NearbySerializer(page, many=True).data)
        collection = self._map(request.user, asked.get("bbox", WORLD), query.wanted(request.user))
        return offline.keep(HttpResponse(orjson.dumps(collection), content_type="application/json"))

    def _map(self, viewer: object, box: search.Box, wanted: search.Wanted) -> dict[str, Any]:
        crowds = search.crowds(viewer, box, wanted)
        if crowds is None:
            spots = search.spots(viewer, box, wanted, limit=ON_ONE_SCREEN)
            if spots is not None:
                return geojson.places(spots)
            crowds = search.clusters(viewer, box, wanted)
        return geojson.collection(geojson.cluster(crowd) for crowd in crowds)

    def _mine(self, owner: User, text: str) -> Response:
        mine = ChargePoint.objects.alive().filter(owner=owner).select_related("site_facts")
        mine = mine.prefetch_related("connectors__tariff__current__tariff", "connectors__circle_prices", "reliability")
        if text:
            mine = mine.filter(Q(name__icontains=text) | Q(address__icontains=text) | Q(identity__icontains=text))
        page = self.paginate_queryset(mine)
        reviews.look_up(page or [])
        return self.get_paginated_response(OwnChargePointSerializer(page, many=True).data)

    @extend_schema(request=RegisterSerializer, responses={201: RegisteredSerializer})
    def create(self, request: Request) -> Response:
        """Register a charge point. The password is in this answer and nowhere else."""
        said = RegisterSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        charge_point, password = charge_points.register(owner=user_of(request), **said.validated_data)
        charge_point.password = password  # type: ignore[attr-defined]  # for this answer alone; no such column exists
        answer = RegisteredSerializer(charge_point).data
        location = addresses.public(request.build_absolute_uri(f"{charge_point.code}/"))
        return Response(answer, status.HTTP_201_CREATED, headers={"Location": location})

    @extend_schema(responses=SeenChargePointSerializer)
    def retrieve(self, request: Request, code: str) -> Response:
        """One charge point; its owner sees more than others."""
        return Response(self._seen(request, seen_charge_point(request, code)))

    @extend_schema(request=ChargePointEditSerializer, responses=OwnChargePointSerializer)
    def partial_update(self, request: Request, code: str) -> Response:
        """Change what the owner may change; publish with `is_published`."""
        charge_point = own_charge_point(request, code)
        said = ChargePointEditSerializer(charge_point, data=request.data, partial=True)
        said.is_valid(raise_exception=True)
        changes = dict(said.validated_data)
        publish, facts = changes.pop("is_published", None), changes.pop("facts", None)
        with transaction.atomic():
            if facts:
                site_facts.edit(charge_point, facts)
            if changes:
                charge_points.edit(charge_point, **changes)
            if publish is not None and publish != charge_point.is_published:
                (charge_points.publish if publish else charge_points.unpublish)(charge_point)
        return Response(self._seen(request, own_charge_point(request, code)))

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, code: str) -> Response:
        """Retire a charge point. Its history stays, its identity is free again."""
        charge_points.retire(own_charge_point(request, code))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=None, responses=PasswordSerializer)
    @action(detail=True, methods=["post"], url_path="rotate-password", permission_classes=[IsAuthenticated])
    def rotate_password(self, request: Request, code: str) -> Response:
        """A new password, shown once; the old one works until the charger has used the new one.

        A charger that we set up is told it, at once or when it comes back.
        """
        return Response({"password": password_rotation.begin(own_charge_point(request, code), asked_by=user_of(request))})

    def _seen(self, request: Request, charge_point: ChargePoint) -> Any:
        if not is_managed_by(charge_point, request.user):
            return ChargePointSerializer(charge_point).data
        prefetch_related_objects([charge_point], "connectors__circle_prices")
        return OwnChargePointSerializer(charge_point).data


class ConnectorView(APIView):
    """One outlet of a charge point."""

    permission_classes = [IsAuthenticatedOrReadOnly]

    @extend_schema(responses=SeenConnectorSerializer)
    def get(self, request: Request, code: str, number: int) -> Response:
        """One outlet; its owner sees the charger's own words as well."""
        charge_point = seen_charge_point(request, code)
        connector = _connector(charge_point, number)
        serializer = OwnConnectorSerializer if is_managed_by(charge_point, request.user) else ConnectorSerializer
        return Response(serializer(connector).data)

    @extend_schema(request=ConnectorEditSerializer, responses=OwnConnectorSerializer)
    def patch(self, request: Request, code: str, number: int) -> Response:
        """Say what kind of outlet it is and what it costs."""
        charge_point = own_charge_point(request, code)
        connector = _connector(charge_point, number)
        said = ConnectorEditSerializer(connector, data=request.data, partial=True, context={"owner_id": charge_point.owner_id})
        said.is_valid(raise_exception=True)
        with transaction.atomic():
            outlet = dict(said.validated_data)
            circles.set_prices(connector, outlet.pop("circle_tariffs", {}))
            charge_points.edit_connector(connector, **outlet)
        return Response(OwnConnectorSerializer(_connector(own_charge_point(request, code), number)).data)


def _connector(charge_point: ChargePoint, number: int) -> Connector:
    """From the connectors that came with the charge point: they exist once the charger has spoken of them."""
    for connector in charge_point.connectors.all():
        if connector.number == number:
            return connector
    raise NotFound
