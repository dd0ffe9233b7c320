"""A standing order to top a wallet up, and the proof that its holder agreed to it."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class AutoTopUp(models.Model):
    """The gateway may charge the saved card again, within what its holder agreed to in so many words."""

    class State(models.TextChoices):
        WAITING = "waiting", _("awaiting the first payment")
        ACTIVE = "active", _("active")
        ENDED = "ended", _("ended")

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="auto_top_ups")
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    amount_minor = models.BigIntegerField(help_text=_("Added each time."))
    below_minor = models.BigIntegerField(help_text=_("When less than this is available."))
    monthly_cap_minor = models.BigIntegerField(help_text=_("The most that is added in a calendar month."))
    currency = models.CharField(max_length=3)
    gateway = models.CharField(max_length=10)
    gateway_id = models.CharField(max_length=40, blank=True, help_text=_("The first payment, which the others repeat."))
    consent = models.TextField(help_text=_("What was agreed to, word for word."))
    consent_address = models.GenericIPAddressField(null=True)
    consented_at = models.DateTimeField(default=timezone.now)
    failures = models.PositiveSmallIntegerField(default=0, help_text=_("Payments in a row that did not go through."))
    rests_until = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    is_voided = models.BooleanField(default=False, help_text=_("Whether the gateway knows that it ended."))

    class Meta:
        verbose_name = _("automatic top-up")
        verbose_name_plural = _("automatic top-ups")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["user"], condition=~Q(state="ended"), name="one_automatic_top_up_per_person"),
        ]
        indexes = [
            models.Index(fields=["id"], condition=Q(state="active"), name="auto_top_up_active"),
            models.Index(fields=["id"], condition=Q(state="ended", is_voided=False), name="auto_top_up_to_void"),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.get_state_display()}"
