"""Filters of the map that somebody wants to find again."""

import uuid
from typing import ClassVar
from urllib.parse import urlencode

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _


class FilterProfile(models.Model):
    """What one person looks for again and again, under a name of hers: the filters, the car and the order of the list."""

    code = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, verbose_name=_("user"), on_delete=models.CASCADE, related_name="filter_profiles")
    name = models.CharField(_("name"), max_length=40)
    filters = models.JSONField(_("filters"), default=dict, help_text=_("By their names in the address of the map."))
    is_default = models.BooleanField(_("usual"), default=False, help_text=_("On whenever the map is opened without any."))
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[models.Manager["FilterProfile"]]

    class Meta:
        verbose_name = _("saved filters")
        verbose_name_plural = _("saved filters")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["user", "name"], name="filter_profile_named_once"),
            models.UniqueConstraint(fields=["user"], condition=Q(is_default=True), name="filter_profile_one_usual"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """The map with these filters."""
        return f"{reverse('stations:map')}?{self.query}"

    @property
    def query(self) -> str:
        """The same as the address of the map has it."""
        return urlencode(sorted(self.filters.items()))
