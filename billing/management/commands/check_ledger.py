"""Prove the books."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from billing import audit


class Command(BaseCommand):
    """`manage.py check_ledger`: prints what is wrong and exits 1, or says that the books balance."""

    help = "Prove the books: prints what is wrong and exits 1 where they do not balance."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Run every proof."""
        problems = audit.check()
        for problem in problems:
            self.stdout.write(problem)
        if problems:
            raise CommandError(f"The books are not in order: {len(problems)} findings.")
        self.stdout.write("The books balance.")
