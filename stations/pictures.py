"""What somebody uploads as a picture, made into files of our own: nothing of the original is kept but what one sees.

Whatever it claims to be, it is opened by the decoders named here alone, measured before it is unpacked, and drawn anew:
so no place, no camera, no hidden script and no bomb comes along.
"""

import struct
from io import BytesIO
from typing import IO

from django.utils.translation import gettext as _
from PIL import ExifTags, Image

from chargeshare.errors import Invalid

DECODERS = ("JPEG", "PNG", "WEBP")
MOST_BYTES = 5 * 1024 * 1024
MOST_PIXELS = 16_000_000
MOST_PIXELS_OF_JPEG = 50_000_000  # a phone's; it is unpacked smaller at once
LEAST_SIDE = 200
QUALITY = 72
_TURNS = {  # how to put upright what the camera held like that; more of what it wrote is not read
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_BROKEN = (OSError, SyntaxError, ValueError, EOFError, struct.error, Image.DecompressionBombError, Image.DecompressionBombWarning)


def drawn(file: IO[bytes], sides: dict[str, int]) -> tuple[dict[str, bytes], tuple[int, int]]:
    """The picture as WebP in each size, by its longer side; and width and height of the first."""
    content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise _refused(_("The photo is larger than %(most)s MB. Send it smaller.") % {"most": MOST_BYTES // 1024 // 1024})
    try:
        picture = _opened(content, max(sides.values()))
        made = {name: _reduced(picture, side) for name, side in sides.items()}
    except _BROKEN as error:
        raise _refused(_("This is no photo we can read. Send a JPEG, PNG or WebP.")) from error
    first = next(iter(made.values()))
    return {name: _written(one) for name, one in made.items()}, first.size


def _opened(content: bytes, side: int) -> Image.Image:
    """Measured first, unpacked then, the right way up."""
    image = Image.open(BytesIO(content), formats=DECODERS)
    is_jpeg = image.format in ("JPEG", "MPO")  # a phone's second, smaller picture in the same file is left behind
    if not is_jpeg and getattr(image, "n_frames", 1) > 1:  # only formats that can move say so
        raise _refused(_("The photo must not move. Send a still one."))
    width, height = image.size
    if width * height > (MOST_PIXELS_OF_JPEG if is_jpeg else MOST_PIXELS):
        raise _refused(_("The photo has too many pixels. Send it smaller."))
    if min(width, height) < LEAST_SIDE:
        raise _refused(_("The photo is too small: nothing could be seen on it."))
    image.draft("RGB", (side, side))
    turn = _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    upright = image if turn is None else image.transpose(turn)
    if upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info:
        upright = upright.convert("RGBA")
        ground = Image.new("RGBA", upright.size, "white")
        upright = Image.alpha_composite(ground, upright)
    return upright.convert("RGB")


def _reduced(picture: Image.Image, side: int) -> Image.Image:
    """A drawing of its own, with nothing beside the picture."""
    smaller = picture.copy()
    smaller.thumbnail((side, side))
    clean = Image.new("RGB", smaller.size)
    clean.paste(smaller)
    return clean


def _written(picture: Image.Image) -> bytes:
    buffer = BytesIO()
    picture.save(buffer, "WEBP", quality=QUALITY, method=4)
    return buffer.getvalue()


def _refused(sentence: str) -> Invalid:
    return Invalid(fields={"photo": [sentence]})
