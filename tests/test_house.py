"""The rules of the house that no linter knows."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import allauth
import pytest
from django.apps import apps
from django.conf import settings

from ocpp_core import schemas

HOUSE = Path(settings.BASE_DIR)
FLOORS = ("accounts", "billing", "stations", "ocpp_core")
PACKAGES = (*FLOORS, "chargeshare")
NO_NAMES = {"utils", "util", "helpers", "helper", "services", "service", "managers", "manager", "common", "misc"}
DOORS = {
    "accounts": {
        "adapter",
        "addresses",
        "admin",
        "api",
        "apps",
        "authentication",
        "browsers",
        "forms",
        "inbox",
        "management",
        "offline",
        "pages",
        "urls",
        "views",
    },
    "billing": {"admin", "api", "api_fields", "apps", "forms", "management", "owners", "serializers", "templatetags", "urls", "views"},
    "stations": {"admin", "people_admin", "api", "apps", "consumers", "forms", "management", "routing", "templatetags", "urls", "views"},
}
# Under these words quarantine keeps what could not be understood, and an owner's button asks for a word that should have come.
NAMED_ELSEWHERE = {
    "stations/readings.py": {"MeterValues"},
    "stations/sessions/stopping.py": {"StopTransaction"},
    "stations/views/owner_charge_point.py": {"StatusNotification"},
}
MONEY = ("billing/money.py", "billing/ledger.py", "billing/pricing.py", "billing/bands.py", "billing/settlement.py")


def modules(*packages: str) -> list[Path]:
    found = [path for package in packages for path in sorted((HOUSE / package).rglob("*.py"))]
    return [path.relative_to(HOUSE) for path in found if "migrations" not in path.parts]


@cache
def tree(module: Path) -> ast.Module:
    return ast.parse((HOUSE / module).read_text(encoding="utf-8"))


def imported(module: Path) -> Iterator[str]:
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def words(module: Path) -> set[str]:
    """Every text that stands in a module, with {} for what is put into it."""
    found = set()
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
        elif isinstance(node, ast.JoinedStr):
            found.add("".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values))
    return found


def test_foreign_keys_point_to_the_same_floor_or_down() -> None:
    for model in apps.get_models():
        floor = model._meta.app_label
        for field in model._meta.get_fields():
            target = field.related_model if field.is_relation and field.concrete else None
            if floor in FLOORS and isinstance(target, type) and target._meta.app_label in FLOORS:
                assert FLOORS.index(target._meta.app_label) <= FLOORS.index(floor), f"{model.__name__}.{field.name} points up"


@pytest.mark.parametrize("module", modules(*PACKAGES), ids=str)
def test_module_is_short_and_says_what_it_is(module: Path) -> None:
    text = (HOUSE / module).read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400
    assert not NO_NAMES.intersection(part.removesuffix(".py") for part in module.parts)
    if text.strip():
        assert ast.get_docstring(tree(module))
    else:
        assert module.name == "__init__.py"
        assert {"management", "templatetags"}.intersection(module.parts), "a floor's folder says what lives there"


@pytest.mark.parametrize("module", [path for path in modules(*DOORS) if Path(path.parts[1]).stem not in DOORS[path.parts[0]]], ids=str)
def test_room_knows_no_web(module: Path) -> None:
    forbidden = ("django.http", "django.shortcuts", "rest_framework", "channels", "ocpp")
    names = [name for name in imported(module) if name.startswith(tuple(f"{word}." for word in forbidden)) or name in forbidden]
    assert names == []


@pytest.mark.parametrize("module", modules("accounts", "billing", "stations"), ids=str)
def test_only_the_chargers_door_knows_what_chargers_say_and_in_which_version(module: Path) -> None:
    """What we ask of them is asked in the words of the command door, whatever version answers; what they say is translated before."""
    text = (HOUSE / module).read_text(encoding="utf-8")
    if module != Path("stations/makes.py"):  # it says what to type in, and some menus ask for the version
        assert not re.search(r"ocpp ?[12]\.|subprotocol", text, re.IGNORECASE)
    said = {word for word in words(module) if word in schemas.FROM_CHARGER - schemas.TO_CHARGER}
    assert said <= NAMED_ELSEWHERE.get(str(module), set())


@pytest.mark.parametrize("module", [path for path in modules("ocpp_core") if path.parts[1] not in ("simulator", "versions.py")], ids=str)
def test_the_version_is_named_in_one_place(module: Path) -> None:
    assert not {word for word in words(module) if re.match(r"ocpp[12]\.", word)}


@pytest.mark.parametrize("module", MONEY)
def test_money_is_never_a_float(module: str) -> None:
    whole = tree(Path(module))
    waits = [call for call in ast.walk(whole) if isinstance(call, ast.Call) and ast.unparse(call.func) == "time.sleep"]
    seconds = {id(node) for call in waits for node in ast.walk(call)}
    for node in ast.walk(whole):
        if isinstance(node, ast.Constant) and id(node) not in seconds:
            assert not isinstance(node.value, float), f"line {node.lineno}"
        assert not (isinstance(node, ast.Name) and node.id == "float")


def test_there_is_one_signal() -> None:
    made = [(module, node) for module in modules(*PACKAGES) for node in ast.walk(tree(module)) if isinstance(node, ast.Call)]
    signals = [str(module) for module, node in made if isinstance(node.func, ast.Name) and node.func.id == "Signal"]
    assert signals in ([], ["accounts/signals.py"])


def test_example_lists_every_setting_with_a_sentence() -> None:
    reader = re.compile(r"_?env\.\w+")
    read = set()
    for module in modules("chargeshare"):
        for node in ast.walk(tree(module)):
            if isinstance(node, ast.Call) and reader.fullmatch(ast.unparse(node.func)) and node.args:
                name = ast.unparse(node.args[0]).strip("'")
                if name.isupper():
                    read.add(name)
    lines = (HOUSE / ".env.example").read_text(encoding="utf-8").splitlines()
    listed = {}
    for before, line in zip(["", *lines], lines, strict=False):
        if found := re.match(r"#([A-Z][A-Z0-9_]+)=", line):
            listed[found[1]] = before
    assert set(listed) == read
    for name, before in listed.items():
        assert before.startswith(("# ", "#GOPAY_")), f"{name} has no sentence"


def test_nothing_reads_the_environment_beside_the_settings() -> None:
    starts_others = Path("chargeshare/management/commands/demo.py")
    for module in modules(*PACKAGES):
        if module not in (Path("chargeshare/environment.py"), starts_others):
            assert not {"os.environ", "os.getenv"}.intersection(imported(module)), module
            text = (HOUSE / module).read_text(encoding="utf-8")
            assert "os.environ" not in text, module
            assert "getenv(" not in text, module


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_lock_holds_versions_and_hashes_alone(lock: str) -> None:
    for line in (HOUSE / lock).read_text(encoding="utf-8").splitlines():
        assert re.fullmatch(
            r"[a-z0-9._-]+==[A-Za-z0-9.+!]+( ; [a-zA-Z_]+ (<|>=|!=) '[A-Za-z0-9.]+')? \\| {4}--hash=sha256:[0-9a-f]{64}( \\)?", line
        )


def test_development_lock_repeats_the_other() -> None:
    def versions(lock: str) -> dict[str, str]:
        return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", (HOUSE / lock).read_text(encoding="utf-8"), re.MULTILINE))

    development = versions("requirements-dev.lock")
    assert {name: development.get(name) for name in versions("requirements.lock")} == versions("requirements.lock")


# ── Templates ──


def templates() -> list[Path]:
    return [path.relative_to(HOUSE / "templates") for path in sorted((HOUSE / "templates").rglob("*.*"))]


def _asked_for_by_name() -> set[str]:
    asked = set().union(*(words(module) for module in modules(*PACKAGES)))
    for template in templates():
        text = (HOUSE / "templates" / template).read_text(encoding="utf-8")
        asked.update(re.findall(r"{%-?\s*(?:include|extends)\s+[\"']([^\"']+)[\"']", text))
        asked.update(re.findall(r"[\"']([\w/.-]+\.(?:html|txt|svg))[\"']", text))
    return asked


def test_every_template_is_used() -> None:
    asked = _asked_for_by_name()
    patterns = [re.escape(word).replace(r"\{\}", r"[\w.-]+") for word in asked if "{}" in word and "\n" not in word]
    known = {"403.html", "403_csrf.html", "404.html", "500.html"}  # by Django
    theirs = Path(allauth.__file__).parent / "templates"
    unused = [
        str(template)
        for template in templates()
        if str(template) not in asked | known
        and not (theirs / template).exists()
        and not any(re.fullmatch(pattern, str(template)) for pattern in patterns)
    ]
    assert unused == []


def test_view_renders_the_template_of_its_name() -> None:
    wrong = []
    for module in modules(*FLOORS):
        if module.stem != "views" and "views" not in module.parts:
            continue
        app = module.parts[0]
        for function in [node for node in ast.walk(tree(module)) if isinstance(node, ast.FunctionDef)]:
            for call in [node for node in ast.walk(function) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]:
                if call.func.id != "render" or not isinstance(call.args[1], ast.Constant):  # type: ignore[attr-defined]
                    continue
                name = str(call.args[1].value)
                assert (HOUSE / "templates" / name).exists(), f"{module}: {name} is missing"
                whole = {f"{app}/{function.name}.html", f"{app}/owner/{function.name.removeprefix('owner_')}.html"}
                if not name.rsplit("/", 1)[-1].startswith("_") and name not in whole and not function.name.startswith("_"):
                    wrong.append(f"{module}: {function.name} renders {name}")
    assert wrong == []


@pytest.mark.parametrize("template", [path for path in templates() if path.suffix == ".html" and path.parts[0] != "emails"], ids=str)
def test_template_keeps_to_the_strict_policy(template: Path) -> None:
    text = (HOUSE / "templates" / template).read_text(encoding="utf-8")
    assert not re.search(r"\sstyle=|<style|\son[a-z]+=|javascript:", text)
    for script in re.findall(r"<script\b([^>]*)>", text):
        assert "src=" in script or "application/" in script
