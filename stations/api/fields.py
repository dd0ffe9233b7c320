"""Fields that read what maps and people send."""

import math
import re
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from stations import search, site_facts
from stations.models import Connector

MICRODEGREE = Decimal("0.000001")


def _numbers(text: str, count: int) -> list[float] | None:
    """`count` finite numbers separated by commas, or None."""
    parts = text.split(",")
    if len(parts) != count or not all(re.fullmatch(r"\s*[-+]?[0-9]{1,6}(\.[0-9]{0,20})?\s*", part) for part in parts):
        return None
    return [float(part) for part in parts]


@extend_schema_field(OpenApiTypes.DOUBLE)
class CoordinateField(serializers.Field[Decimal, float, float, Any]):
    """Degrees as a number or a decimal string, with as many decimals as the sender likes; six are kept."""

    default_error_messages = {
        "invalid": _("Write degrees as a decimal number, like 49.9387."),
        "range": _("Degrees lie between −{limit} and {limit} here."),
    }

    def __init__(self, *, limit: int, **options: Any) -> None:
        self.limit = limit
        super().__init__(**options)

    def to_internal_value(self, data: Any) -> Decimal:
        """Read and round."""
        text = str(data).strip() if isinstance(data, int | float | str) and not isinstance(data, bool) else ""
        if not re.fullmatch(r"[-+]?[0-9]{1,9}(\.[0-9]{0,40})?", text):
            self.fail("invalid")
        value = Decimal(text)
        if abs(value) > self.limit:
            self.fail("range", limit=self.limit)
        return value.quantize(MICRODEGREE)

    def to_representation(self, value: Decimal) -> float:
        """A JSON number, as GeoJSON has it."""
        return float(value)


@extend_schema_field(OpenApiTypes.STR)
class BoxField(serializers.Field[search.Box, str, str, Any]):
    """`west,south,east,north` in degrees. No box is too large, and one that runs past the date line comes round it."""

    default_error_messages = {
        "invalid": _("A box is four numbers: west, south, east, north."),
        "upside_down": _("The south of the box lies above its north."),
    }

    def to_internal_value(self, data: Any) -> search.Box:
        """Read it and bring it into range."""
        numbers = _numbers(data, 4) if isinstance(data, str) else None
        if numbers is None:
            self.fail("invalid")
        west, south, east, north = numbers
        if south > north:
            self.fail("upside_down")
        south, north = (max(-90.0, min(90.0, latitude)) for latitude in (south, north))
        if east - west >= 360:
            west, east = -180.0, 180.0
        return search.Box(west=_wrap(west), south=south, east=_wrap(east), north=north)


def _wrap(longitude: float) -> float:
    """The same meridian between −180 and 180; a map that was dragged round the world counts on."""
    return longitude if -180 <= longitude <= 180 else math.remainder(longitude, 360)


@extend_schema_field(OpenApiTypes.STR)
class PlaceField(serializers.Field[tuple[float, float], str, str, Any]):
    """`latitude,longitude` in degrees."""

    default_error_messages = {"invalid": _("A place is two numbers: latitude, longitude.")}

    def to_internal_value(self, data: Any) -> tuple[float, float]:
        """Read it."""
        numbers = _numbers(data, 2) if isinstance(data, str) else None
        if numbers is None or abs(numbers[0]) > 90:
            self.fail("invalid")
        return numbers[0], _wrap(numbers[1])


@extend_schema_field(OpenApiTypes.STR)
class ConnectorField(serializers.Field[tuple[str, int], str, str, Any]):
    """An outlet as `code/number`."""

    default_error_messages = {"invalid": _("Write the connector as code/number, for example k7mq2xw9d/1.")}

    def to_internal_value(self, data: Any) -> tuple[str, int]:
        """Both halves."""
        code, slash, number = data.partition("/") if isinstance(data, str) else ("", "", "")
        if not slash or not re.fullmatch(r"[^/\x00]{1,30}", code) or not re.fullmatch(r"[0-9]{1,9}", number):
            self.fail("invalid")
        return code, int(number)


@extend_schema_field(OpenApiTypes.STR)
class ConnectorTypesField(serializers.Field[tuple[str, ...], str, str, Any]):
    """One connector type or several separated by commas."""

    default_error_messages = {"invalid": _("“{word}” is no type of connector; there are {known}.")}

    def to_internal_value(self, data: Any) -> tuple[str, ...]:
        """Read them; letter case means nothing."""
        words = [word.strip().upper() for word in str(data).split(",") if word.strip()]
        for word in words:
            if word not in Connector.Type.values:
                self.fail("invalid", word=word[:20], known=", ".join(Connector.Type.values))
        return tuple(dict.fromkeys(words))


@extend_schema_field(OpenApiTypes.STR)
class FactsField(serializers.Field[tuple[str, ...], str, str, Any]):
    """One fact about a place or several separated by commas."""

    default_error_messages = {"invalid": _("“{word}” is no fact about a place; there are {known}.")}

    def to_internal_value(self, data: Any) -> tuple[str, ...]:
        """Read them; letter case means nothing."""
        words = [word.strip().lower() for word in str(data).split(",") if word.strip()]
        for word in words:
            if word not in site_facts.COLUMNS:
                self.fail("invalid", word=word[:20], known=", ".join(site_facts.COLUMNS))
        return tuple(dict.fromkeys(words))
