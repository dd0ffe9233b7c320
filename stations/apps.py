"""The app of charging."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class StationsConfig(AppConfig):
    """Floor 3."""

    name = "stations"
    verbose_name = _("Charging")
