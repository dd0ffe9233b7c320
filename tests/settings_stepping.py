"""The settings of a server whose clock a test sets."""

from tests import stepping

stepping.install()

from tests.settings_served import *  # noqa: E402, F403
