"""Problems that drivers report, and the codes on chargers, over HTTP."""

import uuid
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from accounts import codes
from chargeshare.errors import NotFound
from stations import problems, stickers
from stations.api.permissions import own_charge_point, user_of
from stations.models import ChargingSession, Problem, Reservation, Sticker

CODE = OpenApiParameter("code", uuid.UUID, OpenApiParameter.PATH)


class ProblemSerializer(serializers.ModelSerializer[Problem]):
    """One report, as its reporter and the owner of the charger see it."""

    charge_point = serializers.CharField(source="charge_point.code", read_only=True)
    connector = serializers.IntegerField(source="connector.number", read_only=True)
    session = serializers.UUIDField(source="session.code", read_only=True, allow_null=True, default=None)
    reservation = serializers.UUIDField(source="reservation.code", read_only=True, allow_null=True, default=None)
    dispute = serializers.UUIDField(
        source="dispute.code", read_only=True, allow_null=True, default=None, help_text="Where it is about money, once there is a receipt."
    )

    class Meta:
        model = Problem
        fields = (
            *("code", "kind", "text", "charge_point", "connector", "session", "reservation", "is_borne_out", "has_photo", "dispute"),
            *("created_at", "mended_at", "answer"),
        )
        read_only_fields = fields


class ReportSerializer(serializers.Serializer[dict[str, Any]]):
    """What is wrong at which visit: a session or a booking."""

    session = serializers.UUIDField(required=False)
    reservation = serializers.UUIDField(required=False)
    kind = serializers.ChoiceField(choices=Problem.Kind.choices)
    text = serializers.CharField(max_length=problems.LONGEST_TEXT, required=False, allow_blank=True, default="")
    photo = serializers.FileField(required=False, help_text="JPEG, PNG or WebP, at most 5 MB; drawn anew.")


class ProblemQuery(serializers.Serializer[dict[str, Any]]):
    """Which problems."""

    role = serializers.ChoiceField(choices=["driver", "owner"], default="driver")
    charge_point = serializers.CharField(max_length=20, required=False)
    is_open = serializers.BooleanField(required=False, allow_null=True, default=None)


class MendSerializer(serializers.Serializer[dict[str, Any]]):
    """A word to the guest."""

    answer = serializers.CharField(max_length=problems.LONGEST_TEXT, required=False, allow_blank=True, default="")


class ProblemViewSet(GenericViewSet[Problem]):
    """What I reported, and what was reported of my chargers."""

    queryset = Problem.objects.select_related("charge_point__owner", "connector", "session", "reservation", "dispute", "reporter")
    serializer_class = ProblemSerializer
    permission_classes = [IsAuthenticated]
    parser_classes = (*APIView.parser_classes, MultiPartParser)
    filter_backends = ()
    lookup_field = "code"
    lookup_value_regex = r"[^/]+"

    def get_queryset(self) -> QuerySet[Problem]:
        """What the caller may see."""
        return super().get_queryset().filter(pk__in=Problem.objects.visible_to(user_of(self.request)).order_by().values("pk"))

    @extend_schema(parameters=[ProblemQuery], filters=False)
    def list(self, request: Request) -> Response:
        """Newest first."""
        query = ProblemQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        asked, user = query.validated_data, user_of(request)
        rows = self.get_queryset().filter(**({"charge_point__owner": user} if asked["role"] == "owner" else {"reporter": user}))
        if "charge_point" in asked:
            rows = rows.filter(charge_point__code=asked["charge_point"])
        if asked["is_open"] is not None:
            rows = rows.filter(mended_at__isnull=asked["is_open"])
        return self.get_paginated_response(self.get_serializer(self.paginate_queryset(rows), many=True).data)

    @extend_schema(
        request={"application/json": ReportSerializer, "multipart/form-data": ReportSerializer}, responses={201: ProblemSerializer}
    )
    def create(self, request: Request) -> Response:
        """Say what is wrong at a visit of mine, until 14 days after it. The same kind of the same visit is the same report."""
        said = ReportSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        words = said.validated_data
        visit = _visit(request, words.get("session"), words.get("reservation"))
        problem = problems.report(user=user_of(request), visit=visit, kind=words["kind"], text=words["text"], photo=words.get("photo"))
        return Response(self.get_serializer(self.get_queryset().get(pk=problem.pk)).data, status.HTTP_201_CREATED)

    @extend_schema(parameters=[CODE])
    def retrieve(self, request: Request, code: str) -> Response:  # noqa: ARG002 - the name the router passes it by
        """One of them."""
        return Response(self.get_serializer(self._found(code)).data)

    @extend_schema(parameters=[CODE], request=MendSerializer, responses=ProblemSerializer)
    @action(detail=True, methods=["post"])
    def mend(self, request: Request, code: str) -> Response:
        """For the owner and staff: it is put right. The driver reads the answer among the messages of her visit."""
        problem = self._found(code)
        said = MendSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        problems.mend(user=user_of(request), problem=problem, answer=said.validated_data["answer"])
        return Response(self.get_serializer(self._found(code)).data)

    def _found(self, code: str) -> Problem:
        return codes.find(self.get_queryset(), code)


class StickerSerializer(serializers.ModelSerializer[Sticker]):
    """The code on an outlet."""

    url = serializers.SerializerMethodField()

    class Meta:
        model = Sticker
        fields = ("url", "created_at")
        read_only_fields = fields

    def get_url(self, sticker: Sticker) -> str:
        """What its QR code says."""
        return stickers.url(sticker)


class StickerView(APIView):
    """The code that is stuck on an outlet; its owner's alone to read."""

    permission_classes = [IsAuthenticated]

    @extend_schema(responses=StickerSerializer)
    def get(self, request: Request, code: str, number: int) -> Response:
        """The valid one."""
        return Response(StickerSerializer(stickers.of(_outlet(request, code, number))).data)

    @extend_schema(request=None, responses={201: StickerSerializer})
    def post(self, request: Request, code: str, number: int) -> Response:
        """Another one; the one before leads to a warning from now on."""
        connector = _outlet(request, code, number)
        return Response(StickerSerializer(stickers.issue(connector, instead_of=stickers.of(connector).short)).data, status.HTTP_201_CREATED)


def _outlet(request: Request, code: str, number: int) -> Any:
    found = next((one for one in own_charge_point(request, code).connectors.all() if one.number == number), None)
    if found is None:
        raise NotFound
    return found


def _visit(request: Request, session: uuid.UUID | None, reservation: uuid.UUID | None) -> problems.Visit:
    visit: problems.Visit | None = None
    if session is not None:
        mine = ChargingSession.objects.filter(driver=user_of(request), code=session)
        visit = mine.select_related("connector__charge_point", "cdr").first()
    elif reservation is not None:
        booked = Reservation.objects.filter(driver=user_of(request), code=reservation)
        visit = booked.select_related("connector__charge_point", "cdr").first()
    if visit is None:
        raise NotFound
    return visit
