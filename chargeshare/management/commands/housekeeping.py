"""The periodic jobs in a process of their own."""

import signal
from threading import Event
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from chargeshare import housekeeping, memory


class Command(BaseCommand):
    """`manage.py housekeeping [--once]`."""

    help = "Runs the periodic jobs, for a deployment where `serve` does not (HOUSEKEEPING=False). Two at once do no harm."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the switch."""
        parser.add_argument("--once", action="store_true", help="do every job once and end")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do the jobs once, with exit code 1 if one failed, or until SIGTERM; a job under way is finished first."""
        if options["once"]:
            if failed := housekeeping.run(housekeeping.JOBS, timezone.now()):
                raise CommandError(f"{failed} of {len(housekeeping.JOBS)} jobs were not done; the log says why.")
            return
        memory.remember_no_statements()
        stop = Event()
        for end in (signal.SIGTERM, signal.SIGINT):
            signal.signal(end, lambda *_: stop.set())
        housekeeping.keep_house(stop)
