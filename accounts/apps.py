"""The app of people."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    """Floor 1."""

    name = "accounts"
    verbose_name = _("People")

    def ready(self) -> None:
        """Let devices follow their log-ins."""
        from accounts import browsers  # noqa: PLC0415 - it needs the tables

        browsers.listen()
