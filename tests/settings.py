"""The real settings, made quick and quiet for tests, and deaf to whatever the shell or a `.env` says."""

import os
import re
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

_directory = tempfile.TemporaryDirectory(prefix="chargeshare-tests-")  # one per process, gone with it
for _line in (Path(__file__).parent.parent / ".env.example").read_text(encoding="utf-8").splitlines():
    if _setting := re.match(r"#?([A-Z][A-Z0-9_]+)=", _line):
        os.environ.pop(_setting[1], None)

_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw-1").removeprefix("gw")) + 1
_redis = os.environ.get("TEST_REDIS_URL", "")
os.environ.update(
    ENV_FILE="",
    SECRET_KEY="tests-only-key-that-protects-nothing-at-all-and-is-long-enough",
    DATABASE_URL=os.environ.get("TEST_DATABASE_URL") or "sqlite:///:memory:",
    REDIS_URL=urlsplit(_redis)._replace(path=f"/{_worker}").geturl() if _redis else "",
    SPOOL_DIR=f"{_directory.name}/spool",
    MEDIA_ROOT=f"{_directory.name}/media",
    DIAGNOSTICS_DIR=f"{_directory.name}/diagnostics",
)

from chargeshare.settings import *  # noqa: E402, F403
from chargeshare.settings import DATABASES  # noqa: E402

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file, for threads and a real server share it; nothing in it outlives the power, so nothing is synchronised.
    DATABASES["default"]["TEST"] = {"NAME": f"{_directory.name}/tests.sqlite3"}
    DATABASES["default"]["OPTIONS"]["init_command"] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA foreign_keys=ON;"
else:
    DATABASES["default"]["TEST"] = {"NAME": f"tests_{os.getpid()}"}

LANGUAGE_CODE = "en"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
STATIC_ROOT = Path(_directory.name)
MFA_TOTP_PERIOD = 10**9  # the code a test has just reckoned is still the right one when it arrives
