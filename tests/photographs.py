"""Pictures that are made while a test runs."""

from io import BytesIO
from typing import Any

from PIL import Image


def make_photo(width: int = 640, height: int = 480, *, colour: str = "teal", kind: str = "JPEG", **options: Any) -> BytesIO:
    """One plain picture as a file."""
    file = BytesIO()
    file.name = f"photo.{kind.lower()}"
    Image.new(options.pop("mode", "RGB"), (width, height), colour).save(file, kind, **options)
    file.seek(0)
    return file
