"""The app of money."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BillingConfig(AppConfig):
    """Floor 2."""

    name = "billing"
    verbose_name = _("Money")

    def ready(self) -> None:
        """Be asked before an account is closed."""
        from accounts.signals import account_closing  # noqa: PLC0415 - models are not ready any earlier
        from billing import closing  # noqa: PLC0415

        account_closing.connect(closing.object_to_closing, dispatch_uid="billing")
