"""What stands between this code and the world: checks before the start, probes, the image and its neighbours."""

import json
import logging
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.apps import apps
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils.translation import override
from PIL import Image

from chargeshare import __version__, checks
from tests import factories, servers
from tests.serving import Served

HOUSE = Path(__file__).parent.parent
REAL_KEY = "kT3vXq8-9fLm2Zr_7Hs5Wb1Nc6Pd4Ge0Jy"
CAREFUL = {
    "DEBUG": False,
    "SECRET_KEY": REAL_KEY,
    "REDIS_URL": "redis://redis:6379",
    "PAYMENT_GATEWAY": "gopay",
    "GOPAY_GOID": "8712345678",
    "GOPAY_CLIENT_ID": "1234567890",
    "GOPAY_CLIENT_SECRET": "abcdefgh",
    "GOPAY_GATEWAY_URL": "https://gate.gopay.cz/",
    "SECURE_SSL": True,
    "TRUSTED_PROXIES": ["10.0.0.1"],
    "PUBLIC_URL": "https://chargeshare.cz",
    "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
}


def deployed(settings: LazySettings, **differently: Any) -> None:
    for name, value in {**CAREFUL, **differently}.items():
        setattr(settings, name, value)


# ── Before the start ──


@pytest.mark.parametrize("key", ["short", "insecure-development-key", "django-insecure-" + REAL_KEY, "x" * 31])
def test_start_is_refused_without_a_real_key(db: None, settings: LazySettings, key: str) -> None:
    deployed(settings, SECRET_KEY=key)
    with pytest.raises(CommandError, match="SECRET_KEY"):
        checks.refuse_or_warn()
    assert [found.id for found in checks.secret_key()] == ["chargeshare.E001"]


@pytest.mark.parametrize("email", ["driver@example.com", "owner@example.com", "staff@example.com"])
def test_start_is_refused_with_a_demo_login(db: None, settings: LazySettings, email: str) -> None:
    factories.make_user(email=email)
    deployed(settings)
    with pytest.raises(CommandError, match=email):
        checks.refuse_or_warn()
    settings.DEBUG = True
    checks.refuse_or_warn()


