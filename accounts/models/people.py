"""People, their cards and their cars."""

import secrets
import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


def group_tag() -> str:
    """A random idTag that stands for one account, so that any card of the same person may stop or use her booking."""
    return secrets.token_hex(7).upper()


class UserManager(BaseUserManager["User"]):
    """Makes accounts; the e-mail is the name, and letter case in it means nothing."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """An account that can log in at once. Without a password it can log in only after a reset."""
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """An account of staff that may do everything in the administration."""
        return self.create_user(email, password, **{"is_staff": True, "is_superuser": True, **fields})

    def get_by_natural_key(self, username: str | None) -> "User":
        """Find the account by its e-mail, whatever the case."""
        return self.get(email__iexact=username)


class User(AbstractBaseUser, PermissionsMixin):
    """One person. Driver and owner are sides of a session, not kinds of account."""

    email = models.EmailField(_("e-mail"), unique=True)
    name = models.CharField(pgettext_lazy("person", "name"), max_length=100, blank=True)
    language = models.CharField(_("language"), max_length=5, choices=settings.LANGUAGES, default="cs")
    is_active = models.BooleanField(_("active"), default=True, help_text=_("An account that is not active can neither log in nor charge."))
    is_staff = models.BooleanField(_("staff"), default=False)
    group_tag = models.CharField(max_length=20, unique=True, default=group_tag, editable=False)
    date_joined = models.DateTimeField(default=timezone.now, editable=False)
    closed_at = models.DateTimeField(null=True, blank=True, editable=False)
    guest_email = models.EmailField(blank=True, editable=False, help_text=_("Where a guest's receipt goes; an account for one visit."))

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        verbose_name = _("account")
        verbose_name_plural = _("accounts")
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(Lower("email"), name="one_account_per_email")]

    def __str__(self) -> str:
        return self.name or self.email

    @property
    def is_guest(self) -> bool:
        """Whether this account was made for one visit and nobody can log in to it."""
        return bool(self.guest_email)

    @property
    def contact(self) -> str:
        """The address that letters go to."""
        return self.guest_email or self.email

    @property
    def short_name(self) -> str:
        """What others may read of a person: the first name, or a word that says nothing."""
        return self.name.split()[0] if self.name.strip() else str(_("Driver"))


class IdToken(models.Model):
    """An RFID card (or any idTag a person presents to a charger). Its number is no secret, so limits guard it."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="id_tokens")
    uid = models.CharField(_("card number"), max_length=36, help_text=_("As its holder typed it, or as the charger read it."))
    uid_key = models.CharField(max_length=36, unique=True, editable=False, help_text=_("Letters and digits alone, upper case."))
    label = models.CharField(_("label"), max_length=60, blank=True)
    is_blocked = models.BooleanField(_("blocked"), default=False)
    expires_at = models.DateTimeField(_("valid until"), null=True, blank=True)
    parent_uid = models.CharField(_("group tag"), max_length=20, blank=True)
    max_sessions = models.PositiveSmallIntegerField(_("sessions at once"), null=True, blank=True)
    confirmed_at = models.DateTimeField(_("confirmed"), null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("card")
        verbose_name_plural = _("cards")
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.label or self.uid

    @property
    def has_expired(self) -> bool:
        """Whether its last day has passed."""
        return self.expires_at is not None and self.expires_at <= timezone.now()


class Vehicle(models.Model):
    """A car as far as charging goes: what its battery holds, what it can take, and through which plugs."""

    class Plug(models.TextChoices):
        """The words of the connectors of chargers, which live a floor above."""

        TYPE_1 = "TYPE_1", "Type 1"
        TYPE_2 = "TYPE_2", "Type 2"
        CCS = "CCS", "CCS"
        CHADEMO = "CHADEMO", "CHAdeMO"
        NACS = "NACS", "NACS"
        SCHUKO = "SCHUKO", "Schuko"

    code = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="vehicles")
    name = models.CharField(_("make and model"), max_length=60)
    plate = models.CharField(_("registration plate"), max_length=12, blank=True)
    battery_wh = models.PositiveIntegerField(_("usable battery (Wh)"))
    ac_limit_w = models.PositiveIntegerField(_("most power, alternating current (W)"))
    dc_limit_w = models.PositiveIntegerField(_("most power, direct current (W)"), default=0, help_text=_("0: it cannot charge so."))
    connector_types = models.JSONField(_("connectors"), default=list, help_text=_("Words such as TYPE_2 and CCS."))
    consumption_wh_100km = models.PositiveIntegerField(_("consumption (Wh/100 km)"))
    is_default = models.BooleanField(_("my usual car"), default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("vehicle")
        verbose_name_plural = _("vehicles")
        ordering = ["-is_default", "id"]
        constraints = [models.UniqueConstraint(fields=["user"], condition=Q(is_default=True), name="one_usual_vehicle_per_person")]

    def __str__(self) -> str:
        return self.name
