"""Circles as JSON."""

from typing import Any

from django.conf import settings
from django.urls import reverse
from rest_framework import serializers

from stations.models import Circle, CircleMember


class CircleSerializer(serializers.ModelSerializer[Circle]):
    """One circle as its owner sees it."""

    name = serializers.CharField(max_length=60, help_text="Only groups have one; the others are known by their kind.")
    member_count = serializers.IntegerField(read_only=True, help_text="How many are in it; who was invited and has not accepted is not.")
    join_url = serializers.SerializerMethodField(help_text="Whoever has it may join; null: nobody by herself.")

    class Meta:
        model = Circle
        fields = ("id", "kind", "name", "member_count", "join_url", "created_at")
        read_only_fields = ("id", "kind", "created_at")

    def get_join_url(self, circle: Circle) -> str | None:
        """The address behind the link and the QR code."""
        return settings.PUBLIC_URL + reverse("stations:circle_join", args=[circle.link]) if circle.link else None


class MemberSerializer(serializers.ModelSerializer[CircleMember]):
    """Somebody in a circle: a first name, and until she has accepted no name at all."""

    name = serializers.SerializerMethodField()

    class Meta:
        model = CircleMember
        fields = ("id", "name", "joined_at", "created_at")
        read_only_fields = fields

    def get_name(self, member: CircleMember) -> str:
        """What others may read of a person."""
        return member.user.short_name if member.joined_at else ""


class InviteSerializer(serializers.Serializer[dict[str, Any]]):
    """Whom to invite."""

    email = serializers.EmailField(max_length=254)


class MembershipSerializer(serializers.ModelSerializer[CircleMember]):
    """A circle of somebody else that the caller is in, or is asked into."""

    circle = serializers.IntegerField(source="circle_id", read_only=True)
    kind = serializers.ChoiceField(source="circle.kind", choices=Circle.Kind.choices, read_only=True)
    name = serializers.CharField(source="circle.name", read_only=True)
    owner = serializers.CharField(source="circle.owner.short_name", read_only=True)

    class Meta:
        model = CircleMember
        fields = ("circle", "kind", "name", "owner", "joined_at", "created_at")
        read_only_fields = fields


class JoinSerializer(serializers.Serializer[dict[str, Any]]):
    """The last part of the link one was given."""

    link = serializers.CharField(max_length=20)
