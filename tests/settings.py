"""The real settings, made quick and quiet for tests."""

import os

os.environ.setdefault("DATABASE_URL", os.environ.get("TEST_DATABASE_URL") or "sqlite:///var/test.sqlite3")
os.environ.setdefault("SECRET_KEY", "tests-only-key-that-protects-nothing-at-all")

from chargeshare.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
