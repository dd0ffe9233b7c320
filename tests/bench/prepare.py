"""Rows for a load: `python -m tests.bench.prepare COUNT` prints the fleet as JSON of [identity, password, idTag].

Every charger has a driver of its own with credit, so that holds and limits are at work as in real life.
"""

import json
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chargeshare.settings")
django.setup()

from django.conf import settings  # noqa: E402
from django.db import transaction  # noqa: E402

from stations.models import ChargePoint  # noqa: E402
from tests import factories  # noqa: E402

settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # nobody logs in: a thousand good hashes take minutes


@transaction.atomic
def prepare(count: int) -> list[list[str]]:
    """Owners of 100 chargers each, a driver and a card for every charger."""
    fleet = []
    for number in range(count):
        if number % 100 == 0:
            owner = factories.make_user("Owner")
            tariff = factories.make_tariff(owner)
        charge_point = factories.make_charge_point(owner, tariff=tariff, auto_configure=False)
        driver = factories.make_user("Driver")
        factories.give_credit(driver, 400_000)
        token = factories.make_id_token(driver)
        fleet.append([charge_point.identity, factories.CHARGER_PASSWORD, token.uid])
    ChargePoint.objects.update(booted_at=None)
    return fleet


if __name__ == "__main__":
    print(json.dumps(prepare(int(sys.argv[1]))))  # noqa: T201 - the result