@pytest.mark.parametrize(
    ("careless", "said"),
    [
        ({"REDIS_URL": ""}, "in memory"),
        ({"PAYMENT_GATEWAY": "demo"}, "play money"),
        ({"GOPAY_CLIENT_SECRET": ""}, "GOPAY_CLIENT_SECRET"),
        ({"GOPAY_GATEWAY_URL": "https://gw.sandbox.gopay.com/"}, "sandbox"),
        ({"SECURE_SSL": False}, "in the clear"),
        ({"TRUSTED_PROXIES": []}, "proxy"),
        ({"PUBLIC_URL": "http://127.0.0.1:8000"}, "PUBLIC_URL"),
        ({"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}, "printed"),
        ({"SECRET_KEY": "ab" * 30}, "repeats"),
    ],
)
def test_what_is_careless_is_warned_about(
    db: None, settings: LazySettings, caplog: pytest.LogCaptureFixture, careless: dict[str, Any], said: str
) -> None:
    deployed(settings)
    with caplog.at_level(logging.WARNING):
        checks.refuse_or_warn()
    before = [record.getMessage() for record in caplog.records]
    assert not any(said in message for message in before)
    deployed(settings, **careless)
    checks.refuse_or_warn()
    assert any(said in record.getMessage() for record in caplog.records[len(before) :])


def test_sqlite_is_warned_about(db: None, settings: LazySettings) -> None:
    from django.db import connection  # noqa: PLC0415 - which one it is depends on the run

    deployed(settings)
    assert [found.id for found in checks.storage()] == (["chargeshare.W002"] if connection.vendor == "sqlite" else [])


def test_django_asks_the_checks_too(db: None, settings: LazySettings) -> None:
    factories.make_user(email="owner@example.com")
    deployed(settings, SECRET_KEY="too-short")
    with pytest.raises(CommandError) as refused:
        call_command("check", databases=["default"])
    assert "chargeshare.E001" in str(refused.value)
    assert "chargeshare.E002" in str(refused.value)


def test_server_is_not_started_with_a_demo_login(transactional_db: None, tmp_path: Path) -> None:
    factories.make_user(email="driver@example.com")
    served = Served(tmp_path, DEBUG="False", SECRET_KEY=REAL_KEY, DJANGO_SETTINGS_MODULE="chargeshare.settings")
    done = served.manage("serve", "--port", str(served.port))
    assert done.returncode == 1
    assert "driver@example.com" in done.stderr
    assert "Traceback" not in done.stderr


# ── Probes ──


def test_process_says_it_is_alive_without_a_database(client: Client) -> None:
    response = client.get("/healthz", headers={"host": "10.1.2.3:8000"})  # whoever probes knows no host name
    assert response.status_code == 200
    assert response.json() == {"status": "ok", "version": __version__}
    assert client.post("/healthz").status_code == 405


def test_probes_are_answered_without_tls(client: Client, settings: LazySettings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert client.get("/healthz").status_code == 200
    assert client.get("/accounts/login/").status_code == 301


def test_version_is_that_of_the_changelog() -> None:
    newest = re.search(r"^## (.+)$", (HOUSE / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert newest is not None
    assert __version__ == newest[1]


@pytest.mark.django_db(transaction=True)
def test_process_says_it_is_ready(client: Client) -> None:
    response = client.get("/readyz")
    assert response.json() == {"status": "ok"}
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]


@pytest.mark.django_db(transaction=True)
def test_process_names_the_channel_layer_that_fails(client: Client, settings: LazySettings) -> None:
    hosts = [{"address": f"redis://:hunter2@127.0.0.1:{servers.free_port()}"}]
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": hosts}}}
    response = client.get("/readyz")
    assert response.status_code == 503
    assert list(response.json()["failing"]) == ["channel_layer"]
    assert b"hunter2" not in response.content


def test_process_names_the_database_that_fails() -> None:
    script = "import time; from django.test import Client; began = time.monotonic(); r = Client().get('/readyz')"
    script += "; m = Client().get('/metrics').content.decode(); print('database\"} 0.0' in m, 'queue_length' in m)"
    script += "; print(r.status_code, round(time.monotonic() - began), r.content.decode())"
    environment = {**os.environ, "DATABASE_URL": f"postgres://u:hunter2@127.0.0.1:{servers.free_port()}/x", "REDIS_URL": ""}
    environment["DJANGO_SETTINGS_MODULE"] = "chargeshare.settings"
    command = [sys.executable, "-c", f"import django; django.setup(); {script}"]
    done = subprocess.run(command, cwd=HOUSE, env=environment, capture_output=True, text=True, check=True, timeout=300)
    status, seconds, body = done.stdout.splitlines()[-1].split(" ", 2)
    assert status == "503"
    assert list(json.loads(body)["failing"]) == ["database"]
    assert "hunter2" not in done.stdout
    assert int(seconds) < 60
    assert done.stdout.splitlines()[-2] == "True False"  # the metrics say so too, and leave out what they cannot know


@pytest.mark.parametrize(
    ("address", "token", "given", "status"),
    [
        ("127.0.0.1", "", "", 200),
        ("::1", "", "", 200),
        ("10.20.30.40", "", "", 200),
        ("192.168.1.5", "secret", "", 200),
        ("::ffff:192.168.1.5", "", "", 200),
        ("8.8.8.8", "", "", 404),
        ("2a00:1450::1", "", "", 404),
        ("::ffff:8.8.8.8", "", "", 404),
        ("8.8.8.8", "", "Bearer ", 404),
        ("8.8.8.8", "secret", "Bearer secret", 200),
        ("8.8.8.8", "secret", "Bearer Secret", 404),
        ("8.8.8.8", "secret", "secret", 404),
        ("8.8.8.8", "secret", "Bearer tajné", 404),
        ("", "", "", 404),
    ],
)
def test_metrics_are_for_neighbours_and_bearers(
    client: Client, settings: LazySettings, address: str, token: str, given: str, status: int
) -> None:
    settings.METRICS_TOKEN = token
    response = client.get("/metrics", REMOTE_ADDR=address, HTTP_AUTHORIZATION=given)
    assert response.status_code == status
    assert (b"django_http_requests" in response.content) == (status == 200)


def test_stranger_behind_a_trusted_proxy_is_a_stranger(client: Client, settings: LazySettings) -> None:
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]
    assert client.get("/metrics", REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR="8.8.8.8").status_code == 404
    assert client.get("/metrics", REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR="8.8.8.8, 192.168.0.9").status_code == 200
    settings.TRUSTED_PROXIES = []
    assert client.get("/metrics", REMOTE_ADDR="8.8.8.8", HTTP_X_FORWARDED_FOR="127.0.0.1").status_code == 404


# ── On a phone, and for programs ──


def test_site_can_be_put_among_the_apps_of_a_phone(client: Client) -> None:
    with override("en"):
        response = client.get("/manifest.webmanifest")
    manifest = response.json()
    assert response["Content-Type"] == "application/manifest+json"
    assert (manifest["id"], manifest["start_url"], manifest["display"], manifest["lang"]) == ("/", "/", "standalone", "en")
    shown = [*manifest["icons"], *(icon for shortcut in manifest["shortcuts"] for icon in shortcut["icons"])]
    assert {(icon["sizes"], icon["purpose"]) for icon in manifest["icons"]} >= {
        (size, purpose) for size in ("192x192", "512x512") for purpose in ("any", "maskable")
    }
    for icon in shown:
        picture = HOUSE / icon["src"].lstrip("/")
        assert picture.exists()
        if icon["type"] == "image/png":
            with Image.open(picture) as opened:
                assert "{}x{}".format(*opened.size) == icon["sizes"]
    assert [shortcut["url"] for shortcut in manifest["shortcuts"]] == ["/", "/reservations/", "/wallet/"]
    assert manifest["share_target"]["method"] == "GET"


def test_worker_knows_the_version_and_no_page_by_heart(client: Client) -> None:
    response = client.get("/sw.js")
    assert response["Content-Type"] == "text/javascript; charset=utf-8"
    text = response.content.decode()
    said = json.loads(re.search(r"const SAID = (.*);$", text, re.MULTILINE)[1])  # type: ignore[index]
    assert said["version"] == __version__
    assert said["static"] == "/static/"
    for path in ("/reservations", "/receipts", "/sessions", "/api/"):
        assert path not in text


def test_interface_is_described_and_the_description_is_served_from_here(client: Client, db: None) -> None:
    page = client.get("/api/docs/")
    assert page.status_code == 200
    sources = re.findall(r'(?:src|href)="([^"]+)"', page.content.decode())
    assert sources
    assert all(source.startswith("/") for source in sources)
    assert "script-src" not in page["Content-Security-Policy"]
    assert "style-src 'self' 'unsafe-inline'" in page["Content-Security-Policy"]
    schema = client.get("/api/schema/", headers={"accept": "application/json"}).json()
    assert schema["openapi"].startswith("3.")


def test_ordinary_page_may_run_nothing_inline(client: Client, db: None) -> None:
    assert "unsafe" not in client.get("/accounts/login/")["Content-Security-Policy"]


def test_administration_is_where_the_setting_says_and_for_staff(client: Client, db: None) -> None:
    response = client.get("/admin/")
    assert response.status_code == 302
    assert client.get("/admin/login/").status_code == 302  # everybody logs in by the same door, where failures are counted


def test_every_static_file_finds_what_it_names(settings: LazySettings, tmp_path: Path) -> None:
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"},
    }
    call_command("collectstatic", interactive=False, verbosity=0)  # fails where a style sheet or a script names a file that is not there
    paths = json.loads((tmp_path / "staticfiles.json").read_text())["paths"]
    assert "css/base.css" in paths


# ── The image and its neighbours ──


def instructions() -> list[str]:
    text = (HOUSE / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_image_runs_without_root_and_says_how_it_is() -> None:
    last_stage = instructions()[max(i for i, line in enumerate(instructions()) if line.startswith("FROM")) :]
    assert sum(line.startswith("FROM") for line in instructions()) == 2
    users = [line.split()[1] for line in last_stage if line.startswith("USER")]
    assert users
    assert users[-1].split(":")[0] not in ("0", "root")
    assert any(line.startswith("HEALTHCHECK") and "/readyz" in line for line in last_stage)
    assert any("--require-hashes" in line for line in instructions())
    assert not any(re.search(r"\b(ENV|ARG)\b.*SECRET_KEY", line) for line in instructions())
    assert json.loads(last_stage[-1].removeprefix("CMD ")) == ["python", "manage.py", "serve", "--host", "0.0.0.0", "--port", "8000"]  # noqa: S104


def test_image_holds_what_it_runs_and_nothing_else() -> None:
    allowed = {line[1:] for line in (HOUSE / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert {"accounts", "billing", "stations", "ocpp_core", "chargeshare", "locale", "static", "templates", "manage.py"} <= allowed
    assert not allowed & {".env", ".git", "tests", "var", ".venv"}
    assert all((HOUSE / name).exists() for name in allowed)


def test_databases_are_not_reachable_from_outside() -> None:
    compose = yaml.safe_load((HOUSE / "compose.yaml").read_text())
    for name in ("database", "redis"):
        assert "ports" not in compose["services"][name]
        assert compose["services"][name]["networks"] == ["inside"]
    assert compose["networks"]["inside"]["internal"]
    assert compose["services"]["serve"]["environment"]["DEBUG"] == "False"
    assert all(port.startswith("127.0.0.1:") for port in compose["services"]["serve"]["ports"])


def test_development_override_names_services_that_are() -> None:
    compose = yaml.safe_load((HOUSE / "compose.yaml").read_text())
    override_file = yaml.safe_load((HOUSE / "compose.development.yaml").read_text())
    assert set(override_file["services"]) <= set(compose["services"])
    assert override_file["services"]["serve"]["develop"]["watch"]


def test_retention_lists_every_table() -> None:
    text = (HOUSE / "docs/retention.md").read_text(encoding="utf-8")
    listed = [name for line in text.splitlines() if line.startswith("| `") for name in re.findall(r"`(\w+)`", line.split("|")[1])]
    assert sorted(listed) == sorted({model._meta.db_table for model in apps.get_models(include_auto_created=True)})
