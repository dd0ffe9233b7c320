"""Firmware that was to be installed, and diagnostics that were to be uploaded: what was asked, and what the box said of it since."""

from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from stations.models import ChargePoint, Command

NOT_HEARD_AFTER = timedelta(days=1)
MOST_STEPS = 100
NOTHING_THERE = "NothingThere"  # no word of the standard: an answer to GetDiagnostics that names no file


class Progress(models.TextChoices):
    """Where something that a box does by itself has got, in one word."""

    WAITING = "waiting", _("waiting for the charger")
    RUNNING = "running", _("under way")
    DONE = "done", _("done")
    FAILED = "failed", _("failed")
    REFUSED = "refused", _("refused by the charger")
    SUPERSEDED = "superseded", _("replaced by a newer one")
    LOST = "lost", _("not heard of again")
    NOTHING = "nothing", _("nothing to upload")


class Reported(models.Model):
    """What both have in common: the words a box says of it, in the order they came; the same word again is counted."""

    request_id = models.BigIntegerField(null=True)
    answer = models.CharField(max_length=40, blank=True, help_text=_("The status of the charger's answer, where the standard has one."))
    status = models.CharField(max_length=40, blank=True, help_text=_("The last word of the charger on it, as the standard spells it."))
    history = models.JSONField(default=list)
    was_asked = models.BooleanField(default=True, help_text=_("Whether we asked for it; some boxes begin by themselves."))
    was_replaced = models.BooleanField(default=False, help_text=_("Whether a newer one took its place before it was through."))
    created_at = models.DateTimeField()
    heard_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    def add(self, word: str, at: datetime) -> None:
        """Take a word of the box into the row. The same word again is counted, or percents would fill a table."""
        last = self.history[-1] if self.history else None
        if last is not None and last["status"] == word:
            self.history = [*self.history[:-1], {**last, "times": last["times"] + 1}]
        else:
            self.history = [*self.history[-MOST_STEPS + 1 :], {"status": word, "at": at.isoformat(), "times": 1}]
        self.status, self.heard_at = word, at

    def replace(self, at: datetime) -> None:
        """A newer one has taken its place."""
        self.was_replaced, self.ended_at = True, at

    def is_since(self, request: Command) -> bool:
        """Whether it began with this request or after it."""
        return request.sent_at is not None and self.created_at >= request.sent_at

    @property
    def last_sign_at(self) -> datetime:
        """When it last gave a sign, or should have begun."""
        return self.heard_at or self.created_at

    @property
    def is_lost(self) -> bool:
        """Whether nothing was heard of it for a day although it is not over."""
        return self.ended_at is None and self.last_sign_at < timezone.now() - NOT_HEARD_AFTER

    @property
    def steps(self) -> list[dict[str, Any]]:
        """What was said, oldest first, its times read."""
        return [{**step, "at": datetime.fromisoformat(step["at"])} for step in self.history]


class FirmwareUpdate(Reported):
    """One update of a box's firmware: asked by UpdateFirmware or SignedUpdateFirmware, or begun by the box itself."""

    class Status(models.TextChoices):
        DOWNLOAD_SCHEDULED = "DownloadScheduled", _("download planned")
        DOWNLOADING = "Downloading", _("downloading")
        DOWNLOAD_PAUSED = "DownloadPaused", _("download paused")
        DOWNLOADED = "Downloaded", _("downloaded")
        DOWNLOAD_FAILED = "DownloadFailed", _("download failed")
        SIGNATURE_VERIFIED = "SignatureVerified", _("signature is right")
        INVALID_SIGNATURE = "InvalidSignature", _("signature is wrong")
        INSTALL_SCHEDULED = "InstallScheduled", _("installation planned")
        INSTALLING = "Installing", _("installing")
        INSTALL_REBOOTING = "InstallRebooting", _("restarting")
        INSTALL_VERIFICATION_FAILED = "InstallVerificationFailed", _("the new firmware failed its check")
        INSTALLATION_FAILED = "InstallationFailed", _("installation failed")
        INSTALLED = "Installed", _("installed")
        IDLE = "Idle", _("doing nothing")
        BOOTED = "Booted", _("restarted with other firmware")  # no word of the standard: its BootNotification says it

    FAILURES = frozenset(
        {
            Status.DOWNLOAD_FAILED.value,
            Status.INVALID_SIGNATURE.value,
            Status.INSTALL_VERIFICATION_FAILED.value,
            Status.INSTALLATION_FAILED.value,
        }
    )

    charge_point = models.ForeignKey(ChargePoint, on_delete=models.CASCADE, related_name="firmware_updates", db_index=False)
    is_signed = models.BooleanField(default=False)
    location = models.TextField(blank=True, help_text=_("Where the charger was to get it, without a password."))
    retrieve_at = models.DateTimeField(null=True)
    install_at = models.DateTimeField(null=True)
    retries = models.IntegerField(null=True)
    retry_interval_s = models.IntegerField(null=True)
    firmware_before = models.CharField(max_length=100, blank=True)
    firmware_after = models.CharField(max_length=100, blank=True)

    class Meta:
        verbose_name = _("firmware update")
        verbose_name_plural = _("firmware updates")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["charge_point", "-id"], name="update_of_charge_point"),
            models.Index(fields=["created_at"], name="update_age"),
        ]

    def __str__(self) -> str:
        return f"{self.charge_point} · {self.status or self.answer}"

    @property
    def last_sign_at(self) -> datetime:
        """When it last gave a sign; before the time it was told, it has no reason to give one."""
        told = [at for at in (self.retrieve_at, self.install_at) if at is not None]
        return max([super().last_sign_at, *told])

    @property
    def progress(self) -> Progress:
        """Where it has got."""
        if self.status in self.FAILURES:
            return Progress.FAILED
        if self.status in (self.Status.INSTALLED, self.Status.BOOTED):
            return Progress.DONE
        if self.was_replaced:
            return Progress.SUPERSEDED
        if self.ended_at is not None:
            return Progress.REFUSED
        if self.is_lost:
            return Progress.LOST
        return Progress.RUNNING if self.status else Progress.WAITING


