"""The app of the roof: it registers what belongs to no floor."""

from importlib import import_module
from importlib.util import find_spec

import sentry_sdk
from django.apps import AppConfig, apps
from django.conf import settings

from chargeshare import __version__


class ChargeShareConfig(AppConfig):
    """The roof."""

    name = "chargeshare"
    verbose_name = "ChargeShare"

    def ready(self) -> None:
        """Register the system checks and every admin, name the columns, and report errors where somebody wants to hear of them."""
        from chargeshare import checks  # noqa: F401, PLC0415 - importing registers them
        from chargeshare.columns import name_columns  # noqa: PLC0415 - models are loaded only now

        name_columns(apps.get_models())
        for app in apps.get_app_configs():
            if app.name != "leaflet" and find_spec(f"{app.name}.admin"):  # leaflet's needs GDAL
                import_module(f"{app.name}.admin")
        if settings.SENTRY_DSN:
            sentry_sdk.init(settings.SENTRY_DSN, release=__version__, send_default_pii=False)
