from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from billing import tariffs
from billing.models import TariffVersion
from chargeshare.errors import Invalid
from tests.factories import make_tariff
from tests.meeting import meeting, one_waits_for_the_other

SOON = timedelta(days=7)


def again(tariff):
    return tariffs.of(tariff.owner).get(pk=tariff.pk)


def test_other_prices_wait_for_their_date(owner):
    tariff = make_tariff(owner, price_per_kwh="6.50")
    begins = timezone.now() + SOON

    tariffs.edit(tariff, {"price_per_kwh": "7.50", "valid_from": begins.isoformat()})

    assert again(tariff).current.price_per_kwh == Decimal("6.50")
    assert tariffs.begin_scheduled(now=begins - timedelta(seconds=1)) == 0
    assert tariffs.begin_scheduled(now=begins) == 1
    assert tariffs.begin_scheduled(now=begins) == 0
    assert again(tariff).current.price_per_kwh == Decimal("7.50")
    assert again(tariff).scheduled is None


def test_a_later_wish_takes_the_place_of_the_one_that_waits(owner):
    tariff = make_tariff(owner, price_per_kwh="6.50")
    begins = timezone.now() + SOON
    tariffs.edit(tariff, {"price_per_kwh": "7.50", "valid_from": begins})

    tariffs.edit(tariff, {"price_per_kwh": "7.50", "valid_from": begins})
    assert TariffVersion.objects.filter(tariff=tariff).count() == 2
    tariffs.edit(tariff, {"price_per_kwh": "8", "valid_from": begins})
    tariffs.edit(tariff, {"session_fee": "5"})
    assert (again(tariff).current.session_fee, again(tariff).scheduled.price_per_kwh) == (5, 8)
    tariffs.edit(tariff, {"valid_from": None})

    assert again(tariff).scheduled is None
    assert tariffs.begin_scheduled(now=begins) == 0


@pytest.mark.django_db(transaction=True)
@one_waits_for_the_other
def test_a_change_of_mind_at_the_very_date_leaves_the_prices_that_hold(owner):
    tariff = make_tariff(owner, price_per_kwh="6.50")
    tariffs.edit(tariff, {"price_per_kwh": "7.50", "valid_from": timezone.now() + SOON})
    begun = []

    with meeting(lambda: begun.append(tariffs.begin_scheduled(now=timezone.now() + SOON))):
        tariffs.edit(tariff, {"valid_from": None})

    assert begun == [0]
    assert again(tariff).current.price_per_kwh == Decimal("6.50")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("valid_from", "tomorrow"),
        ("valid_from", "2999-01-01T00:00:00Z"),
        ("valid_from", 5),
        ("idle_quiet_from", "25:00"),
        ("idle_quiet_from", ""),
        ("idle_quiet_to", "22:00"),
        ("idle_cap", "-1"),
        ("minimum_price", "1001"),
    ],
)
def test_each_field_has_its_sentence(owner, field, value):
    tariff = make_tariff(owner, price_per_kwh="6.50")
    quiet = {"idle_quiet_from": "22:00", "idle_quiet_to": "06:00"}

    with pytest.raises(Invalid) as refusal:
        tariffs.edit(tariff, {"price_per_kwh": "7", **quiet, field: value})

    assert list(refusal.value.fields) in ([field], ["idle_quiet_from"])


def test_the_same_prices_need_no_date(owner):
    tariff = make_tariff(owner, price_per_kwh="6.50")

    with pytest.raises(Invalid):
        tariffs.edit(tariff, {"price_per_kwh": "6.50", "valid_from": timezone.now() + SOON})
    with pytest.raises(Invalid):
        tariffs.create(owner, {"name": "Later", "valid_from": timezone.now() + SOON})


def test_nights_are_quiet_unless_the_owner_says_otherwise(owner):
    def hours(**values):
        version = tariffs.create(owner, {"name": "Prices", **values}).current
        return version and (version.idle_quiet_from, version.idle_quiet_to)

    assert hours() == ("22:00", "06:00")
    assert hours(idle_quiet_from="", idle_quiet_to="") == ("", "")
