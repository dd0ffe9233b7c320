"""Photos of a charger over HTTP."""

import uuid
from typing import Any

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import IsAuthenticated, IsAuthenticatedOrReadOnly
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from chargeshare.errors import NotFound
from stations import photos
from stations.api.permissions import is_managed_by, own_charge_point, seen_charge_point
from stations.models import Photo


class PhotoSerializer(serializers.ModelSerializer[Photo]):
    """A picture in two sizes, as WebP; width and height are the small one's."""

    small = serializers.SerializerMethodField()
    large = serializers.SerializerMethodField()

    class Meta:
        model = Photo
        fields = ("code", "caption", "is_for_guests", "small", "large", "width", "height")
        read_only_fields = fields

    @extend_schema_field(serializers.URLField())
    def get_small(self, photo: Photo) -> str:
        """Its longer side is 800."""
        return settings.PUBLIC_URL + photo.small_url

    @extend_schema_field(serializers.URLField())
    def get_large(self, photo: Photo) -> str:
        """Its longer side is 1600."""
        return settings.PUBLIC_URL + photo.large_url


class PhotoEditSerializer(serializers.Serializer[dict[str, Any]]):
    """What the owner says of it."""

    caption = serializers.CharField(max_length=photos.LONGEST_CAPTION, allow_blank=True, required=False)
    is_for_guests = serializers.BooleanField(required=False, help_text="Only who is on her way sees it.")


class PhotoAddSerializer(PhotoEditSerializer):
    """A JPEG, PNG or WebP of at most 5 MB."""

    photo = serializers.FileField(allow_empty_file=True, max_length=255)


class PhotosView(APIView):
    """The photos of one charger."""

    permission_classes = [IsAuthenticatedOrReadOnly]
    parser_classes = [MultiPartParser]

    @extend_schema(responses=PhotoSerializer(many=True))
    def get(self, request: Request, code: str) -> Response:
        """In the owner's order; those for guests only from 15 minutes before a booking and while one charges."""
        charge_point = seen_charge_point(request, code)
        return Response(PhotoSerializer(photos.shown_to(charge_point, request.user, timezone.now()), many=True).data)

    @extend_schema(request={"multipart/form-data": PhotoAddSerializer}, responses={201: PhotoSerializer})
    def post(self, request: Request, code: str) -> Response:
        """Add one, at most twelve. It is drawn anew: nothing that the camera wrote beside the picture is kept."""
        charge_point = own_charge_point(request, code)
        said = PhotoAddSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        words = dict(said.validated_data)
        added = photos.add(charge_point, words.pop("photo"), **words)
        return Response(PhotoSerializer(added).data, status.HTTP_201_CREATED)


class PhotoView(APIView):
    """One of them, for its owner."""

    permission_classes = [IsAuthenticated]

    @extend_schema(request=PhotoEditSerializer, responses=PhotoSerializer)
    def patch(self, request: Request, code: uuid.UUID) -> Response:
        """Another caption, or other eyes."""
        photo = self._found(request, code)
        said = PhotoEditSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        return Response(PhotoSerializer(photos.edit(photo, **said.validated_data)).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, code: uuid.UUID) -> Response:
        """Take it away."""
        photos.remove(self._found(request, code))
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _found(self, request: Request, code: uuid.UUID) -> Photo:
        photo = Photo.objects.select_related("charge_point").filter(code=code, charge_point__retired_at=None).first()
        if photo is None or not is_managed_by(photo.charge_point, request.user):
            raise NotFound
        return photo
