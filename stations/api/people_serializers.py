"""Hearts, stars and words about chargers, as JSON."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from stations import favourites, reviews
from stations.models import Favourite, Reliability, Review, State


class FavouriteSerializer(serializers.ModelSerializer[Favourite]):
    """A charger I want to find again. The note is mine alone."""

    charge_point = serializers.CharField(source="charge_point.code", read_only=True)
    name = serializers.CharField(source="charge_point.name", read_only=True)
    state = serializers.ChoiceField(source="charge_point.state", choices=State.choices, read_only=True)

    class Meta:
        model = Favourite
        fields = ("charge_point", "name", "state", "note", "created_at")
        read_only_fields = fields


class ReliabilitySerializer(serializers.ModelSerializer[Reliability]):
    """How far one may count on a charger, and the facts of the last 30 days behind the word."""

    word = serializers.ChoiceField(choices=Reliability.Word.choices, read_only=True)
    score = serializers.IntegerField(read_only=True, allow_null=True, help_text="0 to 100; null while it is too new to say.")
    uptime_percent = serializers.IntegerField(read_only=True, allow_null=True)
    starts_percent = serializers.IntegerField(read_only=True, allow_null=True, help_text="Of the starts, how many led to energy.")

    class Meta:
        model = Reliability
        fields = ("word", "score", "uptime_percent", "starts", "starts_percent", "delivered_w", "promised_w")
        read_only_fields = fields


class NoteSerializer(serializers.Serializer[dict[str, Any]]):
    """A word to oneself."""

    note = serializers.CharField(max_length=favourites.LONGEST_NOTE, allow_blank=True)


class HeartSerializer(serializers.Serializer[dict[str, Any]]):
    """Which charger; a note that is left out stays what it was."""

    charge_point = serializers.CharField(max_length=20, help_text="Its code.")
    note = serializers.CharField(max_length=favourites.LONGEST_NOTE, allow_blank=True, required=False)


class ReviewSerializer(serializers.ModelSerializer[Review]):
    """A review. Of people no more than a first name; the visit only for its two sides."""

    charge_point = serializers.CharField(source="charge_point.code", read_only=True)
    session = serializers.SerializerMethodField(help_text="Null for all but the two sides of the visit.")
    author = serializers.CharField(source="author.short_name", read_only=True)
    is_open = serializers.SerializerMethodField(help_text="Whether the other side may read it: both have written, or 14 days are over.")

    class Meta:
        model = Review
        fields = (
            *("code", "charge_point", "session", "side", "author", "rating", "text", "tags"),
            *("reply", "replied_at", "is_open", "created_at"),
        )
        read_only_fields = fields

    @extend_schema_field(serializers.UUIDField(allow_null=True))
    def get_session(self, review: Review) -> str | None:
        """Whose visit it was is nobody's business."""
        viewer = self.context["request"].user
        return str(review.session.code) if viewer.pk is not None and viewer.pk in (review.author_id, review.about_id) else None

    @extend_schema_field(serializers.BooleanField())
    def get_is_open(self, review: Review) -> bool:
        """The blind time is over."""
        return review.opens_at <= timezone.now()


class ReviewQuery(serializers.Serializer[dict[str, Any]]):
    """Of which place; without one, mine and those about me."""

    charge_point = serializers.CharField(max_length=20, required=False)


class WriteReviewSerializer(serializers.Serializer[dict[str, Any]]):
    """A word on a visit: by the driver on the place, by the host on the driver."""

    session = serializers.UUIDField()
    rating = serializers.IntegerField(min_value=1, max_value=5)
    text = serializers.CharField(max_length=reviews.LONGEST_TEXT, allow_blank=True, required=False, default="")
    tags = serializers.ListField(child=serializers.ChoiceField(choices=Review.Tag.choices), max_length=10, required=False, default=list)


class ReplySerializer(serializers.Serializer[dict[str, Any]]):
    """The host's answer."""

    text = serializers.CharField(max_length=reviews.LONGEST_TEXT)


class ReasonSerializer(serializers.Serializer[dict[str, Any]]):
    """Why it should not stand."""

    reason = serializers.CharField(max_length=reviews.LONGEST_REASON)


class RatingSerializer(serializers.Serializer[reviews.Rating]):
    """What the open reviews of a place come to."""

    average = serializers.DecimalField(max_digits=3, decimal_places=2, coerce_to_string=True)
    count = serializers.IntegerField()
