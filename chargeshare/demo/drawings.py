"""Drawings that stand where people of a real town would put photos: made by this program and captioned as what they are."""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO

from PIL import Image, ImageDraw

from stations import photos
from stations.models import ChargePoint

SIDE = (960, 720)
FINER = 2  # drawn larger and made smaller: lines without steps
GREEN, INK, SHADE, LIGHT = "#0B6B4F", "#22302A", "#00000022", "#F6F8F3"


@dataclass(frozen=True)
class Drawing:
    """What is drawn of one charger, in which colours, and what it says below."""

    identity: str
    draw: Callable[["Sheet", str, str], None]
    caption: str
    wall: str = "#E9DCC3"
    ground: str = "#9AA39C"
    is_for_guests: bool = False


class Sheet:
    """A drawing in the making, measured in pixels of the finished picture."""

    def __init__(self) -> None:
        self.image = Image.new("RGB", (SIDE[0] * FINER, SIDE[1] * FINER))
        self._pen = ImageDraw.Draw(self.image, "RGBA")

    def box(self, left: int, top: int, right: int, bottom: int, colour: str, *, radius: int = 0, edge: str = "") -> None:
        """A rectangle, its corners rounded or not."""
        at = [FINER * value for value in (left, top, right, bottom)]
        self._pen.rounded_rectangle(at, FINER * radius, fill=colour or None, outline=edge or None, width=3 * FINER)

    def shape(self, colour: str, *points: tuple[int, int]) -> None:
        """Any area with corners."""
        self._pen.polygon([(FINER * x, FINER * y) for x, y in points], fill=colour)

    def line(self, colour: str, width: int, *points: tuple[int, int]) -> None:
        """A line around corners."""
        self._pen.line([(FINER * x, FINER * y) for x, y in points], fill=colour, width=FINER * width, joint="curve")

    def circle(self, x: int, y: int, radius: int, colour: str) -> None:
        """A disc."""
        self._pen.ellipse([FINER * value for value in (x - radius, y - radius, x + radius, y + radius)], fill=colour)

    def cable(self, width: int, *points: tuple[int, int]) -> None:
        """A cable that hangs from point to point, its middle points pulled."""
        (x0, y0), (x1, y1), (x2, y2), (x3, y3) = points
        steps = [step / 40 for step in range(41)]
        curve = [
            (
                round((1 - t) ** 3 * x0 + 3 * (1 - t) ** 2 * t * x1 + 3 * (1 - t) * t**2 * x2 + t**3 * x3),
                round((1 - t) ** 3 * y0 + 3 * (1 - t) ** 2 * t * y1 + 3 * (1 - t) * t**2 * y2 + t**3 * y3),
            )
            for t in steps
        ]
        self.line(INK, width, *curve)
        for x, y in curve:  # round joints
            self.circle(x, y, width // 2, INK)

    def file(self) -> BytesIO:
        """The finished picture."""
        file = BytesIO()
        self.image.resize(SIDE, Image.Resampling.LANCZOS).save(file, "PNG", compress_level=1)
        file.seek(0)
        return file


def wallbox(sheet: Sheet, wall: str, ground: str) -> None:
    """The charger on its wall, the cable wound up, a car before it."""
    _wall(sheet, wall, ground, 560)
    sheet.box(322, 150, 522, 440, SHADE, radius=34)
    sheet.box(310, 138, 510, 428, LIGHT, radius=34, edge=INK)
    sheet.box(340, 172, 480, 252, INK, radius=14)
    _flash(sheet, 410, 212, 26, "#3CCB98")
    sheet.circle(410, 336, 56, INK)
    sheet.circle(410, 336, 40, "#3A4A43")
    for x, y in ((394, 326), (426, 326), (386, 346), (410, 350), (434, 346)):
        sheet.circle(x, y, 7, "#8C9991")
    sheet.cable(14, (410, 392), (420, 640), (560, 660), (640, 545))
    _car(sheet, 600, 330)


def entrance(sheet: Sheet, wall: str, ground: str) -> None:
    """The house from the street, the gate, and where the charger is."""
    sheet.box(0, 0, *SIDE, "#CFE3EA")
    sheet.box(0, 540, *SIDE, ground)
    sheet.box(90, 220, 560, 560, wall)
    sheet.shape("#A5553C", (60, 230), (325, 70), (590, 230))
    for left in (140, 290, 440):
        sheet.box(left, 290, left + 76, 390, "#5F7F8C", edge=LIGHT)
    sheet.box(250, 430, 350, 560, "#6B4A34")
    sheet.box(600, 360, 620, 560, INK)
    sheet.box(880, 360, 900, 560, INK)
    for left in range(630, 880, 32):
        sheet.box(left, 390, left + 12, 550, "#5B665F")
    sheet.box(500, 440, 540, 506, LIGHT, radius=8, edge=GREEN)
    _flash(sheet, 520, 473, 16, GREEN)
    sheet.shape("#C4CAC3", (620, 560), (880, 560), (960, 720), (540, 720))
    sheet.line(GREEN, 12, (750, 690), (735, 600), (560, 500))
    sheet.shape(GREEN, (542, 488), (590, 490), (564, 528))


def plan(sheet: Sheet, wall: str, ground: str) -> None:
    """The yard from above: which place is the one, and where one drives in."""
    sheet.box(0, 0, *SIDE, "#CBDDBB")
    sheet.box(80, 60, 880, 300, wall, edge=INK)
    sheet.box(80, 300, 880, 640, ground)
    for left in range(130, 831, 175):
        sheet.line(LIGHT, 6, (left, 320), (left, 520))
    sheet.box(312, 320, 472, 520, "#0B6B4F55")
    sheet.box(366, 282, 418, 318, LIGHT, radius=8, edge=GREEN)
    _flash(sheet, 392, 300, 14, GREEN)
    sheet.box(160, 345, 260, 500, "#4767A6", radius=26)
    sheet.box(176, 385, 244, 440, "#22302A", radius=10)
    sheet.line(LIGHT, 12, (700, 720), (700, 590), (392, 590), (392, 545))
    sheet.shape(LIGHT, (392, 524), (368, 560), (416, 560))


DRAWINGS = (
    Drawing("DEMO-NOVAK-2", wallbox, "Kresba: zásuvka je na boku chaty pod přístřeškem.", "#B88A5A", "#A9B49B"),
    Drawing("DEMO-NOVAK-2", plan, "Kresba: druhé stání vlevo za závorou.", "#B88A5A", "#B9BDB4", is_for_guests=True),
    Drawing("DEMO-NOVAK-1", entrance, "Kresba: vjezd do dvora je vpravo od domu.", "#E7C98F"),
    Drawing("DEMO-NOVAK-1", wallbox, "Kresba: kabel visí pod nabíječkou, dosáhne i dozadu.", "#E7C98F"),
    Drawing("DEMO-DVORAKOVA-1", entrance, "Kresba: do dvora se jezdí vraty vedle pekárny.", "#E4B9A2"),
    Drawing("DEMO-DVORAKOVA-2", plan, "Kresba: stojí se ve dvoře u zadní zdi.", "#CFC7DA"),
    Drawing("DEMO-MLYN-1", plan, "Kresba: dvě místa přímo u vchodu.", "#D9CDB8", "#A4ABA4"),
)


def hang() -> int:
    """Give the chargers their drawings, those that have none. How many there are."""
    bare = {place.identity: place for place in ChargePoint.objects.alive().filter(photos=None)}
    for drawing in DRAWINGS:
        place = bare.get(drawing.identity)
        if place is not None:
            sheet = Sheet()
            drawing.draw(sheet, drawing.wall, drawing.ground)
            photos.add(place, sheet.file(), caption=drawing.caption, is_for_guests=drawing.is_for_guests)
    return len(DRAWINGS)


def _wall(sheet: Sheet, wall: str, ground: str, horizon: int) -> None:
    sheet.box(0, 0, SIDE[0], horizon, wall)
    for row, top in enumerate(range(0, horizon, 56)):
        sheet.line("#0000000F", 3, (0, top), (SIDE[0], top))
        for left in range((row % 2) * 60, SIDE[0], 120):
            sheet.line("#0000000F", 3, (left, top), (left, min(top + 56, horizon)))
    sheet.box(0, horizon, *SIDE, ground)
    sheet.box(0, horizon, SIDE[0], horizon + 16, SHADE)


def _flash(sheet: Sheet, x: int, y: int, size: int, colour: str) -> None:
    half = size // 2
    points = ((half // 2, -size), (-half, half // 4), (0, half // 4), (-half // 2, size), (half, -half // 4), (0, -half // 4))
    sheet.shape(colour, *((x + right, y + down) for right, down in points))


def _car(sheet: Sheet, left: int, top: int) -> None:
    sheet.shape("#34528F", (left + 90, top + 110), (left + 160, top), (left + 420, top), (left + 420, top + 110))
    sheet.shape("#BCD3E0", (left + 116, top + 106), (left + 172, top + 18), (left + 260, top + 18), (left + 260, top + 106))
    sheet.box(left, top + 100, left + 420, top + 260, "#4767A6", radius=40)
    sheet.box(left + 22, top + 190, left + 62, top + 222, LIGHT, radius=12)
    sheet.circle(left + 150, top + 262, 66, INK)
    sheet.circle(left + 150, top + 262, 34, "#B5BFB8")
