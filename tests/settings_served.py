"""The settings of a server that a test starts: the real ones, with accounts made as quickly as in the test."""

from chargeshare.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
