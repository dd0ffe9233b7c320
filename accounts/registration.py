"""A new account."""

import secrets

from allauth.account.models import EmailAddress
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from chargeshare.errors import DomainError


class EmailTaken(DomainError):
    """Somebody has an account with this e-mail."""

    code = "email_taken"
    message = _("There is an account with this e-mail already. Log in, or have a new password sent.")


@transaction.atomic
def register(email: str, password: str, *, name: str = "", language: str = "cs", is_staff: bool = False, confirmed: bool = False) -> User:
    """Make an account that can log in at once. An unconfirmed e-mail is no hindrance to charging, only to being paid out."""
    if EmailAddress.objects.filter(email=email.lower(), verified=True).exists():
        raise EmailTaken(fields={"email": [str(EmailTaken.message)]})
    try:
        with transaction.atomic():
            user = User.objects.create_user(email, password, name=" ".join(name.split()), language=language, is_staff=is_staff)
    except IntegrityError as error:
        raise EmailTaken(fields={"email": [str(EmailTaken.message)]}) from error
    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=confirmed)
    return user


def register_guest(email: str, *, language: str = "cs") -> User:
    """Make an account for one visit. It has no password and no e-mail of its own: whoever has an account may be a guest as well."""
    return User.objects.create_user(f"guest-{secrets.token_hex(8)}@guest.invalid", None, guest_email=email, language=language)


def has_confirmed_email(user: User) -> bool:
    """Whether a letter to the account's address has come back. Who was given an account by hand was known to somebody."""
    addresses = EmailAddress.objects.filter(user=user)
    return addresses.filter(email__iexact=user.email, verified=True).exists() or not addresses.exists()
