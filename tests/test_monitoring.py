"""The dashboard, the alert rules and the page about them use nothing but what `/metrics` has, and the page explains all of it."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.utils import timezone
from django_prometheus.middleware import Metrics
from prometheus_client import REGISTRY

from billing import proofs
from chargeshare.metrics import House, process, tables
from ocpp_core.door import Door

DOCS = Path(__file__).parent.parent / "docs"
ENDINGS = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "summary": ("_count", "_sum"), "gauge": ("",)}
WORDS = {"and", "by", "histogram_quantile", "increase", "max", "min", "offset", "on", "or", "rate", "sum", "time", "topk"}
OF_PROMETHEUS = {"up"}


@pytest.fixture
def known(db: None) -> dict[str, frozenset[str]]:
    """Every name that `/metrics` can have, with the labels of what was seen of it."""
    proofs.prove()
    Metrics.get_instance()  # which the first request makes
    loop = asyncio.new_event_loop()
    try:
        told = [*REGISTRY.collect(), *House().collect(), *tables.tell(timezone.now()), *process.of_door(Door(loop))]
    finally:
        loop.close()
    return {
        family.name + ending: frozenset(label for sample in family.samples for label in sample.labels)
        for family in told
        for ending in ENDINGS.get(family.type, ("",))
    }


def names_in(expression: str) -> set[str]:
    """The metrics an expression speaks of: what is no label, no string, no number and no word of the language."""
    bare = re.sub(r'"[^"]*"', "", expression)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\b(by|on) \([^)]*\)", " ", bare)
    return set(re.findall(r"[a-z_][a-z0-9_]*", re.sub(r"\b\d+\w*", "", bare))) - WORDS


def rules() -> list[dict[str, Any]]:
    """All alert rules."""
    said = yaml.safe_load((DOCS / "alerts.yml").read_text())
    return [rule for group in said["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    """All panels that show something."""
    said = json.loads((DOCS / "grafana-dashboard.json").read_text())
    return [panel for panel in said["panels"] if panel["type"] != "row"]


def test_the_language_is_read_as_it_is_written() -> None:
    said = 'sum by (le, call) (rate(a_bucket{x!="b c", y=~"d|e"}[5m])) > 0.8 * max(f offset 30m) and on (instance) time() - g > 30 * 3600'
    assert names_in(said) == {"a_bucket", "f", "g"}


def test_every_rule_uses_what_there_is(known: dict[str, frozenset[str]]) -> None:
    for rule in rules():
        used = names_in(rule["expr"])
        assert used, rule["alert"]
        assert used <= known.keys() | OF_PROMETHEUS, rule["alert"]
        assert rule["labels"]["severity"] in ("page", "warn"), rule["alert"]
        assert rule["annotations"]["summary"], rule["alert"]
    assert len({rule["alert"] for rule in rules()}) == len(rules())


def test_every_panel_uses_what_there_is(known: dict[str, frozenset[str]]) -> None:
    for panel in panels():
        for target in panel["targets"]:
            assert names_in(target["expr"]) <= known.keys(), panel["title"]
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels()]
    assert len(set(places)) == len(places)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in panels())


def test_queues_and_parts_named_in_rules_are_ours() -> None:
    said = " ".join(rule["expr"] for rule in rules())
    for queue in re.findall(r'queue=~?"([^"]+)"', said):
        assert any(re.fullmatch(queue, name) for name in tables.QUEUES), queue
        for one in queue.split("|"):
            assert any(re.fullmatch(one, name) for name in tables.QUEUES), one


def test_the_page_explains_all_of_it_and_nothing_else(known: dict[str, frozenset[str]]) -> None:
    text = (DOCS / "monitoring.md").read_text()
    ours = {re.sub(r"_(bucket|count|sum)$", "", name) for name in known if name.startswith("chargeshare_")}
    explained = set(re.findall(r"`(chargeshare_\w+)`", text))
    assert explained == ours
    table = text.partition("| queue |")[2].partition("\n## ")[0].splitlines()[2:]
    queues = set(re.findall(r"`(\w+)`", " ".join(line.split("|")[1] for line in table if line)))
    assert queues == tables.QUEUES.keys()


def test_every_metric_of_ours_is_on_the_dashboard_or_watched(known: dict[str, frozenset[str]]) -> None:
    used = set[str]().union(
        *(names_in(rule["expr"]) for rule in rules()), *(names_in(one["expr"]) for panel in panels() for one in panel["targets"])
    )
    bases = {re.sub(r"_(bucket|count|sum)$", "", name) for name in used}
    assert {re.sub(r"_(bucket|count|sum)$", "", name) for name in known if name.startswith("chargeshare_")} <= bases
