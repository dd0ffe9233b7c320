"""The door of money for programs: wallet, top-ups, receipts, tariffs, earnings. Everybody sees her own."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import mixins, status
from rest_framework.exceptions import NotFound
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from accounts.api import idempotent
from accounts.models import User
from billing import earnings, instruments, journal, ledger, receipts, refunds, tariffs, top_ups
from billing.models import ChargeDetailRecord, LedgerTransaction, Refund, Tariff, TopUp
from billing.serializers import (
    FIELDS_OF_TARIFF,
    EarningsSerializer,
    InstrumentSerializer,
    MovementSerializer,
    ReceiptSerializer,
    RefundSerializer,
    TariffSerializer,
    TopUpSerializer,
    WalletSerializer,
    WholeReceiptSerializer,
)
from billing.views.wallet import WAITING
from chargeshare.errors import Invalid


def _user(request: Request) -> User:
    """Who asks; nobody gets here without having logged in."""
    if not isinstance(request.user, User):
        raise NotFound
    return request.user


class WalletView(APIView):
    """My wallet."""

    @extend_schema(summary="My wallet", responses=WalletSerializer, tags=["wallet"])
    def get(self, request: Request) -> Response:
        """What I have, what is held, what I can spend."""
        return Response(WalletSerializer(ledger.wallet(_user(request))).data)


class EntryListView(GenericAPIView[LedgerTransaction]):
    """The journal."""

    queryset = LedgerTransaction.objects.none()

    @extend_schema(summary="The journal of my wallet, newest first", responses=MovementSerializer(many=True), tags=["wallet"])
    def get(self, request: Request) -> Response:
        """A page of events, told from my side."""
        page = self.paginate_queryset(journal.events(_user(request))) or []
        return self.get_paginated_response([MovementSerializer(movement).data for movement in journal.movements(_user(request), page)])


class TopUpViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[TopUp]):
    """Money on its way into my wallet."""

    serializer_class = TopUpSerializer
    queryset = TopUp.objects.none()
    lookup_field = "code"

    def get_queryset(self) -> QuerySet[TopUp]:
        """Mine."""
        return TopUp.objects.filter(user=_user(self.request))

    @extend_schema(summary="My top-ups, newest first", tags=["wallet"])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """All of mine."""
        return super().list(request, *args, **kwargs)

    @extend_schema(summary="Top up", request=TopUpSerializer, responses={201: TopUpSerializer}, tags=["wallet"])
    @idempotent
    def create(self, request: Request) -> Response:
        """Begin one; the payer's browser then goes to `gateway_url`."""
        wanted = TopUpSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        top_up = top_ups.begin(
            _user(request), wanted.validated_data["amount_minor"], instrument=wanted.validated_data.get("instrument", "")
        )
        return Response(TopUpSerializer(top_up).data, status=status.HTTP_201_CREATED)

    @extend_schema(summary="How a top-up stands", tags=["wallet"])
    def retrieve(self, request: Request, *_args: Any, **_kwargs: Any) -> Response:
        """While it waits, the gateway is asked, at most every five seconds."""
        top_up = self.get_object()
        if top_up.gateway_id is not None and top_up.status in WAITING:
            top_up = top_ups.refresh(top_up.gateway_id) or top_up
        return Response(TopUpSerializer(top_up, context={"request": request}).data)


class InstrumentsView(APIView):
    """Ways to pay."""

    @extend_schema(summary="Ways to pay that the gateway has", responses=InstrumentSerializer(many=True), tags=["wallet"])
    def get(self, request: Request) -> Response:  # noqa: ARG002 - DRF's signature
        """None where it is not known; the payer then picks at the gateway."""
        return Response(InstrumentSerializer(instruments.enabled(), many=True).data)


