"""People, their cards, and what we tell them."""

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


class Posted(models.Model):
    """What goes out by e-mail once. A process claims a row for some minutes before it posts it, so that no two post the same."""

    emailed_at = models.DateTimeField(null=True, blank=True, editable=False)
    email_attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    email_after = models.DateTimeField(null=True, blank=True, editable=False, help_text=_("Not to be tried before."))

    class Meta:
        abstract = True


class Notification(Posted):
    """One thing a person should know: a line in the inbox, and an e-mail that housekeeping posts."""

    class Kind(models.TextChoices):
        SESSION_STARTED = "session_started", _("charging started")
        SESSION_FINISHED = "session_finished", _("charging finished")
        SESSION_FAILED = "session_failed", _("charging did not start")
        SESSION_REVIEW = "session_review", _("session under review")
        SESSION_CORRECTED = "session_corrected", _("receipt corrected")
        CREDIT_LOW = "credit_low", _("credit running out")
        EARNED = "earned", _("somebody charged at your charger")
        UNPAID_ENERGY = "unpaid_energy", _("energy nobody paid for")
        TOP_UP_PAID = "top_up_paid", _("wallet topped up")
        AUTO_TOP_UP_ON = "auto_top_up_on", _("automatic top-up agreed")
        AUTO_TOP_UP_ENDED = "auto_top_up_ended", _("automatic top-up ended")
        DISPUTE_OPENED = "dispute_opened", _("receipt disputed")
        DISPUTE_DECIDED = "dispute_decided", _("dispute decided")
        REFUND_DONE = "refund_done", _("money returned to you")
        REFUND_FAILED = "refund_failed", _("money could not be returned")
        CHARGER_ALERT = "charger_alert", _("your charger needs attention")
        CARD_PAIRED = "card_paired", _("card paired")
        CARD_USED = "card_used", _("your card was used")
        ACCOUNT_CHANGED = "account_changed", _("account changed")
        PAYOUT_REQUESTED = "payout_requested", _("payout asked for")
        PAYOUT_PAID = "payout_paid", _("payout on its way to your bank")
        PAYOUT_FAILED = "payout_failed", _("payout came back")
        BANK_ACCOUNT_CHANGED = "bank_account_changed", _("bank account changed")
        SELLER_DATA_WANTED = "seller_data_wanted", _("data for the tax office missing")
        RESERVATION_BOOKED = "reservation_booked", _("connector booked")
        RESERVATION_CANCELLED = "reservation_cancelled", _("booking cancelled")
        RESERVATION_SOON = "reservation_soon", _("booking begins soon")
        RESERVATION_EXPIRED = "reservation_expired", _("booking expired")
        RESERVATION_REQUESTED = "reservation_requested", _("booking asked for")
        RESERVATION_REJECTED = "reservation_rejected", _("booking declined")
        RESERVATION_CHANGED = "reservation_changed", _("booking changed")
        RESERVATION_TROUBLE = "reservation_trouble", _("trouble with a booked charger")
        WAITLIST_OFFERED = "waitlist_offered", _("your turn in a waiting list")
        CIRCLE_INVITED = "circle_invited", _("invited to a circle")
        REVIEW_WRITTEN = "review_written", _("visit reviewed")
        REVIEW_ANSWERED = "review_answered", _("review answered")
        MESSAGE_RECEIVED = "message_received", _("message about a visit")
        LEDGER_ALERT = "ledger_alert", _("the books do not balance")

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notifications")
    kind = models.CharField(max_length=30, choices=Kind)
    context = models.JSONField(default=dict, help_text=_("What the texts need: words and numbers, never rows."))
    url = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("notification")
        verbose_name_plural = _("notifications")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["user", "-id"], name="notification_inbox"),
            models.Index(fields=["id"], condition=Q(emailed_at=None), name="notification_unsent"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.user}"


class Letter(Posted):
    """An e-mail about an account itself: confirm the address, set a new password.

    It is deleted once it is posted, for its links open doors.
    """

    to = models.EmailField(_("to"))
    subject = models.CharField(_("subject"), max_length=200)
    text = models.TextField()
    html = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("letter")
        verbose_name_plural = _("letters")
        ordering = ["id"]

    def __str__(self) -> str:
        return self.subject


class TokenChain(models.Model):
    """One log-in of a program: the chain of refresh tokens that grew from it. Ended, none of its tokens opens anything."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="token_chains")
    jti = models.CharField(max_length=32, help_text=_("The only refresh token of the chain that still counts."))
    created_at = models.DateTimeField(auto_now_add=True)
    used_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("log-in of a program")
        verbose_name_plural = _("log-ins of programs")
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.user} · {self.created_at:%Y-%m-%d %H:%M}"


class LoginFailure(models.Model):
    """A log-in that was refused, counted for the account it was aimed at and for the address it came from."""

    subject = models.CharField(max_length=64, help_text=_("What is counted, hashed."))
    at = models.DateTimeField()

    class Meta:
        verbose_name = _("failed log-in")
        verbose_name_plural = _("failed log-ins")
        indexes = [models.Index(fields=["subject", "at"], name="login_failures")]

    def __str__(self) -> str:
        return f"{self.subject[:8]} · {self.at:%Y-%m-%d %H:%M}"


class IdempotentAnswer(models.Model):
    """What a request with an Idempotency-Key was answered, so that its repetition gets the same answer and does nothing."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64, help_text=_("Method, path and body, hashed."))
    status = models.PositiveSmallIntegerField(null=True, help_text=_("Empty while the first request is still running."))
    body = models.JSONField(null=True)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        verbose_name = _("idempotent answer")
        verbose_name_plural = _("idempotent answers")
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="one_answer_per_key")]

    def __str__(self) -> str:
        return self.key


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
