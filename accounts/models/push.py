"""By which ways and when a person wants to be told, and the devices that take pushes."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.models.logins import TokenChain
from accounts.models.notification import Notification
from accounts.models.people import User


class NotificationPreferences(models.Model):
    """What a person has chosen herself; who has chosen nothing has no row and is told as `accounts.ways` says."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="notification_preferences")
    ways = models.JSONField(default=dict, help_text=_("For each group that was chosen, whether it goes by e-mail and by push."))
    quiet_from = models.TimeField(_("quiet from"), null=True, blank=True)
    quiet_to = models.TimeField(_("quiet until"), null=True, blank=True)
    time_zone = models.CharField(_("time zone"), max_length=64, default=settings.TIME_ZONE)

    class Meta:
        verbose_name = _("preferences for notifications")
        verbose_name_plural = _("preferences for notifications")
        constraints = [
            models.CheckConstraint(
                condition=Q(quiet_from=None, quiet_to=None)
                | (Q(quiet_from__isnull=False, quiet_to__isnull=False) & ~Q(quiet_from=F("quiet_to"))),
                name="quiet_hours_have_two_ends",
            )
        ]

    def __str__(self) -> str:
        return str(self.user)


class PushSubscription(models.Model):
    """A browser or a program that takes pushes, as long as the log-in it was made with lasts.

    The address and the keys are the device's word. Whoever has them could show things on it, so they are never shown.
    """

    code = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="push_subscriptions")
    endpoint = models.CharField(max_length=1000, unique=True, help_text=_("Where its push service takes messages for it."))
    p256dh = models.CharField(max_length=88, help_text=_("Its public key."))
    auth = models.CharField(max_length=24, help_text=_("The secret it shares with us."))
    name = models.CharField(_("device"), max_length=60)
    session_key = models.CharField(max_length=40, blank=True, editable=False, help_text=_("The browser's log-in."))
    token_chain = models.ForeignKey(TokenChain, on_delete=models.CASCADE, null=True, related_name="+", help_text=_("The program's log-in."))
    password_mark = models.CharField(max_length=64, help_text=_("Which password was valid then; a new one ends it."))
    created_at = models.DateTimeField(auto_now_add=True)
    used_at = models.DateTimeField(help_text=_("When it was made, renewed, or took a push."))

    class Meta:
        verbose_name = _("device that takes pushes")
        verbose_name_plural = _("devices that take pushes")
        ordering = ["-used_at", "-id"]
        indexes = [models.Index(fields=["session_key"], name="push_of_a_browser")]

    def __str__(self) -> str:
        return self.name


class Push(models.Model):
    """A notification that is to go to one device. The row is gone once it went or there is no sense in it any more."""

    notification = models.ForeignKey(Notification, on_delete=models.CASCADE, related_name="pushes")
    subscription = models.ForeignKey(PushSubscription, on_delete=models.CASCADE, related_name="pushes")
    attempts = models.PositiveSmallIntegerField(default=0)
    after = models.DateTimeField(help_text=_("Not to be tried before."))
    until = models.DateTimeField(help_text=_("Nobody wants to hear it later."))

    class Meta:
        verbose_name = _("push")
        verbose_name_plural = _("pushes")
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["notification", "subscription"], name="one_push_per_device")]
        indexes = [models.Index(fields=["after"], name="push_due")]

    def __str__(self) -> str:
        return f"{self.notification_id} · {self.subscription_id}"
