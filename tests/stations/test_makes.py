"""What the wizard says of each make."""

import pytest
from django.urls import reverse
from django.utils.html import escape

from stations import makes
from stations.models import ChargePoint
from tests import factories


@pytest.mark.parametrize("make", makes.MAKES, ids=lambda make: make.key)
def test_an_owner_reads_where_to_type_it_in_and_what_to_beware_of(client, owner, make):
    charge_point = factories.make_charge_point(owner, published=False)
    ChargePoint.objects.update(make=make.key)
    client.force_login(owner)
    page = client.get(reverse("ocpp_core:connection", args=[charge_point.code])).content.decode()
    assert escape(str(make.where)) in page
    assert escape(str(make.caution)) in page
    assert len(make.steps) == 3
    limit = ChargePoint._meta.get_field("make").max_length
    assert limit is not None
    assert len(make.key) <= limit


def test_each_make_is_named_once_and_an_unknown_one_is_any():
    keys = [make.key for make in makes.MAKES]
    assert len(set(keys)) == len(keys)
    assert makes.find("never heard of") is makes.MAKES[-1]


@pytest.mark.parametrize(
    ("key", "word"),
    [("autel", "ISRG Root X1"), ("en-plus", "serial number"), ("teison", "ocpp1.6"), ("teison", "off and on"), ("solax", "wss://")],
)
def test_what_cannot_be_seen_from_here_stands_in_the_wizard(key, word):
    assert word in str(makes.find(key).caution)
