"""Payouts for programs."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import mixins, serializers, status
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts.api import idempotent
from accounts.models import User
from billing import bank_accounts, payouts
from billing.api_fields import MoneyField, written
from billing.models import Payout


class PayoutSerializer(serializers.ModelSerializer[Payout]):
    """One payout. It waits until `held_until` where its bank account is new, and until that is confirmed by e-mail."""

    amount = serializers.SerializerMethodField()
    held_until = serializers.SerializerMethodField()
    is_confirmed = serializers.SerializerMethodField(help_text="Whether the bank account has been confirmed by e-mail.")

    class Meta:
        model = Payout
        fields = [
            *("code", "status", "amount", "iban", "name", "variable_symbol", "is_automatic", "is_confirmed", "held_until"),
            *("reason", "created_at", "approved_at", "paid_at", "ended_at"),
        ]
        read_only_fields = fields

    @extend_schema_field(MoneyField)
    def get_amount(self, payout: Payout) -> dict[str, str]:
        """In its own currency."""
        return written(payout.amount_minor, payout.currency)

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_held_until(self, payout: Payout) -> str | None:
        """Null once nothing but a look of staff is waited for."""
        until = max(payout.not_before, payout.bank_account.usable_from)
        is_held = payout.status == Payout.Status.REQUESTED and until > payout.created_at
        return serializers.DateTimeField().to_representation(until) if is_held else None

    def get_is_confirmed(self, payout: Payout) -> bool:
        """By the link in the e-mail."""
        return payout.bank_account.confirmed_at is not None


class WishSerializer(serializers.Serializer[Payout]):
    """What to pay out, and where to. Without `iban` to the account in use."""

    amount = MoneyField()
    iban = serializers.CharField(max_length=50, required=False, allow_blank=True, help_text="CZ6508000000192000145399")


class PayoutViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[Payout]):
    """My payouts."""

    serializer_class = PayoutSerializer
    queryset = Payout.objects.none()
    lookup_field = "code"
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[Payout]:
        """Mine, the newest first."""
        return Payout.objects.filter(owner=self._owner()).select_related("bank_account")

    def _owner(self) -> User:
        if not isinstance(self.request.user, User):
            raise NotFound
        return self.request.user

    @extend_schema(summary="My payouts, newest first", tags=["earnings"])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """All of mine."""
        return super().list(request, *args, **kwargs)

    @extend_schema(summary="A payout", tags=["earnings"])
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One of mine."""
        return super().retrieve(request, *args, **kwargs)

    @extend_schema(summary="Have earnings paid out", request=WishSerializer, responses={201: PayoutSerializer}, tags=["earnings"])
    @idempotent
    def create(self, request: Request) -> Response:
        """The money is put aside at once. A bank account nobody has used before is confirmed by e-mail and rests 72 hours first."""
        wish = WishSerializer(data=request.data)
        wish.is_valid(raise_exception=True)
        payout = bank_accounts.pay_out(self._owner(), wish.validated_data["amount"], wish.validated_data.get("iban"))
        return Response(PayoutSerializer(payout).data, status=status.HTTP_201_CREATED)

    @extend_schema(summary="Cancel a payout", responses={204: OpenApiResponse(description="Cancelled")}, tags=["earnings"])
    def destroy(self, _request: Request, *_args: Any, **_kwargs: Any) -> Response:
        """While it is `requested`; the money is among the earnings again."""
        payouts.cancel(self.get_object())
        return Response(status=status.HTTP_204_NO_CONTENT)
