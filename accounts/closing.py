"""Closing an account: the history stays, the person is gone."""

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from auditlog.models import LogEntry
from django.contrib.admin.models import LogEntry as AdminEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.utils import timezone

from accounts import logins
from accounts.models import (
    IdempotentAnswer,
    IdToken,
    Letter,
    Notification,
    NotificationPreferences,
    PushSubscription,
    User,
    Vehicle,
    group_tag,
)
from accounts.signals import account_closing


@transaction.atomic
def close_account(user: User) -> None:
    """Take the person out of an account and shut it for good.

    Other floors may object while money or a session is open: the signal's receivers raise a DomainError that says why.
    What was charged and paid stays in the books, without a name. Closing twice changes nothing.
    """
    account = User.objects.select_for_update().get(pk=user.pk)
    if account.closed_at is not None:
        return
    account_closing.send(sender=User, user=account)
    _forget(account)
    account.email = f"closed-{account.pk}@account.invalid"
    account.name = account.guest_email = ""
    account.group_tag = group_tag()
    account.set_unusable_password()
    account.is_active = account.is_staff = account.is_superuser = False
    account.closed_at = timezone.now()
    account.last_login = None
    account.save()
    account.groups.clear()
    account.user_permissions.clear()
    user.refresh_from_db()


def _forget(account: User) -> None:
    """Everything that names the person or lets her in."""
    for session in UserSession.objects.filter(user=account):
        session.end()
    logins.end_all(account)
    logins.forgive(account.email)
    addresses = [account.contact, *EmailAddress.objects.filter(user=account).values_list("email", flat=True)]
    Letter.objects.filter(to__in=addresses).delete()
    cards = [str(pk) for pk in account.id_tokens.values_list("pk", flat=True)]
    for model, keys in ((User, [str(account.pk)]), (IdToken, cards)):
        kind = ContentType.objects.get_for_model(model)
        LogEntry.objects.filter(content_type=kind, object_pk__in=keys).delete()
        AdminEntry.objects.filter(content_type=kind, object_id__in=keys).update(object_repr="")
    LogEntry.objects.filter(actor=account).update(actor_email=None, remote_addr=None)
    told = (Notification, NotificationPreferences, PushSubscription)
    for model_of_hers in (EmailAddress, Authenticator, IdToken, Vehicle, *told, IdempotentAnswer):
        model_of_hers.objects.filter(user=account).delete()
