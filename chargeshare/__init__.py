"""The roof and the ground of the house.

The roof (settings, urls, asgi, api, demo, commands) assembles the apps and nobody imports it;
the ground (errors, bus) is imported by every floor and imports nothing of ours.
"""

import re
from pathlib import Path


def _newest_version() -> str:
    """The first version heading of the changelog, so that the number stands in one place."""
    text = (Path(__file__).resolve().parent.parent / "CHANGELOG.md").read_text(encoding="utf-8")
    found = re.search(r"^## (\d+\.\d+\.\d+)", text, re.MULTILINE)
    if found is None:
        raise RuntimeError("CHANGELOG.md names no version.")
    return found[1]


__version__ = _newest_version()
