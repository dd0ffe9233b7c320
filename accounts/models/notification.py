"""What we tell people, and the letters about their accounts."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models.people import User


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
        AREA_CHARGER = "area_charger", _("a charger in an area you watch")
        REVIEW_WRITTEN = "review_written", _("visit reviewed")
        REVIEW_ANSWERED = "review_answered", _("review answered")
        MESSAGE_RECEIVED = "message_received", _("message about a visit")
        LEDGER_ALERT = "ledger_alert", _("the books do not balance")

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notifications", db_index=False)
    kind = models.CharField(max_length=30, choices=Kind)
    context = models.JSONField(default=dict, help_text=_("What the texts need: words and numbers, never rows."))
    url = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    read_at = models.DateTimeField(null=True, blank=True)
    decided_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text=_("When it was decided by which ways it goes; before that it goes by none.")
    )
    is_emailed = models.BooleanField(default=True, editable=False, help_text=_("Whether it was decided to go by e-mail."))
    pushed_at = models.DateTimeField(null=True, blank=True, editable=False, help_text=_("When the first device took it."))

    class Meta:
        verbose_name = _("notification")
        verbose_name_plural = _("notifications")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["user", "-id"], name="notification_inbox"),
            models.Index(fields=["id"], condition=Q(emailed_at=None, is_emailed=True), name="notification_to_be_posted"),
            models.Index(fields=["id"], condition=Q(decided_at=None), name="notification_undecided"),
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
