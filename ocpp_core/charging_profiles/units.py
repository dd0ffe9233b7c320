"""Amperes and watts. A limit in amperes holds for each phase, one in watts for all of them together. Pure."""

from decimal import ROUND_DOWN, Decimal

AMPERES, WATTS = "A", "W"
VOLTAGE_V = 230
STANDARD_PHASES = 3  # what the standard assumes where nobody says
MOST_ON_ONE_PHASE_W = 7_400  # 32 A of one phase, as it is written on the boxes
ONE_PHASE_TYPES = frozenset({"TYPE_1", "SCHUKO"})
DIRECT_TYPES = frozenset({"CCS", "CHADEMO"})
TENTH = Decimal("0.1")


def phases_of(max_power_w: int | None, connector_type: str = "") -> int:
    """How many phases an outlet has, by what it can give: nobody tells us."""
    if connector_type in ONE_PHASE_TYPES:
        return 1
    return 1 if max_power_w is not None and max_power_w <= MOST_ON_ONE_PHASE_W else STANDARD_PHASES


def converted(limit: Decimal, unit: str, wanted: str, phases: int) -> Decimal:
    """The same limit in the other unit, rounded down: it never allows more than was said."""
    if unit == wanted:
        return limit
    per_ampere = VOLTAGE_V * phases
    exact = limit / per_ampere if wanted == AMPERES else limit * per_ampere
    return exact.quantize(TENTH, ROUND_DOWN)


def spelt(limit: Decimal) -> int | float:
    """As the standard writes it: one decimal at most, none where there is none."""
    cut = limit.quantize(TENTH, ROUND_DOWN)
    return int(cut) if cut == cut.to_integral_value() else float(cut)
