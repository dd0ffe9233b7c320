"""The cards a box keeps for itself, as the box and we agree on them."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from stations.models import ChargePoint


class LocalList(models.Model):
    """What we know of the list of cards in one box, and what its owner wants of it.

    `version` is the last one the box accepted or told. While `is_agreed`, the entries are exactly what stands in the box.
    """

    charge_point = models.OneToOneField(ChargePoint, verbose_name=_("charge point"), on_delete=models.CASCADE, related_name="local_list")
    version = models.BigIntegerField(_("version"), null=True, help_text=_("As the box last accepted or told it; empty: never heard."))
    is_agreed = models.BooleanField(_("agreed"), default=False, help_text=_("Whether the entries are what stands in the box."))
    is_supported = models.BooleanField(_("supported"), default=True, help_text=_("False once the box said that it keeps no list."))
    outcome = models.CharField(
        _("outcome"), max_length=20, blank=True, help_text=_("What the box last answered to a list, as OCPP spells it.")
    )
    sending_version = models.BigIntegerField(_("version under way"), null=True, help_text=_("The version of the piece we sent last."))
    sent_at = models.DateTimeField(_("sent at"), null=True, help_text=_("When the box last accepted a list or a part of one."))
    confirmed_at = models.DateTimeField(_("confirmed at"), null=True, help_text=_("When the box last told the version we expected."))
    heard_at = models.DateTimeField(_("version heard at"), null=True, help_text=_("When the box last told its version."))
    is_kept = models.BooleanField(_("kept up to date"), default=False, help_text=_("Sent again by itself when cards change."))
    works_offline = models.BooleanField(
        _("works offline"), default=False, help_text=_("The owner lets the box decide by it while it is offline.")
    )

    class Meta:
        verbose_name = _("list of cards in a box")
        verbose_name_plural = _("lists of cards in boxes")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.charge_point} · {self.version}"


class LocalListEntry(models.Model):
    """One card in a box."""

    local_list = models.ForeignKey(LocalList, verbose_name=_("list of cards in a box"), on_delete=models.CASCADE, related_name="entries")
    id_tag = models.CharField(_("card"), max_length=20, help_text=_("As it was sent."))
    status = models.CharField(_("status"), max_length=20, help_text=_("As OCPP spells it."))
    expires_at = models.DateTimeField(_("valid until"), null=True)
    parent_tag = models.CharField(_("group tag"), max_length=20, blank=True)

    class Meta:
        verbose_name = _("card in a box")
        verbose_name_plural = _("cards in boxes")
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["local_list", "id_tag"], name="one_entry_per_card_in_a_box")]

    def __str__(self) -> str:
        return f"…{self.id_tag[-4:]}"
