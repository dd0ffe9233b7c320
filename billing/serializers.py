"""Money as the API writes it."""

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from billing import money, receipts, suppliers, tariffs
from billing.api_fields import MoneyField, written
from billing.earnings import Earnings
from billing.journal import Movement
from billing.ledger import Wallet
from billing.models import CdrLine, ChargeDetailRecord, Refund, Tariff, TopUp


@extend_schema_field({"type": "string", "format": "decimal", "example": "6.50"})
class PriceField(serializers.Field[Decimal, Any, str, Any]):
    """A price as a decimal string with at least two decimals; what is sent is judged by `billing.tariffs`."""

    def to_representation(self, value: Decimal) -> str:
        """Write 6.50, 0.125."""
        return money.number(value, language="en").replace(",", "")

    def to_internal_value(self, data: Any) -> Any:
        """Leave it as it was sent."""
        return data


class WalletSerializer(serializers.Serializer[Wallet]):
    """What a person has. `available` is the balance less what is held; promo credit is spent first."""

    balance = MoneyField(source="balance_minor", read_only=True)
    cash = MoneyField(source="cash_minor", read_only=True)
    promo = MoneyField(source="promo_minor", read_only=True)
    held = MoneyField(source="held_minor", read_only=True)
    available = MoneyField(source="available_minor", read_only=True)
    debt = serializers.SerializerMethodField(help_text="What is owed for earlier sessions; the next top-up pays it first.")

    @extend_schema_field(MoneyField)
    def get_debt(self, wallet: Wallet) -> dict[str, str]:
        """Written without a sign."""
        return written(-wallet.debt_minor, wallet.currency)


class MovementSerializer(serializers.Serializer[Movement]):
    """One line of the journal: how the balance changed, and what remained."""

    id = serializers.IntegerField(read_only=True)
    at = serializers.DateTimeField(read_only=True)
    kind = serializers.CharField(read_only=True, help_text="top_up, refund, settle, correct, grant, …")
    note = serializers.CharField(read_only=True)
    amount = MoneyField(source="amount_minor", read_only=True)
    cash = MoneyField(source="cash_minor", read_only=True)
    promo = MoneyField(source="promo_minor", read_only=True)
    debt = MoneyField(source="debt_minor", read_only=True, help_text="Negative where a debt was made, positive where it was paid.")
    balance = MoneyField(source="balance_minor", read_only=True)
    receipt = serializers.SerializerMethodField()

    def get_receipt(self, movement: Movement) -> str | None:
        """The number of the receipt behind it."""
        return movement.receipt.number if movement.receipt else None


class TopUpSerializer(serializers.ModelSerializer[TopUp]):
    """A top-up. The payer's browser goes to `gateway_url`."""

    amount = MoneyField(source="amount_minor")
    refunded = MoneyField(source="refunded_minor", read_only=True)
    instrument = serializers.CharField(
        max_length=40, required=False, write_only=True, help_text="How to pay, out of wallet/instruments/; otherwise picked at the gateway."
    )

    class Meta:
        model = TopUp
        fields = ["code", "status", "amount", "instrument", "refunded", "gateway", "gateway_url", "created_at", "paid_at"]
        read_only_fields = ["code", "status", "gateway", "gateway_url", "created_at", "paid_at"]


class InstrumentSerializer(serializers.Serializer[Any]):
    """A way to pay."""

    code = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # a field named label


class LineSerializer(serializers.ModelSerializer[CdrLine]):
    """One line of a receipt."""

    unit_price = PriceField(read_only=True)
    amount = serializers.SerializerMethodField()

    class Meta:
        model = CdrLine
        fields = ["kind", "text", "quantity", "unit_price", "amount"]
        read_only_fields = ["kind", "text", "quantity"]

    @extend_schema_field(MoneyField)
    def get_amount(self, line: CdrLine) -> dict[str, str]:
        """In the currency of the receipt."""
        return written(line.amount_minor, line.cdr.currency)


class SupplierSerializer(serializers.Serializer[ChargeDetailRecord]):
    """Who issued a receipt: the owner (`agent`), or the platform on her account (`commissionaire`)."""

    model = serializers.CharField(source="supply_model", read_only=True, help_text="agent, commissionaire")
    name = serializers.SerializerMethodField()
    address = serializers.CharField(source="supplier_address", read_only=True)
    company_id = serializers.CharField(source="supplier_company_id", read_only=True)
    vat_id = serializers.CharField(source="supplier_vat_id", read_only=True)

    def get_name(self, cdr: ChargeDetailRecord) -> str:
        """Old receipts name the owner alone."""
        return suppliers.of_record(cdr).name


