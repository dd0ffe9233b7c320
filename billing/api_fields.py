"""How the API writes and reads money."""

from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from billing import money
from chargeshare.errors import DomainError

SCHEMA = {
    "type": "object",
    "properties": {"amount": {"type": "string", "example": "12.34"}, "currency": {"type": "string", "example": "CZK"}},
    "required": ["amount", "currency"],
}


def written(amount_minor: int, currency: str | None = None) -> dict[str, str]:
    """An amount as every answer writes it."""
    return {"amount": str(money.decimal(amount_minor)), "currency": currency or settings.CURRENCY}


@extend_schema_field(SCHEMA)
class MoneyField(serializers.Field[int, Any, dict[str, str], Any]):
    """Out: `{"amount": "12.34", "currency": "CZK"}` of an integer in minor units. In: a decimal string, or the same object.

    The currency is the one of the row (its `currency`), else the house's.
    """

    def to_representation(self, value: int) -> dict[str, str]:
        """Write."""
        row = getattr(self.parent, "instance", None)
        return written(value, getattr(row, "currency", None) if not isinstance(row, list) else None)

    def to_internal_value(self, data: Any) -> int:
        """Read; floats are refused, they are no money."""
        if isinstance(data, dict):
            if set(data) != {"amount", "currency"} or data["currency"] != settings.CURRENCY:
                raise serializers.ValidationError(_("Amounts are in %(currency)s here.") % {"currency": settings.CURRENCY})
            data = data["amount"]
        if isinstance(data, bool) or not isinstance(data, str | int):
            raise serializers.ValidationError(str(money.NotAnAmount.message))
        try:
            return money.minor(data)
        except DomainError as error:
            raise serializers.ValidationError(str(error.message)) from error
