"""Plain functions that make rows for tests."""

import itertools
from decimal import Decimal
from typing import Any

from accounts.models import IdToken, User, Vehicle
from billing.models import Tariff, TariffVersion
from stations.models import ChargePoint, Connector

_numbers = itertools.count(1)
PASSWORD = "correct-horse-battery"
CHARGER_PASSWORD = "charger-password-123"


def make_user(name: str = "Someone", **fields: Any) -> User:
    """An account with a made-up e-mail and PASSWORD."""
    email = fields.pop("email", f"user{next(_numbers)}@example.com")
    return User.objects.create_user(email, PASSWORD, name=name, **fields)


def give_credit(user: User, amount_minor: int) -> None:
    """Own money in the wallet, booked as if it had come from the bank."""
    from billing import ledger  # noqa: PLC0415

    ledger.post(
        key=f"test:{next(_numbers)}",
        kind="top_up",
        entries=[(ledger.platform_account("bank"), -amount_minor), (ledger.account(user, "cash"), amount_minor)],
    )


def make_id_token(user: User, uid: str | None = None, **fields: Any) -> IdToken:
    """A card of `user`, confirmed unless told otherwise."""
    from accounts import id_tokens  # noqa: PLC0415

    confirmed = fields.pop("confirmed", True)
    token = id_tokens.add(user, uid or f"04AB{next(_numbers):06X}", confirmed=confirmed)
    for name, value in fields.items():
        setattr(token, name, value)
    token.save()
    return token


def make_vehicle(user: User, **values: Any) -> Vehicle:
    """A car of `user`: 77 kWh, 11 kW by alternating and 135 kW by direct current, unless told otherwise."""
    from accounts import vehicles  # noqa: PLC0415

    usual = {"name": "Škoda Enyaq 80", "battery_wh": 77_000, "ac_limit_w": 11_000, "dc_limit_w": 135_000, "consumption_wh_100km": 18_000}
    return vehicles.create(user, {**usual, "connector_types": ["TYPE_2", "CCS"], **values})


def make_tariff(owner: User, price_per_kwh: str = "6.50", **prices: Any) -> Tariff:
    """A tariff with one version."""
    tariff = Tariff.objects.create(owner=owner, name="Day and night", currency="CZK")
    prices = {name: value if name in ("bands", "idle_grace_minutes") else Decimal(value) for name, value in prices.items()}
    tariff.current = TariffVersion.objects.create(tariff=tariff, number=1, price_per_kwh=Decimal(price_per_kwh), **prices)
    tariff.save()
    return tariff


def make_charge_point(owner: User, *, published: bool = True, connectors: int = 1, **fields: Any) -> ChargePoint:
    """A registered charge point with CHARGER_PASSWORD; published ones have connectors with type, power and tariff."""
    from stations import charge_points  # noqa: PLC0415

    number = next(_numbers)
    tariff = fields.pop("tariff", None) or (make_tariff(owner) if published else None)
    fields = {"name": f"Charger {number}", "latitude": "49.938700", "longitude": "17.902600", "identity": f"BOX-{number}", **fields}
    charge_point, _password = charge_points.register(owner=owner, password=CHARGER_PASSWORD, **fields)
    for connector_number in range(1, connectors + 1):
        Connector.objects.create(
            charge_point=charge_point,
            number=connector_number,
            type=Connector.Type.TYPE_2 if published else "",
            max_power_w=11_000 if published else None,
            tariff=tariff,
            status="Available",
        )
    if published:
        ChargePoint.objects.filter(pk=charge_point.pk).update(is_published=True)
        charge_point.refresh_from_db()
    return charge_point