class VatSerializer(serializers.Serializer[Any]):
    """The tax in a total that includes it; for the schema alone."""

    percent = serializers.CharField(help_text="21.00")
    base = MoneyField()
    amount = MoneyField()


class ReadingSerializer(serializers.Serializer[Any]):
    """What the meter said on the way; either figure may be missing."""

    at = serializers.DateTimeField(read_only=True)
    energy_wh = serializers.IntegerField(read_only=True, allow_null=True, help_text="The meter's register.")
    power_w = serializers.IntegerField(read_only=True, allow_null=True)


_OF_THE_OWNER = ("fee", "fee_vat", "earned")
_OF_THE_HOLDER = ("card",)


class ReceiptSerializer(serializers.ModelSerializer[ChargeDetailRecord]):
    """The frozen record of a session. `fee` and `earned` are for the owner and staff, the card for its holder and staff."""

    session = serializers.UUIDField(source="session_code", read_only=True)
    corrects = serializers.SlugRelatedField[ChargeDetailRecord](slug_field="number", read_only=True, allow_null=True)
    charge_point = serializers.CharField(source="charge_point_code", read_only=True)
    connector = serializers.CharField(source="connector_label", read_only=True)
    card = serializers.CharField(source="id_token_label", read_only=True)
    total = MoneyField(source="total_minor", read_only=True)
    promo = MoneyField(source="promo_minor", read_only=True)
    cash = MoneyField(source="cash_minor", read_only=True)
    debt = MoneyField(source="debt_minor", read_only=True)
    not_charged = MoneyField(source="loss_minor", read_only=True)
    fee = MoneyField(source="fee_minor", read_only=True)
    earned = MoneyField(source="owner_minor", read_only=True)
    supplier = SupplierSerializer(source="*", read_only=True)
    vat = serializers.SerializerMethodField(help_text="The tax in the total; null where the supplier is no payer of VAT.")
    fee_vat = serializers.SerializerMethodField(help_text="The tax in the platform's fee; null where there is none.")
    lines = LineSerializer(many=True, read_only=True)

    class Meta:
        model = ChargeDetailRecord
        fields = [
            *("number", "session", "corrects", "owner_name", "place_name", "place_address", "charge_point", "connector", "card"),
            *("started_at", "stopped_at", "meter_start_wh", "meter_stop_wh", "energy_wh", "total", "promo", "cash", "debt", "not_charged"),
            *("supplier", "vat", "fee", "fee_vat", "earned", "tariff", "is_estimated", "created_at", "lines"),
        ]
        read_only_fields = fields

    def get_fields(self) -> dict[str, Any]:
        """What one side alone gets is not promised to the other."""
        fields = super().get_fields()
        for name in (*_OF_THE_OWNER, *_OF_THE_HOLDER):
            fields[name].read_only = fields[name].required = False
        return fields

    @extend_schema_field(VatSerializer(allow_null=True))
    def get_vat(self, cdr: ChargeDetailRecord) -> dict[str, Any] | None:
        """Base and tax add up to the total."""
        return _vat(cdr, cdr.vat_percent, receipts.vat(cdr))

    @extend_schema_field(VatSerializer(allow_null=True))
    def get_fee_vat(self, cdr: ChargeDetailRecord) -> dict[str, Any] | None:
        """Base and tax add up to the fee."""
        return _vat(cdr, cdr.fee_vat_percent, receipts.fee_vat(cdr))

    def to_representation(self, instance: ChargeDetailRecord) -> dict[str, Any]:
        """Each side sees its own."""
        written_down = super().to_representation(instance)
        user = self.context["request"].user
        kept_back: list[str] = []
        if not user.is_staff and instance.owner_id != user.pk:
            kept_back += _OF_THE_OWNER
        if not user.is_staff and instance.driver_id != user.pk:
            kept_back += _OF_THE_HOLDER
        return {name: value for name, value in written_down.items() if name not in kept_back}


def _vat(cdr: ChargeDetailRecord, percent: Decimal | None, tax: receipts.Vat | None) -> dict[str, Any] | None:
    if tax is None:
        return None
    return {"percent": str(percent), "base": written(tax.base_minor, cdr.currency), "amount": written(tax.vat_minor, cdr.currency)}


class WholeReceiptSerializer(ReceiptSerializer):
    """The same with the readings of the meter that were frozen with it."""

    readings = serializers.SerializerMethodField()

    class Meta(ReceiptSerializer.Meta):
        fields = [*ReceiptSerializer.Meta.fields, "readings"]
        read_only_fields = fields

    @extend_schema_field(ReadingSerializer(many=True))
    def get_readings(self, cdr: ChargeDetailRecord) -> list[dict[str, Any]]:
        """Oldest first, at most 120."""
        return [{"at": at, "energy_wh": energy_wh, "power_w": power_w} for at, energy_wh, power_w in cdr.readings]


