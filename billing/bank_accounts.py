"""Where owners' money goes: entered, confirmed by e-mail, and used only after it has rested.

Whoever takes over an account wants its earnings on another bank account. So a new number is told to every address of
the owner at once, must be confirmed by a link in an e-mail, and rests for three days in which she can take it back.
"""

from datetime import datetime, timedelta

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core import signing
from django.db import transaction
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import counting, notifications
from accounts.models import Letter, Notification, User
from billing import iban, ledger, payouts
from billing.models import BankAccount, Payout, PayoutPlan
from chargeshare.errors import DomainError, Invalid, NotFound

SALT = "bank account"
LINK_LIVES = timedelta(days=7)
CHANGES_A_DAY = 5
LETTERS_AN_HOUR = 3


class TooManyChanges(DomainError):
    """Somebody tries out numbers, or lets us write letters."""

    code = "too_many_bank_accounts"
    status = 429
    message = gettext_lazy("That is many bank accounts for one day. Nothing was changed; try again tomorrow.")


class LetterWaits(DomainError):
    """A letter is on its way, or none is needed."""

    code = "letter_waits"
    message = gettext_lazy("The e-mail is on its way already.")


def of(owner: User) -> list[BankAccount]:
    """An owner's accounts, the newest first, without those given up."""
    return list(BankAccount.objects.filter(owner_id=owner.pk, replaced_at=None).order_by("-pk"))


def usable(owner: User) -> BankAccount | None:
    """The one money goes to now: the newest that is confirmed and rested."""
    return next((one for one in of(owner) if one.is_usable), None)


@ledger.retried
@transaction.atomic
def enter(owner: User, typed: str, *, name: str = "") -> tuple[BankAccount, bool]:
    """Keep a number an owner wants her money on, and whether it is a new one. One she has entered before is that one again.

    A newer wish replaces one that is not in use yet; the account in use stays in use until the new one has rested.
    """
    number = iban.read(typed)
    holder = " ".join((name or owner.name or f"ChargeShare {owner.pk}").split())[:70]
    payouts.require_confirmed_email(owner)
    User.objects.select_for_update(no_key=True).get(pk=owner.pk)  # two wishes at once are one after the other
    alive = BankAccount.objects.filter(owner_id=owner.pk, replaced_at=None)
    known = alive.filter(iban=number).first()
    if known is not None:
        return known, False
    now = timezone.now()
    if BankAccount.objects.filter(owner_id=owner.pk, created_at__gt=now - timedelta(days=1)).count() >= CHANGES_A_DAY:
        raise TooManyChanges
    for waiting in alive:
        if not waiting.is_usable:
            give_up(waiting, now=now)
    account: BankAccount = BankAccount.objects.create(
        owner_id=owner.pk, iban=number, name=holder, created_at=now, usable_from=now + timedelta(hours=settings.PAYOUT_COOL_DOWN_H)
    )
    url = reverse("billing:bank_account")
    notifications.notify(owner, Notification.Kind.BANK_ACCOUNT_CHANGED, url=url, account=iban.masked(number))
    _warn_other_addresses(owner, account)
    ask_to_confirm(account)
    return account, True


def ask_to_confirm(account: BankAccount) -> None:
    """Write the letter whose link confirms an account."""
    owner = account.owner
    link = settings.PUBLIC_URL + reverse("billing:bank_account_confirm", args=[_token(account)])
    with translation.override(owner.language):
        body = _(
            "You asked for your earnings to go to %(account)s.\n\nConfirm it here, within seven days:\n%(link)s\n\n"
            "If it was not you, do not follow the link. Remove the account on the page of your payouts and change your password."
        )
        notifications.write(
            owner.email,
            subject=_("Confirm your bank account"),
            body=body % {"account": iban.written(account.iban), "link": link},
        )


def ask_again(account: BankAccount) -> None:
    """Write that letter once more, for whoever has lost it; not to whom one waits already."""
    waiting = Letter.objects.filter(to=account.owner.email, text__contains=iban.written(account.iban))
    if account.confirmed_at is not None or waiting.exists():
        raise LetterWaits
    if counting.add_one(f"bank-account-letter:{account.pk}", keep_s=3600) > LETTERS_AN_HOUR:
        raise LetterWaits
    ask_to_confirm(account)


def _warn_other_addresses(owner: User, account: BankAccount) -> None:
    """An address that was exchanged for another hears of it as well."""
    others = EmailAddress.objects.filter(user_id=owner.pk, verified=True).exclude(email__iexact=owner.email)
    with translation.override(owner.language):
        for address in others:
            notifications.write(
                address.email,
                subject=_("A new bank account for your earnings"),
                body=_("Somebody who is logged in as you wants your earnings on the account %(account)s. If it was not you, write to us.")
                % {"account": iban.masked(account.iban)},
            )


@ledger.retried
@transaction.atomic
def pay_out(owner: User, amount_minor: int, typed: str | None) -> Payout:
    """Ask for money to a bank account as a program names it, a new one or one known; without one, to the account in use.

    A new account and the payout to it come about together or not at all; the money waits until the account has rested.
    """
    if typed:
        try:
            account, _is_new = enter(owner, typed)
        except iban.NotAnIban as error:
            raise Invalid(fields={"iban": [str(error.message)]}) from error
    else:
        known = usable(owner) or next(iter(of(owner)), None)
        if known is None:
            raise Invalid(fields={"iban": [_("This is missing.")]})
        account = known
    return payouts.request(owner, amount_minor, account)


def find(owner: User, token: str) -> BankAccount:
    """The account a link is about, for its owner alone."""
    try:
        number = signing.loads(token, salt=SALT, max_age=LINK_LIVES)
    except signing.SignatureExpired as error:
        raise Invalid(_("This link is too old. Ask for another one on the page of your bank account.")) from error
    except signing.BadSignature as error:
        raise NotFound from error
    account: BankAccount | None = BankAccount.objects.filter(pk=number, owner_id=owner.pk, replaced_at=None).first()
    if account is None:
        raise NotFound
    return account


def confirm(account: BankAccount) -> None:
    """Believe that the owner herself entered it. Twice does no harm."""
    now = timezone.now()
    if account.confirmed_at is None:
        account.confirmed_at = now
        account.save(update_fields=["confirmed_at"])


def give_up(account: BankAccount, *, now: datetime | None = None) -> None:
    """Send no more money there. What was asked for and has not left goes back among the earnings."""
    with transaction.atomic():
        account.replaced_at = now or timezone.now()
        account.save(update_fields=["replaced_at"])
        payouts.cancel_all(account)


def forget(owner: User) -> None:
    """When an account is closed: numbers to which no money went are no ground of anything, and nobody is paid by herself any more."""
    PayoutPlan.objects.filter(owner_id=owner.pk).delete()
    BankAccount.objects.filter(owner_id=owner.pk, payouts=None).delete()
    BankAccount.objects.filter(owner_id=owner.pk, replaced_at=None).update(replaced_at=timezone.now())


def _token(account: BankAccount) -> str:
    return signing.dumps(account.pk, salt=SALT)
