"""Charge detail records: the frozen result of a session; receipts are pages over them."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing.models.frozen import Frozen


class ReceiptSeries(models.Model):
    """The last number given in one issuer's series of one year; locked while the next is taken, so none is left out."""

    issuer = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    year = models.PositiveSmallIntegerField()
    last = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name = _("receipt series")
        verbose_name_plural = _("receipt series")
        constraints = [
            models.UniqueConstraint(fields=["issuer", "year"], name="one_series_per_issuer_and_year"),
            models.UniqueConstraint(fields=["year"], condition=Q(issuer=None), name="one_platform_series_per_year"),
        ]

    def __str__(self) -> str:
        return f"{self.issuer_id or 0}/{self.year}"


class ChargeDetailRecord(Frozen):
    """What was charged, where, by whom, for how much, and who got it. Texts are copies: what they named may be gone."""

    class SupplyModel(models.TextChoices):
        AGENT = "agent", _("the owner sells, the platform mediates")
        COMMISSIONAIRE = "commissionaire", _("the platform sells on the owner's account")

    number = models.CharField(max_length=30)
    session_code = models.UUIDField(default=uuid.uuid4, db_index=True, help_text=_("The session it settles, or corrects."))
    corrects = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="corrections")
    # No index of their own, for those below begin with them.
    driver = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="cdrs_paid", db_index=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="cdrs_earned", db_index=False)
    owner_name = models.CharField(max_length=100)
    supply_model = models.CharField(max_length=14, choices=SupplyModel, default=SupplyModel.AGENT)
    supplier_name = models.CharField(max_length=100, blank=True, default="", help_text=_("Who issued it; empty on old ones: the owner."))
    supplier_address = models.CharField(max_length=200, blank=True, default="")
    supplier_company_id = models.CharField(max_length=20, blank=True, default="", help_text=_("IČO of who issued it."))
    supplier_vat_id = models.CharField(max_length=20, blank=True, default="", help_text=_("DIČ of who issued it; only of payers of VAT."))
    place_name = models.CharField(max_length=100)
    place_address = models.CharField(max_length=200, blank=True)
    charge_point_code = models.CharField(max_length=20)
    connector_label = models.CharField(max_length=60)
    id_token_label = models.CharField(max_length=60, blank=True)
    started_at = models.DateTimeField()
    stopped_at = models.DateTimeField()
    meter_start_wh = models.BigIntegerField(null=True)
    meter_stop_wh = models.BigIntegerField(null=True)
    energy_wh = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    total_minor = models.BigIntegerField(help_text=_("What the driver owes; negative on a credit."))
    fee_minor = models.BigIntegerField(help_text=_("The platform's share of the total."))
    owner_minor = models.BigIntegerField(help_text=_("The owner's share of the total."))
    promo_minor = models.BigIntegerField(default=0, help_text=_("Paid from promo credit."))
    cash_minor = models.BigIntegerField(default=0, help_text=_("Paid from own money."))
    debt_minor = models.BigIntegerField(default=0, help_text=_("Not covered by the credit: became a debt."))
    loss_minor = models.BigIntegerField(default=0, help_text=_("Not covered and not claimed: the platform bears it."))
    vat_percent = models.DecimalField(
        max_digits=5, decimal_places=2, null=True, help_text=_("Rate of VAT; none where the issuer is no payer.")
    )
    vat_minor = models.BigIntegerField(default=0, help_text=_("VAT in the total."))
    fee_vat_percent = models.DecimalField(
        max_digits=5, decimal_places=2, null=True, help_text=_("Rate of VAT in the platform's fee; none where the platform is no payer.")
    )
    fee_vat_minor = models.BigIntegerField(default=0, help_text=_("VAT in the platform's fee."))
    tariff = models.JSONField(default=dict, help_text=_("The prices as they were at the start."))
    readings = models.JSONField(default=list, help_text=_("What the meter said on the way, thinned: time, Wh, W."))
    is_estimated = models.BooleanField(default=False)
    is_unproven = models.BooleanField(default=False, help_text=_("The charger had no password: anybody could have spoken for it."))
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("charge detail record")
        verbose_name_plural = _("charge detail records")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["driver", "-id"], name="cdr_of_driver"),
            models.Index(fields=["owner", "-id"], name="cdr_of_owner"),
            # Sums over many receipts are answered from these alone.
            models.Index(
                fields=[
                    *("owner", "created_at", "driver", "corrects", "charge_point_code", "energy_wh"),
                    *("total_minor", "fee_minor", "owner_minor", "vat_minor", "fee_vat_minor"),
                ],
                name="cdr_earned",
            ),
            models.Index(
                fields=[
                    *("owner", "stopped_at", "driver", "corrects", "charge_point_code", "energy_wh"),
                    *("total_minor", "fee_minor", "owner_minor", "vat_minor", "fee_vat_minor"),
                ],
                name="cdr_harvested",
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["number"], name="one_receipt_per_number"),
            models.UniqueConstraint(fields=["session_code"], condition=Q(corrects=None), name="one_settlement_per_session"),
            models.CheckConstraint(condition=Q(total_minor=F("fee_minor") + F("owner_minor")), name="cdr_total_is_shared_out"),
            models.CheckConstraint(
                condition=Q(total_minor=F("promo_minor") + F("cash_minor") + F("debt_minor") + F("loss_minor")),
                name="cdr_total_is_covered",
            ),
            models.CheckConstraint(condition=Q(vat_percent__isnull=False) | Q(vat_minor=0), name="cdr_vat_of_payers_alone"),
        ]

    def __str__(self) -> str:
        return self.number

    def get_absolute_url(self) -> str:
        """The receipt's page."""
        return reverse("billing:receipt", args=[self.number])


class CdrLine(Frozen):
    """One line of a receipt; the lines add up to the total."""

    class Kind(models.TextChoices):
        ENERGY = "energy", _("energy")
        TIME = "time", _("time")
        SESSION = "session", _("start of charging")
        IDLE = "idle", _("standing after charging")
        MINIMUM = "minimum", _("up to the minimum")
        CREDIT = "credit", _("credit of the earlier receipt")
        LATE = "late", _("booking cancelled late")
        NO_SHOW = "no_show", _("booking nobody came to")

    cdr = models.ForeignKey(ChargeDetailRecord, on_delete=models.PROTECT, related_name="lines")
    kind = models.CharField(max_length=10, choices=Kind)
    text = models.CharField(max_length=100, blank=True, help_text=_("E.g. the hours of a band."))
    quantity = models.DecimalField(max_digits=14, decimal_places=3, help_text=_("kWh, minutes or pieces."))
    unit_price = models.DecimalField(max_digits=12, decimal_places=4)
    amount_minor = models.BigIntegerField()

    class Meta:
        verbose_name = _("receipt line")
        verbose_name_plural = _("receipt lines")
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.cdr}: {self.get_kind_display()}"
