"""Assembles /api/v1/ out of what each floor offers."""

from typing import Any, NoReturn

from django.urls import URLPattern, URLResolver, path, re_path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

import accounts.export
import accounts.urls
import billing.export
import billing.urls
import ocpp_core.urls
import stations.export
import stations.urls
from accounts.api.me import asking


class Nothing(APIView):
    """Every path of the API that does not exist."""

    permission_classes = [AllowAny]
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> NoReturn:  # noqa: ARG002 - DRF's
        """There is nothing here, whatever the method."""
        raise exceptions.NotFound


class ExportView(APIView):
    """Everything we hold about me."""

    @extend_schema(summary="Everything we hold about me", responses=OpenApiTypes.OBJECT, tags=["me"])
    def get(self, request: Request) -> Response:
        """Each floor tells what it holds; only the roof can ask all of them."""
        everything = {part: tell(asking(request)) for part, tell in EXPORTS.items()}
        return Response(everything, headers={"Content-Disposition": 'attachment; filename="chargeshare.json"'})


EXPORTS = {
    "person": accounts.export.everything_about,
    "money": billing.export.everything_about,
    "charging": stations.export.everything_about,
}

urlpatterns: list[URLPattern | URLResolver] = [
    path("me/export/", ExportView.as_view(), name="me_export"),
    *accounts.urls.api_urlpatterns,
    *billing.urls.api_urlpatterns,
    *ocpp_core.urls.api_urlpatterns,
    *stations.urls.api_urlpatterns,
    re_path(r"^[\s\S]*$", Nothing.as_view(), name="nothing"),
]
