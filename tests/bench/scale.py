"""What great fleets need, computed from what was measured; tests/bench/quote.py writes the table into the documents."""

from collections.abc import Callable, Mapping
from typing import Any

FLEETS = (100_000, 1_000_000)
HELD = 10_000  # by each process, as it was measured
CHARGING = 10  # one in so many
READING_S, HEARTBEAT_S = 60, 300
DAY_S = 86_400
UNMEASURED = "not measured yet"

Figures = Mapping[str, Mapping[str, Any]]


def table(figures: Figures) -> str:
    """A row for each need, a column for each fleet; a row that lacks a figure says so."""
    rows = ["| | " + " | ".join(f"{fleet:,} chargers" for fleet in FLEETS) + " |", "|---|" + "---|" * len(FLEETS)]
    for what, need, unit in _needs(figures):
        rows.append(f"| {what} | " + " | ".join(_said(need, fleet, unit) for fleet in FLEETS) + " |")
    return "\n".join([*rows, ""])


def _said(need: Callable[[int], float], fleet: int, unit: str) -> str:
    try:
        value = need(fleet)
    except KeyError:
        return UNMEASURED
    written = f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.2g}"
    return f"{written} {unit}".strip()


def _needs(figures: Figures) -> list[tuple[str, Callable[[int], float], str]]:
    def of(name: str, member: str = "figure") -> float:
        return float(figures[name][member])

    def readings(fleet: int) -> float:
        return fleet / CHARGING / READING_S

    def heartbeats(fleet: int) -> float:
        return fleet / HEARTBEAT_S

    def serving(fleet: int) -> float:
        said = readings(fleet) * of("metervalues-200-postgresql") + heartbeats(fleet) * of("heartbeat-200-postgresql")
        sessions = fleet / DAY_S * of("session-postgresql", "server_cpu_ms")
        return said / 1e6 + sessions / 1e3 + fleet / HELD * of("idle-cpu") / 100

    def storing(fleet: int) -> float:
        said = readings(fleet) * of("metervalues-200-postgresql", "database_cpu_us")
        said += heartbeats(fleet) * of("heartbeat-200-postgresql", "database_cpu_us")
        return said / 1e6 + fleet / DAY_S * of("session-postgresql", "database_cpu_ms") / 1e3

    return [
        (f"Processes, each with {HELD:,} sockets", lambda fleet: fleet / HELD, ""),
        ("Memory of the sockets of all of them", lambda fleet: fleet * of("idle-memory") / 1024**2, "GiB"),
        ("Their connections to PostgreSQL", lambda fleet: fleet / HELD * of("spread-4-connections"), ""),
        ("MeterValues a second", readings, ""),
        ("Heartbeats a second", heartbeats, ""),
        ("Sessions a second", lambda fleet: fleet / DAY_S, ""),
        ("Cores of all processes for all of that and the silent sockets", serving, "cores"),
        ("Cores of PostgreSQL for it", storing, "cores"),
        ("After a power cut: work of one process until its share is back", lambda _fleet: of("storm-10000-postgresql"), "s"),
        ("The same: work of PostgreSQL for all", lambda fleet: fleet * of("storm-10000-postgresql-database") / 1e3, "core seconds"),
    ]