class DiagnosticsUpload(Reported):
    """One upload of what a box has logged: asked by GetDiagnostics or GetLog, or begun by the box itself; and its file, if it came."""

    class Type(models.TextChoices):
        DIAGNOSTICS = "diagnostics", _("diagnostics")
        DIAGNOSTICS_LOG = "DiagnosticsLog", _("log of diagnostics")
        SECURITY_LOG = "SecurityLog", _("log of security events")

    class Status(models.TextChoices):
        UPLOADING = "Uploading", _("uploading")
        UPLOADED = "Uploaded", _("uploaded")
        UPLOAD_FAILED = "UploadFailed", _("upload failed")
        UPLOAD_FAILURE = "UploadFailure", _("upload failed")  # the same in a LogStatusNotification
        BAD_MESSAGE = "BadMessage", _("the charger did not understand the request")
        NOT_SUPPORTED = "NotSupportedOperation", _("the charger cannot upload there")
        PERMISSION_DENIED = "PermissionDenied", _("the charger was not let in")
        IDLE = "Idle", _("doing nothing")
        ACCEPTED_CANCELED = "AcceptedCanceled", _("cancelled for a newer one")

    class Refusal(models.TextChoices):
        TOO_LARGE = "too_large", _("The file was larger than we take.")
        EXPIRED = "expired", _("The file came too late: the address was no longer valid.")

    FAILURES = frozenset(
        {
            Status.UPLOAD_FAILED.value,
            Status.UPLOAD_FAILURE.value,
            Status.BAD_MESSAGE.value,
            Status.NOT_SUPPORTED.value,
            Status.PERMISSION_DENIED.value,
        }
    )

    charge_point = models.ForeignKey(ChargePoint, on_delete=models.CASCADE, related_name="diagnostics_uploads", db_index=False)
    command = models.ForeignKey(
        Command, null=True, on_delete=models.SET_NULL, related_name="+", help_text=_("The request, made by our page.")
    )
    type = models.CharField(max_length=20, choices=Type, default=Type.DIAGNOSTICS)
    since = models.DateTimeField(null=True)
    until = models.DateTimeField(null=True)
    location = models.TextField(blank=True, help_text=_("Where the charger was to upload it, without a password; empty where it is here."))
    file_name = models.CharField(max_length=255, blank=True, help_text=_("As the charger said."))
    token_digest = models.CharField(max_length=64, null=True, unique=True, editable=False)
    expires_at = models.DateTimeField(null=True, help_text=_("Until when we take the file."))
    refusal = models.CharField(max_length=20, blank=True, choices=Refusal, help_text=_("Why we did not take the file."))
    received_at = models.DateTimeField(null=True)
    size_bytes = models.PositiveBigIntegerField(null=True)
    sha256 = models.CharField(max_length=64, blank=True)
    stored_as = models.CharField(max_length=64, blank=True, editable=False, help_text=_("The name on our disk, which says nothing."))

    class Meta:
        verbose_name = _("upload of diagnostics")
        verbose_name_plural = _("uploads of diagnostics")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(stored_as="") | Q(received_at__isnull=False), name="stored_diagnostics_were_received"),
        ]
        indexes = [
            models.Index(fields=["charge_point", "-id"], name="diagnostics_of_charge_point"),
            models.Index(fields=["created_at"], name="diagnostics_age"),
        ]

    def __str__(self) -> str:
        return f"{self.charge_point} · {self.get_type_display()}"

    def is_since(self, request: Command) -> bool:
        """One that our page asked for is made before its request."""
        return super().is_since(request) or self.command_id == request.pk

    @property
    def is_here(self) -> bool:
        """Whether the file was to come to us."""
        return self.token_digest is not None

    @property
    def progress(self) -> Progress:
        """Where it has got. A file that lies here stands above whatever the box says."""
        if self.received_at is not None:
            return Progress.DONE
        if self.refusal or self.status in self.FAILURES:
            return Progress.FAILED
        if self.status == self.Status.UPLOADED:
            return Progress.FAILED if self.is_here else Progress.DONE
        if self.was_replaced:
            return Progress.SUPERSEDED
        return self._unfinished

    @property
    def _unfinished(self) -> Progress:
        """Where one has got of which no end was told."""
        if self.ended_at is not None:
            return Progress.FAILED if self.status else Progress.REFUSED
        if self.status:
            return Progress.LOST if self.is_lost else Progress.RUNNING
        if self._asks_in_vain:
            return Progress.REFUSED
        if self.answer == NOTHING_THERE:
            return Progress.NOTHING
        return Progress.LOST if self.is_lost else Progress.WAITING

    @property
    def _asks_in_vain(self) -> bool:
        """Whether the request itself came to nothing: the learning from answers hears of answers alone."""
        refused = (Command.Status.REJECTED, Command.Status.UNANSWERED, Command.Status.OFFLINE)
        return self.command is not None and self.command.status in refused
