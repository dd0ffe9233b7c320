#!/usr/bin/env python
"""Django's command line."""

import os
import sys

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line


def main() -> None:
    """Run a command; a setting that cannot be read ends it with one sentence."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chargeshare.settings")
    try:
        settings.SECRET_KEY  # noqa: B018 - looking at one reads them all
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
