"""A place that another app shares with us: what of a link or a text says where. Nobody outside is asked, a shortened link stays closed."""

import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import parse_qs, unquote_plus, urlsplit

LONGEST = 2000
LONGEST_SEARCH = 100
NUMBER = r"[-+]?\d{1,3}(?:[.,]\d{1,15})?"
PAIR = re.compile(rf"^\s*(?:loc:)?({NUMBER})\s*°?\s*([NS]?)\s*[,; ]\s*({NUMBER})\s*°?\s*([EW]?)\s*(?:\(.*)?$", re.IGNORECASE)
_ARC = r"""(\d{1,3})°\s*(\d{1,2})['’′]\s*([\d.,]{1,12})["”″]?\s*"""
DEGREES = re.compile(rf"{_ARC}([NS])[\s,]*{_ARC}([EW])", re.IGNORECASE)
LINK = re.compile(r"(?:https?://|geo:)\S+", re.IGNORECASE)
PIN = re.compile(rf"!3d({NUMBER})!4d({NUMBER})")  # Google: the place itself; what stands behind @ is where one looked
LOOKED_AT = re.compile(rf"/@({NUMBER}),({NUMBER})")
MARKED = re.compile(rf"#map=\d+(?:\.\d+)?/({NUMBER})/({NUMBER})")  # OpenStreetMap
SHORTENED = ("maps.app.goo.gl", "goo.gl", "g.co", "bit.ly", "osm.org")
NAMED = ("destination", "daddr", "query", "q", "ll", "coordinate", "sll", "center", "api_q", "address", "end")
SWAPPED = ("mapy.com", "mapy.cz")  # longitude first, where they write numbers alone


class Place(NamedTuple):
    """What was understood: a point, else words to look for, else only that the link was a shortened one."""

    point: tuple[float, float] | None = None
    text: str = ""
    is_shortened: bool = False


def read(*said: str) -> Place:
    """Title, text and link, as the other app filled them in."""
    words = [one[:LONGEST] for one in said if one.strip()]
    shared = links(*words)
    for link in shared:
        found = _point(link)
        if found:
            return Place(point=found)
    for one in words:
        found = _pair(one) or _degrees(one)
        if found:
            return Place(point=found)
    text = next(filter(None, (*(_words(LINK.sub(" ", one)) for one in reversed(words)), *map(_name, shared))), "")
    return Place(text=text, is_shortened=not text and any(_is_shortened(link) for link in shared))


def links(*said: str) -> list[str]:
    """The links in what was shared."""
    return [link.rstrip(").,;") for one in said for link in LINK.findall(one[:LONGEST])]


def _point(link: str) -> tuple[float, float] | None:
    if link.lower().startswith("geo:"):
        where, _mark, rest = link[4:].partition("?")
        asked = parse_qs(rest).get("q", [""])[0]
        first = _pair(where.partition(";")[0])
        return _pair(asked) if first in (None, (0.0, 0.0)) else first
    for pattern in (PIN, MARKED):
        found = pattern.search(link)
        if found:
            return _checked(*found.groups())
    named = next(filter(None, (_pair(value) for value in _values(link))), None)
    if named is None:
        looked_at = LOOKED_AT.search(link) or re.search(rf"/({NUMBER}),[+ ]?({NUMBER})(?:[/?,]|$)", unquote_plus(link))
        named = _checked(*looked_at.groups()) if looked_at else None
    return named


def _values(link: str) -> Iterator[str]:
    """Each part of the question that may be a point, as latitude and longitude."""
    try:
        parts = urlsplit(link)
        asked = {name.lower(): values[0] for name, values in parse_qs(parts.query).items()}
    except ValueError:  # no address after all
        return
    is_swapped = _host(link) in SWAPPED
    if is_swapped and asked.get("source") == "coor" and "id" in asked:
        yield _turned(asked["id"])
    if is_swapped and "x" in asked and "y" in asked:
        yield f"{asked['y']},{asked['x']}"
    if "mlat" in asked and "mlon" in asked:
        yield f"{asked['mlat']},{asked['mlon']}"
    for name in NAMED:
        if name in asked:
            yield _turned(asked[name]) if is_swapped and not re.search("[NSEWnsew]", asked[name]) else asked[name]


def _turned(pair: str) -> str:
    first, _comma, second = pair.partition(",")
    return f"{second},{first}"


def _host(link: str) -> str:
    try:
        host = (urlsplit(link).hostname or "").lower()
    except ValueError:
        return ""
    return ".".join(host.split(".")[-2:])


def _is_shortened(link: str) -> bool:
    host = (urlsplit(link).hostname or "").lower() if _host(link) else ""
    return host in SHORTENED or (_host(link) in SWAPPED and "/s/" in link)


def _pair(said: str) -> tuple[float, float] | None:
    found = PAIR.match(unquote_plus(said).replace("\N{MINUS SIGN}", "-"))
    if not found:
        return None
    latitude, south, longitude, west = found.groups()
    whole = "." not in latitude and "." not in longitude and not (south or west)
    if whole and "," not in f"{latitude}{longitude}" and (latitude, longitude) != ("0", "0"):
        return None  # two whole numbers are a house and a flat sooner than a place
    return _checked(f"{'-' if south.upper() == 'S' else ''}{latitude}", f"{'-' if west.upper() == 'W' else ''}{longitude}")


def _degrees(said: str) -> tuple[float, float] | None:
    found = DEGREES.search(said)
    if not found:
        return None
    parts = found.groups()
    first, second = (
        (int(degrees) + int(minutes) / 60 + float(seconds.replace(",", ".").rstrip(".") or 0) / 3600) * (-1 if side.upper() in "SW" else 1)
        for degrees, minutes, seconds, side in (parts[:4], parts[4:])
    )
    return _checked(f"{first:.6f}", f"{second:.6f}")


def _checked(latitude: str, longitude: str) -> tuple[float, float] | None:
    try:
        first, second = (round(float(number.replace(",", ".").replace("--", "")), 6) for number in (latitude, longitude))
    except ValueError:
        return None
    return (first, second) if abs(first) <= 90 and abs(second) <= 180 else None


def _words(said: str) -> str:
    """One line to look for: the first that says something."""
    return next((" ".join(line.split())[:LONGEST_SEARCH] for line in said.splitlines() if line.strip()), "")


def _name(link: str) -> str:
    """What a link calls the place."""
    place = re.search(r"/maps/place/([^/@?]+)", link)
    if place:
        return unquote_plus(place[1])[:LONGEST_SEARCH]
    try:
        asked = parse_qs(link.partition("?")[2])
    except ValueError:
        return ""
    return next((asked[name][0].strip()[:LONGEST_SEARCH] for name in NAMED if name in asked), "")
