"""Figures in documents: `python -m tests.bench.quote` fills what docs/ marks from docs/figures.json.

A document marks a figure as `<!-- figure: NAME -->41 µs<!-- /figure -->`, with a word of what it wants after the name: `goal`,
`naive`, `times` (how many times less than the naive path), or another member. It marks a table of all figures of a matter as
`<!-- figures: MATTER -->` … `<!-- /figures -->`, and what tests/bench/scale.py computes from them as `<!-- computed: scale -->` …
`<!-- /computed -->`. What var/bench.json holds of whole measurements is taken over first, so no figure is typed by hand, and each can
be traced to its run.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

from tests.bench import scale
from tests.bench.running import ROOT

MEASURED = ROOT / "var/bench.json"
QUOTED = ROOT / "docs/figures.json"
MARK = re.compile(r"(<!-- figure: ([\w-]+)(?: (\w+))? -->).*?(<!-- /figure -->)", re.DOTALL)
TABLE = re.compile(r"(<!-- figures: ([\w-]+) -->\n).*?(<!-- /figures -->)", re.DOTALL)
COMPUTED = re.compile(r"(<!-- computed: scale -->\n).*?(<!-- /computed -->)", re.DOTALL)
UNMEASURED = "Not measured yet: `make bench` does it.\n"

Report = dict[str, dict[str, Any]]


def read(path: Path) -> Report:
    """A report; nothing where there is none."""
    report: Report = json.loads(path.read_text()) if path.exists() else {}
    return report


def take_over(quoted: Report, measured: Report) -> Report:
    """The report that documents quote, with what has been measured to its end since."""
    return {**quoted, **{name: result for name, result in measured.items() if result["is_complete"]}}


def filled(text: str, report: Report) -> str:
    """A document with its figures. One that was not measured is an error: no document may go on to say the old one."""
    figures = {figure["name"]: figure for result in report.values() for figure in result["figures"]}
    text = TABLE.sub(lambda found: found[1] + (table(report[found[2]]) if found[2] in report else UNMEASURED) + found[3], text)
    text = COMPUTED.sub(lambda found: found[1] + scale.table(figures) + found[2], text)
    return MARK.sub(lambda found: found[1] + said(figures[found[2]], found[3] or "figure") + found[4], text)


def said(figure: dict[str, Any], what: str) -> str:
    """One figure in words."""
    if what == "times":
        times = figure["naive"] / figure["figure"]
        return f"{times:.{0 if times >= 10 else 1}f} times"
    return _number(figure[what], figure["unit"] if what in ("figure", "goal", "naive") else "")


def table(result: dict[str, Any]) -> str:
    """All figures of a matter, and what they were measured on."""
    rows = ["| | figure | goal | naive path |", "|---|---|---|---|"]
    for one in result["figures"]:
        goal = _number(one["goal"], one["unit"]) if one["goal"] is not None else ""
        missed = one["goal"] is not None and one["figure"] > one["goal"]
        naive = f"{_number(one['naive'], one['unit'])} ({said(one, 'times')})" if one["naive"] and one["figure"] else ""
        rows.append(f"| {one['what']} | {_number(one['figure'], one['unit'])} | {goal}{', missed' if missed else ''} | {naive} |")
    where = f"{result['at'][:10]}, commit {result['commit']}, {result['cpu']}, load {result['load_average']:g} before it began"
    with_what = f"Python {result['python']}, PostgreSQL {result['postgresql']}, Django {result['django']}, Daphne {result['daphne']}"
    return "\n".join([*rows, "", f"Measured {where}; {with_what}.", ""])


def _number(value: float, unit: str) -> str:
    written = f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.1f}"
    return f"{written} {unit}".strip()


def documents() -> list[Path]:
    """Where figures may stand."""
    return sorted([*(ROOT / "docs").glob("*.md"), ROOT / "README.md"])


def main() -> None:
    """Take over, fill, and name what changed."""
    report = take_over(read(QUOTED), read(MEASURED))
    QUOTED.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    for path in documents():
        text = path.read_text()
        new = filled(text, report)
        if new != text:
            path.write_text(new)
            print(f"{path.relative_to(ROOT)} quotes new figures.", file=sys.stderr)  # noqa: T201 - a program


if __name__ == "__main__":
    main()
