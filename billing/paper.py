"""Sheets of A4 on which documents are printed: one hand for receipts and statements, with letters of every language we speak."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import segno
from django.conf import settings
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from fpdf import FPDF
from fpdf.enums import XPos, YPos

FONTS = Path(settings.BASE_DIR) / "static/vendor/dejavu"
FONT = "DejaVu"
LEFT_MM, RIGHT_MM, BOTTOM_MM = 20, 190, 275
GREY, GREEN, PALE = 110, (10, 107, 76), (222, 236, 229)


def is_czech() -> bool:
    """Whether Czech is spoken now: without any language it is."""
    return (translation.get_language() or "cs").startswith("cs")


def moment(at: datetime) -> str:
    """20. 11. 2026 14:12:04."""
    return f"{day(at)} {timezone.localtime(at):%H:%M:%S}"


def day(at: datetime) -> str:
    """20. 11. 2026."""
    local = timezone.localtime(at)
    return f"{local.day}. {local.month}. {local.year}" if is_czech() else f"{local:%-d %b %Y}"


class Sheet(FPDF):
    """A4 with the means our documents are made of; every page says which document and which page it is."""

    def __init__(self, title: str, *, created_at: datetime) -> None:
        super().__init__(format="A4")
        self.document = title
        self.set_margin(LEFT_MM)
        self.set_auto_page_break(auto=True, margin=22)
        self.add_font(FONT, "", FONTS / "DejaVuSans.ttf")
        self.add_font(FONT, "B", FONTS / "DejaVuSans-Bold.ttf")
        self.set_title(title)
        self.set_author(settings.OPERATOR_NAME)
        self.set_creation_date(created_at)
        self.set_lang(translation.get_language() or "cs")

    def footer(self) -> None:
        """Which document, and which page of how many; called by the library at the end of each."""
        self.set_y(-15)
        self.set_font(FONT, "", 8)
        self.set_text_color(GREY)
        self.cell(120, 5, self.document)
        self.cell(0, 5, _("Page %(page)s of %(pages)s") % {"page": self.page_no(), "pages": "{nb}"}, align="R")
        self.set_text_color(0)

    def text_line(self, text: str, *, size: int = 10, bold: bool = False, grey: bool = False) -> None:
        """Words from edge to edge."""
        self.set_font(FONT, "B" if bold else "", size)
        self.set_text_color(GREY if grey else 0)
        self.multi_cell(0, size * 0.55, text, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.set_text_color(0)

    def row(self, name: str, value: str, *, bold: bool = False, size: int = 10, under: str = "") -> None:
        """A name on the left, what it comes to on the right; words under the name in small."""
        if self.get_y() > BOTTOM_MM - 12:
            self.add_page()
        top = self.get_y()
        self.set_font(FONT, "B" if bold else "", size)
        self.multi_cell(85, size * 0.55, name, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        if under:
            self.text_line(under, size=8, grey=True)
        after = self.get_y()
        self.set_font(FONT, "B" if bold else "", size)
        self.set_xy(105, top)
        self.multi_cell(85, size * 0.55, value, align="R", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.set_y(max(after, self.get_y()) + 0.8)

    def rule(self) -> None:
        """A line across."""
        self.ln(1.5)
        self.set_draw_color(190)
        self.line(LEFT_MM, self.get_y(), RIGHT_MM, self.get_y())
        self.ln(2.5)

    def columns(self, head: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[int], *, words: int, size: int = 8) -> None:
        """A table; so many columns from the left are words, the rest are numbers. Its head stands on every page."""
        self._table_row(head, widths, words, size, bold=True)
        for cells in rows:
            if self.get_y() > BOTTOM_MM - 5:
                self.add_page()
                self._table_row(head, widths, words, size, bold=True)
            self._table_row(cells, widths, words, size)

    def _table_row(self, cells: Sequence[str], widths: Sequence[int], words: int, size: int, *, bold: bool = False) -> None:
        self.set_font(FONT, "B" if bold else "", size)
        for place, (cell, width) in enumerate(zip(cells, widths, strict=True)):
            self.cell(width, size * 0.62, self._fitted(cell, width - 2), align="L" if place < words else "R")
        self.ln(size * 0.62)

    def _fitted(self, text: str, width: float) -> str:
        """As much of a text as a column takes."""
        if self.get_string_width(text) <= width:
            return text
        while text and self.get_string_width(f"{text}…") > width:
            text = text[:-1]
        return f"{text.rstrip()}…"

    def code(self, content: str, *, side_mm: float = 32) -> None:
        """A QR code at the left edge."""
        left, top = self.get_x(), self.get_y()
        matrix = segno.make(content, micro=False).matrix
        module_mm = side_mm / len(matrix)
        self.set_fill_color(0)
        for y, line in enumerate(matrix):
            for x, is_dark in enumerate(line):
                if is_dark:
                    self.rect(left + x * module_mm, top + y * module_mm, module_mm, module_mm, style="F")

    def curve(self, points: Sequence[tuple[datetime, int]], *, height_mm: float = 26) -> None:
        """Power over time, with the highest value and both ends written at it."""
        begins, ends = points[0][0], points[-1][0]
        seconds = (ends - begins).total_seconds()
        most_w = max(power_w for _at, power_w in points)
        if seconds <= 0 or most_w <= 0:
            return
        left, width, top = LEFT_MM + 16, RIGHT_MM - LEFT_MM - 16, self.get_y() + 2
        line = [
            (left + (at - begins).total_seconds() / seconds * width, top + height_mm * (1 - max(0, power_w) / most_w))
            for at, power_w in points
        ]
        self.set_fill_color(*PALE)
        self.polygon([(line[0][0], top + height_mm), *line, (line[-1][0], top + height_mm)], style="F")
        self.set_draw_color(*GREEN)
        self.polyline(line)
        self.set_draw_color(190)
        self.line(left, top + height_mm, left + width, top + height_mm)
        self.set_font(FONT, "", 8)
        self.set_text_color(GREY)
        self.text(LEFT_MM, top + 3, f"{most_w / 1000:.1f}".replace(".", "," if is_czech() else ".") + " kW")
        self.text(left, top + height_mm + 4, f"{timezone.localtime(begins):%H:%M}")
        self.text(left + width - 8, top + height_mm + 4, f"{timezone.localtime(ends):%H:%M}")
        self.set_text_color(0)
        self.set_y(top + height_mm + 6)
