"""Whoever asks for all that is known of her gets it, and whoever leaves is gone: of every table there is, also of those that come later.

A row of each is made with a key to a person; then the export must say more than before, and after the account is closed the row must
be gone or point to nobody. What is meant to be otherwise stands here with the reason.
"""

import json
from collections.abc import Callable, Iterator
from datetime import time
from itertools import count
from typing import Any

import pytest
from django.apps import apps
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils import timezone

from accounts import closing
from accounts.models import User
from chargeshare.api import EXPORTS
from stations.models import ChargingSession, Thread
from tests import factories

_numbers = count(1)
STAFF = "what staff did, who have no part in the visit or the payment themselves"
UNTOLD = {
    "accounts.IdempotentAnswer.user": "what she was answered, kept for a day so that a request asked again gets the same answer",
    "admin.LogEntry.user": STAFF,
    "auditlog.LogEntry.actor": STAFF,
    "billing.BankStatement.created_by": STAFF,
    "billing.Dispute.decided_by": STAFF,
    "billing.KeptSum.driver": "what her receipts add up to; she gets each of them",
    "billing.KeptSum.owner": "what her receipts add up to; she gets each of them",
    "billing.LedgerProof.asked_by": STAFF,
    "billing.Payout.approved_by": STAFF,
    "billing.PayoutBatch.created_by": STAFF,
    "billing.ReceiptSeries.issuer": "the number of her next receipt",
    "billing.Refund.asked_by": "of a refund she gets the amount and its times; who asked for another's is of staff",
    "stations.MeterCase.decided_by": STAFF,
    "stations.PasswordRotation.asked_by": "until the charger has its new password, which nobody is told",
    "stations.Problem.mended_by": "what the guest said and what she was answered belong to the guest",
    "stations.Reservation.cancelled_by": "who made the booking gets it",
    "stations.Review.hidden_by": STAFF,
    "stations.Thread.driver": "she gets its messages",
    "stations.Thread.last_by": "she gets its messages",
    "stations.Thread.owner": "she gets its messages",
}
MONEY = "the books, which the law wants for ten years"
VISIT = "a visit, which is the ground of a receipt and kept as long"
LOG = "the log of what was done with chargers"
SAID = "its text is gone; that something was said or done stays with the other side's"
KEPT = {
    "accounts.TokenChain.user": "ended, and forgotten when it would have run out",
    "admin.LogEntry.user": "what she did as staff; without her address",
    "auditlog.LogEntry.actor": "what she did as staff; without her address",
    **dict.fromkeys(
        (
            *("billing.AutoTopUp.user", "billing.BankStatement.created_by", "billing.ChargeDetailRecord.driver"),
            *("billing.ChargeDetailRecord.owner", "billing.Dispute.decided_by", "billing.Dispute.opened_by", "billing.FeeDocument.owner"),
            *("billing.Hold.user", "billing.KeptSum.driver", "billing.KeptSum.owner", "billing.LedgerAccount.user"),
            *("billing.LedgerProof.asked_by", "billing.Payout.approved_by", "billing.Payout.owner", "billing.PayoutBatch.created_by"),
            *("billing.ReceiptSeries.issuer", "billing.Refund.asked_by", "billing.Tariff.owner", "billing.TopUp.user"),
            "stations.PrepaidStart.driver",
        ),
        MONEY,
    ),
    **dict.fromkeys(
        (
            *("stations.ChargingSession.driver", "stations.ChargingSession.owner", "stations.ChargePoint.owner"),
            *("stations.MeterCase.decided_by", "stations.Reservation.cancelled_by", "stations.Reservation.driver"),
            "stations.ReservationSeries.driver",
        ),
        VISIT,
    ),
    **dict.fromkeys(
        (
            *("stations.Message.author", "stations.Problem.mended_by", "stations.Problem.reporter", "stations.Review.about"),
            *("stations.Review.author", "stations.Review.hidden_by", "stations.Thread.driver", "stations.Thread.last_by"),
            "stations.Thread.owner",
        ),
        SAID,
    ),
    **dict.fromkeys(("stations.Command.asked_by", "stations.CommandBatch.asked_by", "stations.PasswordRotation.asked_by"), LOG),
}
NOTHING = ("total_minor", "promo_minor", "cash_minor", "debt_minor", "loss_minor", "fee_minor", "owner_minor", "vat_minor")
PARTICULARS: dict[str, Callable[[User], dict[str, Any]]] = {
    "billing.ChargeDetailRecord": lambda _user: dict.fromkeys(NOTHING, 0),
    "stations.ChargingSession": lambda _user: {"status": ChargingSession.Status.COMPLETED},
    "stations.Message": lambda user: {"text": "words", "thread": made(Thread, driver=user)},
    "stations.Problem": lambda _user: {"session": made(ChargingSession)},
    "stations.Thread": lambda _user: {"session": made(ChargingSession)},
}
"""What a row must say so that the rules of its table let it be."""


def keys() -> Iterator[tuple[str, type[models.Model], str]]:
    """Every way in which a table points to a person."""
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            if isinstance(field, models.ForeignKey) and field.related_model is User:
                yield f"{model._meta.label}.{field.name}", model, field.name


KEYS = {key: (model, name) for key, model, name in keys()}


def made(model: type[models.Model], **given: Any) -> models.Model:
    """A row with something in every column that wants it."""
    person = next((value for value in given.values() if isinstance(value, User)), None) or factories.make_user()
    given = {**(PARTICULARS[model._meta.label](person) if model._meta.label in PARTICULARS else {}), **given}
    for field in model._meta.concrete_fields:
        if field.name in given or field.primary_key or field.has_default() or field.null or getattr(field, "auto_now_add", False):
            continue
        target: Any = field.related_model
        if target is not None:
            given[field.name] = factories.make_user() if target is User else made(target)
        elif not field.blank or isinstance(field, models.JSONField):
            given[field.name] = something(field)
    return model._base_manager.create(**given)


def something(field: "models.Field[Any, Any]") -> Any:
    """A value of the kind of this column."""
    if field.choices:
        return next(value for value, _name in field.flatchoices if value)
    of_their_kind: dict[type[Any], Any] = {
        models.DateTimeField: timezone.now(),
        models.DateField: timezone.localdate(),
        models.TimeField: time(12),
        models.BooleanField: False,
        models.GenericIPAddressField: "192.0.2.7",
        models.JSONField: {},
        models.IntegerField: 1,
        models.DecimalField: 1,
    }
    found = next((value for kind, value in of_their_kind.items() if isinstance(field, kind)), None)
    return str(next(_numbers)) if found is None else found


def everything_about(user: User) -> str:
    return json.dumps({part: tell(user) for part, tell in EXPORTS.items()}, cls=DjangoJSONEncoder)


@pytest.mark.parametrize("key", KEYS)
def test_who_asks_is_told_and_who_leaves_is_gone(key: str, db: None) -> None:
    model, name = KEYS[key]
    user = factories.make_user("Božena")
    before = everything_about(user)

    row = made(model, **{name: user})

    assert (everything_about(user) != before) is (key not in UNTOLD), "the export says nothing of it"
    closing.close_account(user)
    assert model._base_manager.filter(**{"pk": row.pk, name: user}).exists() is (key in KEPT), "closing the account leaves it"


def test_no_exception_is_of_a_table_that_is_gone() -> None:
    assert {*UNTOLD, *KEPT} <= {*KEYS}
