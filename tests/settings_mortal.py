"""The settings of a server that a test lets die at a named point."""

from tests.settings_served import *  # noqa: F403
from tests.settings_served import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.mortal"]
