"""The app of money."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BillingConfig(AppConfig):
    """Floor 2."""

    name = "billing"
    verbose_name = _("Money")
