"""The app of charging."""

from django.apps import AppConfig
from django.utils.translation import pgettext_lazy


class StationsConfig(AppConfig):
    """Floor 3."""

    name = "stations"
    verbose_name = pgettext_lazy("section", "Charging")

    def ready(self) -> None:
        """Listen to the one question that is asked upwards."""
        from accounts.signals import account_closing  # noqa: PLC0415 - models are loaded only now
        from stations.closing import prepare_closing  # noqa: PLC0415

        account_closing.connect(prepare_closing, dispatch_uid="stations")
