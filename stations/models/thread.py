"""What driver and host of one visit write to each other, without either knowing the other's number."""

import uuid
from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from stations.models.charge_point import ChargePoint
from stations.models.reservation import Reservation
from stations.models.session import ChargingSession


class ThreadQuerySet(models.QuerySet["Thread"]):
    """Filters with names."""

    def of(self, user: User) -> Self:
        """Those she writes in, on either side."""
        return self.filter(Q(driver=user) | Q(owner=user))


class Thread(models.Model):
    """The talk about one booking and the visit it led to, or about one visit without a booking."""

    code = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    reservation = models.OneToOneField(Reservation, verbose_name=_("booking"), null=True, on_delete=models.PROTECT, related_name="thread")
    session = models.OneToOneField(
        ChargingSession, verbose_name=_("charging session"), null=True, on_delete=models.PROTECT, related_name="thread"
    )
    charge_point = models.ForeignKey(ChargePoint, verbose_name=_("charge point"), on_delete=models.PROTECT, related_name="threads")
    driver = models.ForeignKey(settings.AUTH_USER_MODEL, verbose_name=_("driver"), on_delete=models.PROTECT, related_name="+")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, verbose_name=_("owner"), on_delete=models.PROTECT, related_name="+")
    last_at = models.DateTimeField(_("last message at"), auto_now_add=True)
    last_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("last said by"), null=True, on_delete=models.PROTECT, related_name="+"
    )
    driver_read_at = models.DateTimeField(_("read by the driver at"), null=True)
    owner_read_at = models.DateTimeField(_("read by the owner at"), null=True)

    objects: ClassVar[models.Manager["Thread"]] = ThreadQuerySet.as_manager()

    class Meta:
        verbose_name = _("thread")
        verbose_name_plural = _("threads")
        ordering = ["-last_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(reservation__isnull=False, session=None) | Q(reservation=None, session__isnull=False),
                name="thread_of_one_visit",
            )
        ]

    def __str__(self) -> str:
        return str(self.charge_point)

    def get_absolute_url(self) -> str:
        """Where both read and write."""
        if self.reservation is not None:
            return reverse("stations:reservation_messages", args=[self.reservation.code])
        if self.session is not None:
            return reverse("stations:session_messages", args=[self.session.code])
        raise AssertionError("a thread belongs to a visit")

    def other_than(self, user_id: int) -> User:
        """The other side."""
        return self.owner if self.driver_id == user_id else self.driver


class Message(models.Model):
    """One thing that was said."""

    code = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    thread = models.ForeignKey(Thread, verbose_name=_("thread"), on_delete=models.CASCADE, related_name="messages")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, verbose_name=_("author"), on_delete=models.PROTECT, related_name="+")
    text = models.TextField(_("text"), max_length=1000, blank=True, help_text=_("Empty once its author has closed her account."))
    created_at = models.DateTimeField(auto_now_add=True)
    reported_at = models.DateTimeField(_("reported at"), null=True)
    report = models.CharField(_("what is wrong with it"), max_length=500, blank=True)
    hidden_at = models.DateTimeField(_("hidden at"), null=True)

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.author} · {self.thread}"
