"""Why an account may not be closed yet: money of hers, money owed, money set aside."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from accounts.models import User
from billing import bank_accounts, earnings, ledger, money, seller_data
from billing.models import TopUp
from chargeshare.errors import DomainError


class MoneyLeft(DomainError):
    """An account that is closed has no way left to get its money."""

    code = "money_left"
    message = _("There is still money in this account.")


def object_to_closing(sender: object, user: User, **_more: Any) -> None:  # noqa: ARG001 - a signal's receiver
    """Refuse while a wallet, a debt, a hold, a top-up under way or earnings stand in the way. Promo credit is given up."""
    purse = ledger.lock_wallet(user)
    earned = earnings.balances(user)
    if purse.held_minor:
        raise MoneyLeft(_("A session is still open. Close the account when it has been settled."))
    if purse.debt_minor < 0:
        owed = money.fmt(-purse.debt_minor, purse.currency)
        raise MoneyLeft(_("You still owe %(owed)s. Top up at least that much first.") % {"owed": owed})
    if purse.cash_minor:
        left = money.fmt(purse.cash_minor, purse.currency)
        said = _("There is still %(left)s of your money in the wallet. Spend it, or have it returned on the page of the wallet.")
        raise MoneyLeft(said % {"left": left})
    if TopUp.objects.filter(user=user, gateway_id__isnull=False, status__in=[TopUp.Status.PENDING, TopUp.Status.REVIEW]).exists():
        raise MoneyLeft(_("A top-up is still under way. Close the account when it has been decided."))
    if earned.pending_minor or earned.available_minor or earned.in_payout_minor:
        left = money.fmt(earned.pending_minor + earned.available_minor + earned.in_payout_minor, purse.currency)
        raise MoneyLeft(
            _("You have %(left)s of earnings that have not been paid out. Have them paid out on the page of your payouts.") % {"left": left}
        )
    bank_accounts.forget(user)
    seller_data.forget(user)
