"""Rows for a fleet that only connects: `python -m tests.bench.fleet COUNT` prints one password for all, and their identities, as JSON.

Two outlets each, of which nothing has been said yet. Written in bulk: ten thousand take a few seconds.
"""

import json
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chargeshare.settings")
django.setup()

from django.db import transaction  # noqa: E402

from accounts.models import User  # noqa: E402
from stations import passwords  # noqa: E402
from stations.models import ChargePoint, Connector  # noqa: E402
from tests import factories  # noqa: E402

OUTLETS = 2
PER_OWNER = 500


@transaction.atomic
def prepare(count: int) -> list[str]:
    """Charge points on the map with their outlets, 500 to an owner."""
    digest = passwords.digest(factories.CHARGER_PASSWORD.encode())
    identities = []
    for begin in range(0, count, PER_OWNER):
        owner = factories.make_user("Owner", email=f"storm{begin}@example.com")  # another fleet may be in the same tables
        tariff = factories.make_tariff(owner)
        some = [f"STORM-{number}" for number in range(begin, min(begin + PER_OWNER, count))]
        boxes = [_box(owner, identity, digest) for identity in some]
        ChargePoint.objects.bulk_create(boxes)
        Connector.objects.bulk_create(
            Connector(charge_point=box, number=number, type=Connector.Type.TYPE_2, max_power_w=11_000, tariff=tariff)
            for box in boxes
            for number in range(1, OUTLETS + 1)
        )
        identities += some
    return identities


def _box(owner: User, identity: str, digest: str) -> ChargePoint:
    place = {"latitude": "49.938700", "longitude": "17.902600", "public_latitude": "49.94", "public_longitude": "17.9"}
    identity_key = identity.casefold()
    words = {"name": identity, "identity": identity, "identity_key": identity_key, "password_digest": digest}
    return ChargePoint(owner=owner, is_published=True, configured_firmware="1.0", **words, **place)


if __name__ == "__main__":
    print(json.dumps([factories.CHARGER_PASSWORD, prepare(int(sys.argv[1]))]))  # noqa: T201 - the result
