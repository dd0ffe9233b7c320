"""Addresses by a server that knows them, where the operator has one: a Nominatim, asked by us and never by the browser.

Off unless GEOCODER_URL is set. It learns what somebody has sent off to be searched, never what is being typed, and nothing of
who it was: no address, no cookie, no page. What it said is kept for a day, so the same is not asked twice; when it does not
answer it is left alone for a while, and the towns we know ourselves are all there is.
"""

import hashlib
import json
import logging
import math
import time
from typing import Any, NamedTuple
from urllib.parse import urlencode

import urllib3
from django.conf import settings
from django.core.cache import cache

from accounts import counting
from stations import places

logger = logging.getLogger(__name__)

SHORTEST, LONGEST = 3, 100
MOST = 5
KEPT_S = 24 * 3600
RESTS_S = 30
A_MINUTE = 60
ASKED_A_MINUTE = 60
ANSWER_BYTES = 256 * 1024
LONGEST_NAME = 160
NOT_FOUND = (400, 404)  # a question it cannot read: no fault of its own
_RESTS = "geocoder:rests"


class Address(NamedTuple):
    """A place that the geocoder knows."""

    name: str
    country: str
    latitude: float
    longitude: float


class _NotReached(Exception):
    """It did not answer, or not with what was asked."""


def find(text: str, language: str) -> list[Address]:
    """Places by this text, the likeliest first; none where there is no geocoder or it does not answer."""
    wanted = " ".join(text.replace("\0", " ").split())[:LONGEST]
    if not settings.GEOCODER_URL or len(wanted) < SHORTEST:
        return []
    digest = hashlib.sha256(f"{settings.GEOCODER_URL} {language} {places.plain(wanted)}".encode()).hexdigest()
    known = cache.get(f"geocoder:{digest}")
    if known is not None:
        return [Address(*one) for one in known]
    if cache.get(_RESTS) or counting.add_one("geocoder", keep_s=A_MINUTE) > ASKED_A_MINUTE:
        return []
    try:
        found = _ask(wanted, language)
    except _NotReached as error:
        logger.warning("the geocoder did not answer: %s", error)
        cache.set(_RESTS, 1, RESTS_S)
        return []
    cache.set(f"geocoder:{digest}", [tuple(one) for one in found], KEPT_S)
    return found


def _ask(text: str, language: str) -> list[Address]:
    """One request, at most GEOCODER_TIMEOUT_S long and no redirect followed."""
    said = urlencode({"q": text, "format": "jsonv2", "limit": MOST, "addressdetails": 1, "accept-language": language})
    until = time.monotonic() + settings.GEOCODER_TIMEOUT_S
    timeout = urllib3.Timeout(total=settings.GEOCODER_TIMEOUT_S)
    with urllib3.PoolManager(timeout=timeout, retries=False, maxsize=1) as pool:
        try:
            url = f"{settings.GEOCODER_URL.rstrip('/')}/search?{said}"
            answer = pool.request("GET", url, headers={"User-Agent": "ChargeShare"}, redirect=False, preload_content=False)
            body = bytearray()
            for piece in answer.stream(16 * 1024):
                body += piece
                if len(body) > ANSWER_BYTES or time.monotonic() > until:
                    raise _NotReached("it does not come to an end")
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise _NotReached(type(error).__name__) from error
        if answer.status in NOT_FOUND:
            return []
        if answer.status != 200:
            raise _NotReached(f"status {answer.status}")
    try:
        rows = json.loads(bytes(body))
    except (ValueError, RecursionError) as error:
        raise _NotReached("no JSON") from error
    if not isinstance(rows, list):
        raise _NotReached("no list")
    return [one for one in map(_read, rows[:MOST]) if one is not None]


def _read(row: Any) -> Address | None:
    """One row of the answer; whatever is not as it should be is no place."""
    try:
        name, details = str(row["display_name"]), row.get("address")
        latitude, longitude = float(row["lat"]), float(row["lon"])
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    if not (math.isfinite(latitude) and math.isfinite(longitude) and abs(latitude) <= 90 and abs(longitude) <= 180):
        return None
    country = str(details.get("country_code", "")) if isinstance(details, dict) else ""
    return Address(" ".join(name.split())[:LONGEST_NAME], country.upper()[:2], latitude, longitude)
