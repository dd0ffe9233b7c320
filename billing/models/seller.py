"""Who an owner is before the tax office: what the law makes a platform collect of those who earn through it."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class SellerData(models.Model):
    """Name, address and numbers of an owner, as she declared them; and how often she was asked."""

    class Kind(models.TextChoices):
        PRIVATE = "private", _("Private person, occasionally")
        TRADE = "trade", _("Self-employed with a trade licence")
        COMPANY = "company", _("Company")

    owner = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="seller_data")
    kind = models.CharField(_("I share my charger as"), max_length=10, choices=Kind, default=Kind.PRIVATE)
    name = models.CharField(_("full name or company"), max_length=100, blank=True)
    street = models.CharField(_("street and number"), max_length=100, blank=True)
    city = models.CharField(_("town"), max_length=60, blank=True)
    postcode = models.CharField(_("postcode"), max_length=10, blank=True)
    country = models.CharField(_("country"), max_length=2, default="CZ")
    birth_date = models.DateField(_("date of birth"), null=True, blank=True)
    company_id = models.CharField(_("company number (IČO)"), max_length=20, blank=True)
    tin = models.CharField(_("tax number (TIN)"), max_length=20, blank=True)
    vat_id = models.CharField(_("VAT number (DIČ)"), max_length=20, blank=True)
    is_vat_payer = models.BooleanField(_("I am a payer of VAT"), default=False)
    completed_at = models.DateTimeField(null=True, blank=True)
    asked_at = models.DateTimeField(null=True, blank=True, help_text=_("When we asked for it first."))
    reminded_at = models.DateTimeField(null=True, blank=True, help_text=_("When we asked for it again."))

    class Meta:
        verbose_name = _("data for the tax office")
        verbose_name_plural = _("data for the tax office")
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.name or str(self.owner)
