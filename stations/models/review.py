"""What drivers say of places and hosts say of drivers, after a visit that really was."""

import uuid
from datetime import datetime
from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import User
from stations.models.charge_point import ChargePoint
from stations.models.session import ChargingSession


class ReviewQuerySet(models.QuerySet["Review"]):
    """Filters with names."""

    def shown(self, now: datetime) -> Self:
        """What others may read: both sides have written or may write no more, and staff did not hide it."""
        return self.filter(opens_at__lte=now, hidden_at=None)

    def of_places(self) -> Self:
        """What drivers wrote."""
        return self.filter(side=Review.Side.DRIVER)

    def readable_by(self, user: User, now: datetime) -> Self:
        """What she wrote herself, and of what was written about her what is open."""
        return self.filter(Q(author=user) | Q(about=user, opens_at__lte=now, hidden_at=None))


class Review(models.Model):
    """One side's word on one visit. Neither side reads the other's before it has said its own, or its time is over."""

    class Side(models.TextChoices):
        DRIVER = "driver", _("the driver on the place")
        OWNER = "owner", _("the host on the driver")

    class Tag(models.TextChoices):
        EASY_TO_FIND = "easy_to_find", pgettext_lazy("review", "easy to find")
        STARTED_AT_ONCE = "started_at_once", pgettext_lazy("review", "started at once")
        AS_DESCRIBED = "as_described", pgettext_lazy("review", "as described")
        QUIET_AND_SAFE = "quiet_and_safe", pgettext_lazy("review", "quiet and safe")
        HARD_TO_FIND = "hard_to_find", pgettext_lazy("review", "hard to find")
        BLOCKED = "blocked", pgettext_lazy("review", "the space was taken")
        FRIENDLY = "friendly", pgettext_lazy("review", "friendly")
        CAREFUL = "careful", pgettext_lazy("review", "careful")
        ON_TIME = "on_time", pgettext_lazy("review", "left on time")
        LATE = "late", pgettext_lazy("review", "stayed too long")

    TAGS: ClassVar[dict[str, tuple["Review.Tag", ...]]]

    code = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    session = models.ForeignKey(ChargingSession, verbose_name=_("charging session"), on_delete=models.PROTECT, related_name="reviews")
    charge_point = models.ForeignKey(ChargePoint, verbose_name=_("charge point"), on_delete=models.PROTECT, related_name="reviews")
    side = models.CharField(_("side"), max_length=10, choices=Side)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, verbose_name=_("author"), on_delete=models.PROTECT, related_name="reviews_written")
    about = models.ForeignKey(settings.AUTH_USER_MODEL, verbose_name=_("about"), on_delete=models.PROTECT, related_name="reviews_received")
    rating = models.PositiveSmallIntegerField(_("stars"))
    text = models.TextField(_("text"), max_length=2000, blank=True)
    tags = models.JSONField(_("tags"), default=list)
    reply = models.TextField(_("reply of the host"), max_length=2000, blank=True)
    replied_at = models.DateTimeField(_("replied at"), null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    opens_at = models.DateTimeField(_("opens at"), help_text=_("From then on others read it."))
    hidden_at = models.DateTimeField(_("hidden at"), null=True)
    hidden_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("hidden by"), null=True, on_delete=models.PROTECT, related_name="+"
    )

    objects: ClassVar[models.Manager["Review"]] = ReviewQuerySet.as_manager()

    class Meta:
        verbose_name = _("review")
        verbose_name_plural = _("reviews")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["session", "side"], name="one_review_a_side"),
            models.CheckConstraint(condition=Q(rating__gte=1, rating__lte=5), name="one_to_five_stars"),
        ]
        indexes = [models.Index(fields=["charge_point", "-id"], condition=Q(side="driver", hidden_at=None), name="reviews_of_place")]

    def __str__(self) -> str:
        return f"{self.charge_point} · {self.rating}"

    def get_absolute_url(self) -> str:
        """Where the two sides of the visit read and write."""
        return reverse("stations:review", args=[self.session.code])

    @property
    def tag_words(self) -> list[Any]:
        """The tags in the reader's language."""
        return [self.Tag(tag).label for tag in self.tags]


Review.TAGS = {
    Review.Side.DRIVER: (
        *(Review.Tag.EASY_TO_FIND, Review.Tag.STARTED_AT_ONCE, Review.Tag.AS_DESCRIBED, Review.Tag.QUIET_AND_SAFE),
        *(Review.Tag.FRIENDLY, Review.Tag.HARD_TO_FIND, Review.Tag.BLOCKED),
    ),
    Review.Side.OWNER: (Review.Tag.FRIENDLY, Review.Tag.CAREFUL, Review.Tag.ON_TIME, Review.Tag.LATE),
}


class ReviewReport(models.Model):
    """Somebody tells staff that a review should not stand."""

    review = models.ForeignKey(Review, verbose_name=_("review"), on_delete=models.CASCADE, related_name="reports")
    reporter = models.ForeignKey(settings.AUTH_USER_MODEL, verbose_name=_("reporter"), on_delete=models.CASCADE, related_name="+")
    reason = models.CharField(_("reason"), max_length=500)
    created_at = models.DateTimeField(auto_now_add=True)
    resolved_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("report of a review")
        verbose_name_plural = _("reports of reviews")
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["review", "reporter"], name="reported_once")]

    def __str__(self) -> str:
        return f"{self.review} · {self.reporter}"
