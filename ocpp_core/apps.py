"""The app of the chargers' door."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OcppCoreConfig(AppConfig):
    """Floor 4."""

    name = "ocpp_core"
    verbose_name = _("Chargers' door")
