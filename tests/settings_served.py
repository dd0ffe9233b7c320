"""The settings of a server that a test starts: the real ones, with accounts made as quickly as in the test."""

import os

from chargeshare.settings import *  # noqa: F403
from chargeshare.settings import INSTALLED_APPS

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
if os.environ.get("TEST_JITTER"):
    INSTALLED_APPS = [*INSTALLED_APPS, "tests.jitter.Jitter"]
