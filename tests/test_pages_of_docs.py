"""The documents say what is: figures are those of the report, and what a page names exists."""

import importlib
import json
import pkgutil
import re
from pathlib import Path
from typing import Any

import pytest

import tests.bench
from tests.bench import __main__ as bench
from tests.bench import quote, running

DOCS = Path(__file__).parent.parent / "docs"
FIGURE = {"name": "reader", "what": "Read a frame", "figure": 8.7, "unit": "µs", "goal": 10, "naive": 87.0}
RESULT: dict[str, Any] = {
    "at": "2026-11-20T18:17:29Z",
    "commit": "abc",
    "cpu": "2 × Any",
    "load_average": 0.5,
    "python": "3.11.7",
    "postgresql": "18.4",
    "django": "5.2",
    "daphne": "4.2",
    "is_complete": True,
    "figures": [FIGURE],
}


@pytest.mark.parametrize("path", quote.documents(), ids=lambda path: path.name)
def test_documents_quote_the_report_as_it_is(path: Path) -> None:
    text = path.read_text()
    assert quote.filled(text, quote.read(quote.QUOTED)) == text, "run `python -m tests.bench.quote`"


def test_a_figure_is_filled_in_with_what_is_wanted_of_it() -> None:
    marks = [f"<!-- figure: reader{what} -->?<!-- /figure -->" for what in ("", " goal", " naive", " times")]
    said = re.sub(r"<!--.*?-->", "", quote.filled(", ".join(marks), {"door": RESULT}))
    assert said == "8.7 µs, 10 µs, 87 µs, 10 times"


def test_a_table_says_where_its_figures_come_from() -> None:
    said = quote.filled("<!-- figures: door -->\nold\n<!-- /figures -->", {"door": RESULT})
    assert "| Read a frame | 8.7 µs | 10 µs | 87 µs (10 times) |" in said
    assert "2026-11-20, commit abc, 2 × Any" in said
    assert "old" not in said
    late = {**RESULT, "figures": [{**FIGURE, "figure": 11}]}
    assert "10 µs, missed" in quote.filled("<!-- figures: door -->\n<!-- /figures -->", {"door": late})


def test_a_table_of_what_was_never_measured_says_so_and_names_what_can_be() -> None:
    assert "old" not in quote.filled("<!-- figures: door -->\nold\n<!-- /figures -->", {})
    named = {found[2] for path in quote.documents() for found in quote.TABLE.finditer(path.read_text())}
    assert named <= set(bench.MATTERS)


def test_what_great_fleets_need_is_computed_from_figures() -> None:
    idle = {**FIGURE, "name": "idle-memory", "figure": 16}
    said = quote.filled("<!-- computed: scale -->\nold\n<!-- /computed -->", {"idle": {**RESULT, "figures": [idle]}})
    assert "| 1.5 GiB | 15 GiB |" in said
    assert "| 167 | 1,667 |" in said
    assert "| Cores of PostgreSQL for it | not measured yet | not measured yet |" in said
    assert "old" not in said


def test_a_figure_that_was_never_measured_is_not_quoted() -> None:
    with pytest.raises(KeyError):
        quote.filled("<!-- figure: dream -->1 µs<!-- /figure -->", {"door": RESULT})


def test_only_whole_measurements_are_taken_over() -> None:
    kept = quote.take_over({"door": RESULT}, {"door": {**RESULT, "is_complete": False, "figures": []}, "ledger": RESULT})
    assert kept == {"door": RESULT, "ledger": RESULT}


def test_every_measurement_is_run_in_its_turn() -> None:
    sources = {one.name: Path(tests.bench.__path__[0], f"{one.name}.py").read_text() for one in pkgutil.iter_modules(tests.bench.__path__)}
    matters = {name for name, text in sources.items() if "\ndef figures(" in text}
    assert set(bench.MATTERS) == matters


def test_names_of_figures_are_told_apart() -> None:
    names = [figure["name"] for result in quote.read(quote.QUOTED).values() for figure in result["figures"]]
    assert len(set(names)) == len(names)


def test_what_was_shown_is_kept_although_the_rest_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def figures(_postgresql: str) -> Any:
        yield running.show("One", 1, "s", goal=2)
        raise KeyboardInterrupt

    report = tmp_path / "bench.json"
    report.write_text(json.dumps({"ledger": RESULT}))
    monkeypatch.setattr(bench, "REPORT", report)
    monkeypatch.setattr(bench, "circumstances", lambda _postgresql: {"commit": "abc"})
    monkeypatch.setattr(importlib.import_module("tests.bench.door"), "figures", figures)
    with pytest.raises(KeyboardInterrupt):
        bench.measure("door", "postgres://")
    kept = json.loads(report.read_text())
    assert list(kept) == ["door", "ledger"]
    assert (kept["door"]["is_complete"], kept["door"]["figures"][0]["what"]) == (False, "One")


def test_what_the_path_of_a_reading_names_exists() -> None:
    named = set(re.findall(r"`((?:chargeshare|ocpp_core|stations|billing)(?:\.\w+)+)`", (DOCS / "path-of-a-reading.md").read_text()))
    assert len(named) > 20
    missing = {name for name in named if not _exists(name)}
    assert not missing


def _exists(name: str) -> bool:
    """Whether a dotted name leads to a module, or to something in one."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            found = getattr(found, part, None)
        return found is not None
    return False
