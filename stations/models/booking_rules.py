"""What an owner asks of those who book her charger, and when it can be had at all."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from stations.models.charge_point import ChargePoint

MINUTES_OF_DAY = 24 * 60
MOST_FEE_MINOR = 5_000
BUFFERS = (0, 15, 30, 45, 60, 90, 120)


class BookingRules(models.Model):
    """The owner's rules for one charger. Where there is no row: booked at once, open always, no notice, no buffer, no requirements."""

    class Approval(models.TextChoices):
        AT_ONCE = "at_once", _("booked at once")
        FIRST = "first", _("I approve the first bookings of a person")
        ALWAYS = "always", _("I approve every booking")

    charge_point = models.OneToOneField(ChargePoint, verbose_name=_("charge point"), on_delete=models.CASCADE, related_name="booking_rules")
    approval = models.CharField(_("approval"), max_length=10, choices=Approval, default=Approval.AT_ONCE)
    approve_first = models.PositiveSmallIntegerField(
        _("how many I approve"), default=5, help_text=_("So many bookings of a person wait for you; later ones hold at once.")
    )
    notice_minutes = models.PositiveIntegerField(_("least notice"), default=0)
    ahead_days = models.PositiveSmallIntegerField(_("how far ahead"), default=365)
    buffer_minutes = models.PositiveSmallIntegerField(
        _("pause between bookings"), default=0, choices=[(minutes, str(minutes)) for minutes in BUFFERS]
    )
    shortest_minutes = models.PositiveSmallIntegerField(_("shortest booking"), default=1)
    longest_minutes = models.PositiveSmallIntegerField(_("longest booking"), default=72 * 60)
    wants_confirmed_email = models.BooleanField(_("a confirmed e-mail"), default=False)
    wants_vehicle = models.BooleanField(_("a car with its number plate"), default=False)
    free_until_hours = models.PositiveSmallIntegerField(_("cancelling is free until so many hours before"), default=0)
    late_fee_minor = models.PositiveIntegerField(_("fee for cancelling later"), default=0)
    no_show_fee_minor = models.PositiveIntegerField(_("fee where nobody comes"), default=0)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("booking rules")
        verbose_name_plural = _("booking rules")
        constraints = [
            models.CheckConstraint(condition=Q(longest_minutes__gte=F("shortest_minutes")), name="booking_longest_not_shortest"),
            models.CheckConstraint(
                condition=Q(late_fee_minor__lte=MOST_FEE_MINOR, no_show_fee_minor__lte=MOST_FEE_MINOR), name="booking_fees_are_small"
            ),
        ]

    def __str__(self) -> str:
        return str(self.charge_point)


class WeeklyHours(models.Model):
    """Some minutes of one weekday by the clock on the charger's wall: when it is open, or when its owner's own car comes first."""

    class Kind(models.TextChoices):
        OPEN = "open", _("open")
        OWN = "own", _("for my own car")

    charge_point = models.ForeignKey(ChargePoint, verbose_name=_("charge point"), on_delete=models.CASCADE, related_name="weekly_hours")
    kind = models.CharField(_("kind"), max_length=5, choices=Kind)
    weekday = models.PositiveSmallIntegerField(_("weekday"), help_text=_("0 is Monday."))
    from_minute = models.PositiveSmallIntegerField(_("from minute"))
    to_minute = models.PositiveSmallIntegerField(_("to minute"))

    class Meta:
        verbose_name = _("weekly hours")
        verbose_name_plural = _("weekly hours")
        ordering = ["weekday", "from_minute"]
        constraints = [
            models.CheckConstraint(
                condition=Q(weekday__lte=6, from_minute__lt=F("to_minute"), to_minute__lte=MINUTES_OF_DAY), name="weekly_hours_within_a_day"
            ),
            models.UniqueConstraint(fields=["charge_point", "kind", "weekday", "from_minute"], name="weekly_hours_once"),
        ]

    def __str__(self) -> str:
        return f"{self.charge_point} · {self.weekday} {self.from_minute}–{self.to_minute}"


class Closure(models.Model):
    """A time in which the charger cannot be had: a holiday, a day off, works in the yard."""

    charge_point = models.ForeignKey(ChargePoint, verbose_name=_("charge point"), on_delete=models.CASCADE, related_name="closures")
    begins_at = models.DateTimeField(_("from"))
    ends_at = models.DateTimeField(_("to"))
    note = models.CharField(_("note"), max_length=100, blank=True, help_text=_("For yourself."))
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("closure")
        verbose_name_plural = _("closures")
        ordering = ["begins_at"]
        constraints = [models.CheckConstraint(condition=Q(ends_at__gt=F("begins_at")), name="closure_ends_after_it_begins")]
        indexes = [models.Index(fields=["charge_point", "ends_at"], name="closure_of_charge_point")]

    def __str__(self) -> str:
        return f"{self.charge_point} · {self.begins_at:%Y-%m-%d %H:%M}"
