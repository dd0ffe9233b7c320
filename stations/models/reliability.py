"""How far a driver may count on a charger, from what happened there."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from stations.models.charge_point import ChargePoint

ENOUGH_STARTS = 3
ENOUGH_WATCHED_S = 3 * 24 * 3600
RELIABLE_FROM = 90


class Reliability(models.Model):
    """The facts of the last 30 days about one charger, counted anew every few hours. Nobody types them in."""

    class Word(models.TextChoices):
        RELIABLE = "reliable", _("Reliable")
        FAILS = "fails", _("Sometimes fails")
        NEW = "new", _("Too new to say")

    class Left(models.TextChoices):
        SILENT = "silent", _("gave no sign of life for 30 days")
        FAILING = "failing", _("did not start several times in a row")

    charge_point = models.OneToOneField(
        ChargePoint, verbose_name=_("charge point"), on_delete=models.CASCADE, primary_key=True, related_name="reliability"
    )
    counted_at = models.DateTimeField(_("counted at"), db_index=True)
    watched_s = models.PositiveIntegerField(_("watched"), default=0, help_text=_("Seconds since it first came, 30 days at most."))
    online_s = models.PositiveIntegerField(_("online"), default=0, help_text=_("Seconds of them with an open socket."))
    starts = models.PositiveIntegerField(_("starts"), default=0)
    starts_worked = models.PositiveIntegerField(_("starts that worked"), default=0)
    promised_w = models.PositiveIntegerField(_("promised power"), null=True, help_text=_("Of the outlet of its strongest session."))
    delivered_w = models.PositiveIntegerField(_("delivered power"), null=True, help_text=_("The mean of its strongest session."))
    failed_in_a_row = models.PositiveIntegerField(_("failed starts in a row"), default=0)
    left_map_at = models.DateTimeField(_("left the map at"), null=True)
    left_because = models.CharField(_("left the map because it"), max_length=10, choices=Left, blank=True)
    returned_at = models.DateTimeField(_("came back to the map at"), null=True, help_text=_("What failed before is forgiven."))

    class Meta:
        verbose_name = _("reliability")
        verbose_name_plural = _("reliability")

    def __str__(self) -> str:
        return f"{self.charge_point} · {self.word.label}"

    @property
    def uptime_percent(self) -> int | None:
        """How much of the time it was there."""
        return 100 * self.online_s // self.watched_s if self.watched_s else None

    @property
    def starts_percent(self) -> int | None:
        """How many starts led to energy."""
        return 100 * self.starts_worked // self.starts if self.starts else None

    @property
    def power_percent(self) -> int | None:
        """How much of the promised power it has shown that it gives; a car that takes little says nothing against it."""
        if not self.promised_w or self.delivered_w is None:
            return None
        return min(100, 100 * self.delivered_w // self.promised_w)

    @property
    def score(self) -> int | None:
        """From 0 to 100: half of it the starts, two fifths being there, the rest power. Nothing while there is too little to go by."""
        uptime, starts, power = self.uptime_percent, self.starts_percent, self.power_percent
        if uptime is None or starts is None or self.starts < ENOUGH_STARTS or self.watched_s < ENOUGH_WATCHED_S:
            return None
        return (50 * starts + 40 * uptime + 10 * (power if power is not None else starts)) // 100

    @property
    def word(self) -> Word:
        """The score in a word."""
        score = self.score
        if score is None:
            return self.Word.NEW
        return self.Word.RELIABLE if score >= RELIABLE_FROM else self.Word.FAILS
