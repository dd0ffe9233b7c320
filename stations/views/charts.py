"""Pictures of numbers as SVG, drawn on the server with attributes alone. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 680, 220
LEFT, RIGHT, TOP, BOTTOM = 46, 4, 10, 28
GRID_LINES = 4
NARROW_SLOT = 40


@dataclass(frozen=True)
class Bar:
    """One bar with the words it is read by."""

    x: float
    y: float
    width: float
    height: float
    title: str
    is_now: bool


@dataclass(frozen=True)
class Mark:
    """A word or a figure on an axis."""

    at: float
    text: str
    is_now: bool = False


@dataclass(frozen=True)
class BarChart:
    """A picture that a template only has to write down."""

    bars: list[Bar]
    rows: list[Mark]
    columns: list[Mark]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    foot: int = HEIGHT - 6


def bar_chart(values: Sequence[int], titles: Sequence[str], labels: Sequence[str], *, now: int | None) -> BarChart:
    """Bars over labels; an empty label leaves its place blank. `now` is drawn stronger; the scale ends at a round figure.

    Where bars stand close, what is written beside `now` gives way to it.
    """
    top_value = _round_up(max([*values, 1]))
    floor, slot = HEIGHT - BOTTOM, (WIDTH - LEFT - RIGHT) / len(values)
    width = min(slot * 0.68, 44)

    def y(value: float) -> float:
        return round(floor - (floor - TOP) * value / top_value, 1)

    bars = [
        Bar(round(LEFT + slot * (place + 0.5) - width / 2, 1), y(value), round(width, 1), round(floor - y(value), 1), title, place == now)
        for place, (value, title) in enumerate(zip(values, titles, strict=True))
        if value > 0
    ]
    steps = [top_value * step / (GRID_LINES - 1) for step in range(GRID_LINES)]
    rows = [Mark(y(step), f"{step / 100:,.0f}".replace(",", "\N{NO-BREAK SPACE}")) for step in steps]
    hidden = {now - 1, now + 1} if now is not None and slot < NARROW_SLOT else set()
    columns = [
        Mark(round(LEFT + slot * (place + 0.5), 1), text, place == now) for place, text in enumerate(labels) if text and place not in hidden
    ]
    return BarChart(bars, rows, columns)


def _round_up(value: int) -> int:
    """The next figure that three equal steps reach in whole crowns: 3, 6, 15, 30, 60, 150, … of them."""
    unit = 100
    while value > 15 * unit:
        unit *= 10
    return next(step * unit for step in (3, 6, 15) if value <= step * unit)
