"""Settings: what they default to, and what happens to one that cannot be read."""

import os
import re
import runpy
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

HOUSE = Path(settings.BASE_DIR)
OUTSIDE = ("SPOOL_DIR", "DIAGNOSTICS_DIR", "MEDIA_ROOT", "DATABASE_URL", "REDIS_URL", "SECRET_KEY")  # what tests.settings says of its own


def read(monkeypatch: pytest.MonkeyPatch, **environment: str) -> dict[str, Any]:
    """The settings as another environment makes them."""
    for name in OUTSIDE:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return runpy.run_path(str(HOUSE / "chargeshare/settings.py"))


def manage(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if name not in OUTSIDE and name != "DJANGO_SETTINGS_MODULE"}
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=HOUSE, env={**inherited, **environment}, capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DEBUG", "maybe"),
        ("SECURE_SSL", ""),
        ("HOUSEKEEPING_INTERVAL_S", "often"),
        ("HOUSEKEEPING_INTERVAL_S", "0.5"),
        ("OCPP_HEARTBEAT_S", "300.5"),
        ("OCPP_MAX_FRAME_BYTES", "1"),
        ("OFFLINE_AFTER_S", "-1"),
        ("LIMIT_API_PER_MINUTE", "0"),
        ("PLATFORM_FEE", "1.01"),
        ("PLATFORM_FEE", "ten percent"),
        ("PLATFORM_FEE", "NaN"),
        ("MINIMUM_HOLD", "100.005"),
        ("MINIMUM_HOLD", "-1"),
        ("CURRENCY", "crowns"),
        ("SUPPLY_MODEL", "friend"),
        ("PAYMENT_GATEWAY", "paypal"),
        ("LOG_FORMAT", "xml"),
        ("PUBLIC_URL", "chargeshare.example"),
        ("PUBLIC_URL", "https://chargeshare.example:port"),
        ("GOPAY_GATEWAY_URL", "gate.gopay.cz"),
        ("MAP_TILES_URL", "tiles/{z}/{x}/{y}"),
        ("SENTRY_DSN", "sentry"),
        ("ADMIN_PATH", ""),
        ("TRUSTED_PROXIES", "10.0.0.0/8, proxy"),
        ("DATABASE_URL", "mysql://localhost/x"),
        ("DATABASE_URL", "postgres://u:p@host:port/x"),
        ("REDIS_URL", "localhost:6379"),
        ("EMAIL_URL", "carrier-pigeon://coop"),
    ],
)
def test_unreadable_value_is_refused_by_its_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=rf"^{name} .+\.$"):
        read(monkeypatch, **{name: value})


@pytest.mark.parametrize("name", ["REDIS_URL", "DATABASE_URL", "GOPAY_GATEWAY_URL"])
def test_refusal_does_not_repeat_a_password(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    with pytest.raises(ImproperlyConfigured) as refused:
        read(monkeypatch, **{name: "foo://user:hunter2@host:1/0"})
    assert "hunter2" not in str(refused.value)


def test_unreadable_value_ends_the_command_with_one_sentence() -> None:
    done = manage("migrate", OCPP_HEARTBEAT_S="soon")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == "OCPP_HEARTBEAT_S must be a whole number of at least 1, not 'soon'.\n"


def test_missing_key_ends_the_command_with_one_sentence() -> None:
    done = manage("check", DEBUG="False")
    assert done.returncode == 1
    assert "SECRET_KEY" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_defaults_are_those_of_the_example(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = read(monkeypatch)
    listed = re.findall(r"^#([A-Z][A-Z0-9_]+)=(.*)$", (HOUSE / ".env.example").read_text(encoding="utf-8"), re.MULTILINE)
    written_out = read(monkeypatch, **{name: value for name, value in listed if name not in {"ENV_FILE", "SECRET_KEY"}})
    for name, value in nothing.items():
        if name.isupper() and name != "LOGGING":
            assert written_out[name] == value, name


def test_amounts_are_kept_in_hundredths(monkeypatch: pytest.MonkeyPatch) -> None:
    said = read(monkeypatch, MINIMUM_HOLD="12.34", WALLET_LIMIT="5000", PLATFORM_FEE="0.125")
    assert said["MINIMUM_HOLD_MINOR"] == 1234
    assert said["WALLET_LIMIT_MINOR"] == 500_000
    assert said["PLATFORM_FEE"] == Decimal("0.125")


def test_tls_makes_cookies_and_redirects_secure(monkeypatch: pytest.MonkeyPatch) -> None:
    said = read(monkeypatch, SECURE_SSL="True", TRUSTED_PROXIES="10.0.0.1, 10.1.0.0/16", PUBLIC_URL="https://chargeshare.example/")
    assert said["PUBLIC_URL"] == "https://chargeshare.example"
    assert said["SESSION_COOKIE_SECURE"]
    assert said["CSRF_COOKIE_SECURE"]
    assert said["SECURE_SSL_REDIRECT"]
    assert said["SECURE_HSTS_SECONDS"] >= 31_536_000
    assert said["SECURE_PROXY_SSL_HEADER"] == ("HTTP_X_FORWARDED_PROTO", "https")


def test_forwarded_headers_mean_nothing_without_a_trusted_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(monkeypatch)["SECURE_PROXY_SSL_HEADER"] is None


def test_sqlite_lies_under_the_project_and_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    database = read(monkeypatch)["DATABASES"]["default"]
    assert database["NAME"] == str(HOUSE / "var/chargeshare.sqlite3")
    assert "synchronous=FULL" in database["OPTIONS"]["init_command"]
    assert database["OPTIONS"]["transaction_mode"] == "IMMEDIATE"


def test_redis_listener_waits_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = read(monkeypatch, REDIS_URL="redis://redis:6379/0")["CHANNEL_LAYERS"]["default"]
    assert layer["CONFIG"]["hosts"] == [{"address": "redis://redis:6379/0", "socket_timeout": None}]