class RefundsView(GenericAPIView[Refund]):
    """Money on its way from my wallet back to where it came from."""

    serializer_class = RefundSerializer
    queryset = Refund.objects.none()
    filter_backends = ()

    @extend_schema(
        operation_id="wallet_refunds_list", summary="My refunds, newest first", responses=RefundSerializer(many=True), tags=["wallet"]
    )
    def get(self, request: Request) -> Response:
        """All of mine."""
        page = self.paginate_queryset(refunds.of(_user(request))) or []
        return self.get_paginated_response([RefundSerializer(refund).data for refund in page])

    @extend_schema(
        summary="Have money returned",
        request=RefundSerializer,
        responses={201: {"type": "array", "items": {"$ref": "#/components/schemas/Refund"}}},
        tags=["wallet"],
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """To the payments it came from, the newest first: each that takes part makes a refund of its own."""
        wanted = RefundSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        made = refunds.request(_user(request), wanted.validated_data["amount_minor"])
        return Response([RefundSerializer(refund).data for refund in made], status=status.HTTP_201_CREATED)


ROLE = OpenApiParameter(
    "role", OpenApiTypes.STR, enum=["driver", "owner", "staff"], description="Mine as a driver, at my chargers, or all."
)


@extend_schema_view(
    list=extend_schema(summary="My receipts, newest first", parameters=[ROLE], tags=["receipts"]),
    retrieve=extend_schema(
        summary="A receipt with its lines and the readings of the meter", responses=WholeReceiptSerializer, tags=["receipts"]
    ),
)
class ReceiptViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[ChargeDetailRecord]):
    """Receipts."""

    serializer_class = ReceiptSerializer
    queryset = ChargeDetailRecord.objects.none()
    lookup_field = "number"
    lookup_value_regex = "[0-9-]+"

    def get_serializer_class(self) -> type[ReceiptSerializer]:
        """One receipt comes with its readings, a list without."""
        return ReceiptSerializer if self.action == "list" else WholeReceiptSerializer

    def get_queryset(self) -> QuerySet[ChargeDetailRecord]:
        """Those I paid, or on being asked those I earned; a single one if it is mine on either side."""
        user = _user(self.request)
        if self.action != "list":
            return receipts.visible_to(user).select_related("corrects").prefetch_related("lines")
        listed = ChargeDetailRecord.objects.select_related("corrects").prefetch_related("lines").defer("readings")
        match self.request.query_params.get("role", "driver"):
            case "driver":
                return listed.filter(driver=user)
            case "owner":
                return listed.filter(owner=user)
            case "staff" if user.is_staff:
                return listed
            case "staff":
                raise NotFound
        raise Invalid(fields={"role": ["driver, owner"]})


class TariffViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[Tariff]):
    """My price lists."""

    serializer_class = TariffSerializer
    queryset = Tariff.objects.none()
    lookup_value_regex = "[0-9]{1,18}"

    def get_queryset(self) -> QuerySet[Tariff]:
        """Mine, those in use."""
        return tariffs.of(_user(self.request))

    @extend_schema(summary="My tariffs", tags=["tariffs"])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """All of mine."""
        return super().list(request, *args, **kwargs)

    @extend_schema(summary="A tariff", tags=["tariffs"])
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One of mine, at its newest version."""
        return super().retrieve(request, *args, **kwargs)

    @extend_schema(summary="Add a tariff", request=TariffSerializer, responses={201: TariffSerializer}, tags=["tariffs"])
    @idempotent
    def create(self, request: Request) -> Response:
        """Prices left out are zero."""
        tariff = tariffs.create(_user(request), _sent(request))
        return Response(TariffSerializer(tariff).data, status=status.HTTP_201_CREATED)

    @extend_schema(summary="Change a tariff", request=TariffSerializer, responses=TariffSerializer, tags=["tariffs"])
    def partial_update(self, request: Request, *_args: Any, **_kwargs: Any) -> Response:
        """Sessions that run keep their prices."""
        return Response(TariffSerializer(tariffs.edit(self.get_object(), _sent(request))).data)

    @extend_schema(summary="Delete a tariff", responses={204: OpenApiResponse(description="Deleted")}, tags=["tariffs"])
    def destroy(self, _request: Request, *_args: Any, **_kwargs: Any) -> Response:
        """Receipts keep the prices they were made with."""
        tariffs.delete(self.get_object())
        return Response(status=status.HTTP_204_NO_CONTENT)


def _sent(request: Request) -> dict[str, Any]:
    if not isinstance(request.data, dict):
        raise Invalid
    return {field: request.data[field] for field in FIELDS_OF_TARIFF if field in request.data}


class EarningsView(APIView):
    """What I have earned."""

    @extend_schema(summary="My earnings, by charger and month", responses=EarningsSerializer, tags=["earnings"])
    def get(self, request: Request) -> Response:
        """Pending for 72 hours, then available."""
        return Response(EarningsSerializer(earnings.of(_user(request))).data)