class RefundSerializer(serializers.Serializer[Refund]):
    """Money on its way back to the payment it came from."""

    code = serializers.UUIDField(read_only=True)
    amount = MoneyField(source="amount_minor")
    status = serializers.ChoiceField(choices=Refund.Status.choices, read_only=True)
    top_up = serializers.UUIDField(source="top_up.code", read_only=True)
    created_at = serializers.DateTimeField(read_only=True)
    done_at = serializers.DateTimeField(read_only=True, allow_null=True)


@extend_schema_field({"oneOf": [{"type": "integer", "minimum": 1, "maximum": 7}, {"type": "string"}]})
class DayField(serializers.CharField):
    """A day of the week, as its number or its short name; for the schema alone."""


class BandSerializer(serializers.Serializer[Any]):
    """Hours with a price of their own, in the charger's local time; for the schema alone."""

    days = serializers.ListField(child=DayField(), help_text="1 (Monday) to 7, or mon … sun; empty for every day.")
    to = serializers.CharField(help_text="06:00; at or before `from` it means the next day.")
    price_per_kwh = serializers.CharField()

    def get_fields(self) -> dict[str, Any]:
        """`from` is a word of the language."""
        return {**super().get_fields(), "from": serializers.CharField(help_text="22:00")}


class TariffSerializer(serializers.Serializer[Tariff]):
    """A price list. Its id stays the same over its versions; prices are decimal strings in the main unit of `currency`."""

    id = serializers.IntegerField(read_only=True)
    name = serializers.CharField(max_length=60)
    currency = serializers.CharField(required=False)
    price_per_kwh = PriceField(source="current.price_per_kwh", required=False)
    price_per_minute = PriceField(source="current.price_per_minute", required=False)
    session_fee = PriceField(source="current.session_fee", required=False)
    idle_price_per_minute = PriceField(source="current.idle_price_per_minute", required=False)
    minimum_price = PriceField(source="current.minimum_price", required=False)
    idle_grace_minutes = serializers.IntegerField(source="current.idle_grace_minutes", required=False)
    idle_cap = PriceField(source="current.idle_cap", required=False, help_text="The most that standing costs in one session.")
    idle_quiet_from = serializers.CharField(
        source="current.idle_quiet_from", required=False, allow_blank=True, help_text="22:00: from then on standing is free; empty: never."
    )
    idle_quiet_to = serializers.CharField(source="current.idle_quiet_to", required=False, allow_blank=True)
    bands = serializers.SerializerMethodField()
    valid_from = serializers.DateTimeField(
        source="scheduled.valid_from",
        required=False,
        allow_null=True,
        default=None,
        help_text="When other prices take over; sent along with them.",
    )

    @extend_schema_field(BandSerializer(many=True))
    def get_bands(self, tariff: Tariff) -> list[dict[str, Any]]:
        """As they were written."""
        return list(tariff.current.bands) if tariff.current is not None else []


FIELDS_OF_TARIFF = ("name", "currency", "valid_from", *tariffs.PRICES)


class HarvestSerializer(serializers.Serializer[Any]):
    """What one charger or one month brought."""

    earned = MoneyField()
    energy_wh = serializers.IntegerField()
    sessions = serializers.IntegerField()


class OfChargePointSerializer(HarvestSerializer):
    """By charger."""

    charge_point = serializers.CharField()


class OfMonthSerializer(HarvestSerializer):
    """By month."""

    month = serializers.CharField(help_text="2026-11")


class EarningsSerializer(serializers.Serializer[Earnings]):
    """What an owner has earned: pending for 72 hours, then available."""

    pending = MoneyField(source="pending_minor", read_only=True)
    available = MoneyField(source="available_minor", read_only=True)
    in_payout = MoneyField(source="in_payout_minor", read_only=True)
    by_charge_point = serializers.SerializerMethodField()
    by_month = serializers.SerializerMethodField()

    @extend_schema_field(OfChargePointSerializer(many=True))
    def get_by_charge_point(self, earnings: Earnings) -> list[dict[str, Any]]:
        """By the code of the charger."""
        return [
            {"charge_point": code, "earned": written(one.earned_minor), "energy_wh": one.energy_wh, "sessions": one.sessions}
            for code, one in earnings.by_charge_point.items()
        ]

    @extend_schema_field(OfMonthSerializer(many=True))
    def get_by_month(self, earnings: Earnings) -> list[dict[str, Any]]:
        """Newest first."""
        return [
            {"month": f"{month:%Y-%m}", "earned": written(one.earned_minor), "energy_wh": one.energy_wh, "sessions": one.sessions}
            for month, one in earnings.by_month.items()
        ]
