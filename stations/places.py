"""Where a charger is said to stand, and what of its name and address may be searched: a home address is nobody's business."""

import math
import re
import unicodedata
from decimal import Decimal

from django.utils.crypto import salted_hmac

EARTH_RADIUS_M = 6_371_008.8
LEAST_MOVE_M, MOST_MOVE_M = 152.0, 298.0
_DEGREE = Decimal("0.000001")


def moved(code: str, latitude: Decimal, longitude: Decimal) -> tuple[Decimal, Decimal]:
    """The public place: 150 to 300 m away, always the same way, so that asking often does not average it out.

    Angle and distance come from a keyed hash of the code, for what can be computed can be undone.
    """
    digest = salted_hmac("stations.places", code, algorithm="sha256").digest()
    angle = int.from_bytes(digest[:8], "big") / 2**64 * math.tau
    distance = LEAST_MOVE_M + (MOST_MOVE_M - LEAST_MOVE_M) * (int.from_bytes(digest[8:16], "big") / 2**64)
    north = math.degrees(distance * math.cos(angle) / EARTH_RADIUS_M)
    if abs(float(latitude) + north) > 90:
        north = -north
    shrink = max(math.cos(math.radians(float(latitude) + north / 2)), 1e-6)
    east = math.degrees(distance * math.sin(angle) / (EARTH_RADIUS_M * shrink))
    moved_longitude = (float(longitude) + east + 180) % 360 - 180
    return _rounded(float(latitude) + north), _rounded(moved_longitude)


def rounded(value: object) -> Decimal | None:
    """A coordinate to about ten centimetres; None for what is none."""
    try:
        number = Decimal(str(value))
    except ArithmeticError:
        return None
    return number.quantize(_DEGREE) if number.is_finite() and abs(number) <= 360 else None


def distance_m(latitude_1: float, longitude_1: float, latitude_2: float, longitude_2: float) -> float:
    """Metres between two places as the crow flies."""
    lat_1, lat_2 = math.radians(latitude_1), math.radians(latitude_2)
    half = math.sin((lat_2 - lat_1) / 2) ** 2
    half += math.cos(lat_1) * math.cos(lat_2) * math.sin(math.radians(longitude_2 - longitude_1) / 2) ** 2
    return 2 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(half)))


def plain(text: str) -> str:
    """Lower case without accents, so that "opava-katerinky" finds Opava-Kateřinky."""
    decomposed = unicodedata.normalize("NFKD", text.casefold().replace("\0", " "))  # which no database can compare
    return " ".join("".join(letter for letter in decomposed if not unicodedata.combining(letter)).split())


def town(address: str) -> str:
    """The part of an address that gives nobody away: what follows the street, without numbers. Nothing, where that is not clear."""
    street, _comma, rest = address.partition(",")
    if not rest:
        return "" if re.search(r"\d", street) else street.strip()
    parts = (" ".join(re.sub(r"\S*\d\S*", " ", part).split()) for part in rest.split(","))
    return ", ".join(part for part in parts if part)


def search_text(name: str, address: str) -> str:
    """What a text filter looks through: name and town, never the street."""
    return plain(f"{name} {town(address)}")[:320]


def _rounded(value: float) -> Decimal:
    return Decimal(value).quantize(_DEGREE)
