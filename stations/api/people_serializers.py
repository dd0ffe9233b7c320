"""Hearts, stars and words about chargers, as JSON."""

from typing import Any

from rest_framework import serializers

from stations import favourites
from stations.models import Favourite, State


class FavouriteSerializer(serializers.ModelSerializer[Favourite]):
    """A charger I want to find again. The note is mine alone."""

    charge_point = serializers.CharField(source="charge_point.code", read_only=True)
    name = serializers.CharField(source="charge_point.name", read_only=True)
    state = serializers.ChoiceField(source="charge_point.state", choices=State.choices, read_only=True)

    class Meta:
        model = Favourite
        fields = ("charge_point", "name", "state", "note", "created_at")
        read_only_fields = fields


class NoteSerializer(serializers.Serializer[dict[str, Any]]):
    """A word to oneself."""

    note = serializers.CharField(max_length=favourites.LONGEST_NOTE, allow_blank=True)


class HeartSerializer(serializers.Serializer[dict[str, Any]]):
    """Which charger; a note that is left out stays what it was."""

    charge_point = serializers.CharField(max_length=20, help_text="Its code.")
    note = serializers.CharField(max_length=favourites.LONGEST_NOTE, allow_blank=True, required=False)
