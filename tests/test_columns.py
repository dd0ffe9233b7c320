"""The names of columns in the administration."""

from django.apps import apps
from django.utils import translation

from billing.models import TopUp
from chargeshare.columns import NAMES

OURS = ("accounts", "billing", "stations", "ocpp_core")


def test_staff_read_the_names_of_columns_in_their_language():
    field = TopUp._meta.get_field("paid_at")

    with translation.override("cs"):
        assert str(field.verbose_name) == "zaplaceno"
    with translation.override("en"):
        assert str(field.verbose_name) == "paid at"


def test_every_column_has_a_name_that_can_be_translated():
    fields = [field for app in OURS for model in apps.get_app_config(app).get_models() for field in model._meta.fields]

    unnamed = {str(field) for field in fields if isinstance(field.verbose_name, str) and field.verbose_name.lower() != "id"}

    assert not unnamed
    assert {field.verbose_name for field in fields} >= set(NAMES.values())
