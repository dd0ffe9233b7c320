"""What an owner types of limits: so much for the charger, an outlet or a session; by plan; or with a start."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from ocpp_core.charging_profiles.building import WHOLE_WEEK, Amount, Place, Plan
from ocpp_core.charging_profiles.shown import WEEKDAYS
from ocpp_core.charging_profiles.units import AMPERES, WATTS

UNITS = [(AMPERES, _("A per phase")), (WATTS, _("kW"))]
Choices = Sequence[tuple[str, Any]]


def _amount(label: Any, **options: Any) -> forms.DecimalField:
    widget = forms.NumberInput(attrs={"step": "0.1", "inputmode": "decimal"})
    return forms.DecimalField(label=label, min_value=0, max_value=1000, decimal_places=1, widget=widget, **options)


def _time(label: Any, initial: str) -> forms.TimeField:
    return forms.TimeField(label=label, initial=initial, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"))


def _until() -> forms.DateTimeField:
    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    return forms.DateTimeField(label=_("Until"), required=False, widget=widget)


class AmountForm(forms.Form):
    """So much, in one of the two units."""

    place = forms.ChoiceField(label=_("For what"))
    amount = _amount(_("At most"))
    unit = forms.ChoiceField(label=_("Unit"), choices=UNITS)

    def __init__(self, *args: Any, places: dict[str, tuple[Any, Place]], zone: ZoneInfo, unit: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self.places, self.zone = places, zone
        self.fields["unit"].initial = unit
        place = self.fields["place"]
        if isinstance(place, forms.ChoiceField):
            place.choices = [(key, words) for key, (words, _place) in places.items()]

    @property
    def chosen(self) -> Place:
        """What the limit is for."""
        return self.places[self.cleaned_data["place"]][1]

    def said(self, name: str = "amount") -> Amount:
        """What was typed, as limits are written."""
        value, unit = self.cleaned_data[name], self.cleaned_data["unit"]
        return Amount(value * Decimal(1000) if unit == WATTS else value, unit)

    def clean_until(self) -> Any:
        """By the clock of the place."""
        until = self.cleaned_data["until"]
        return None if until is None else until.replace(tzinfo=self.zone)


class LimitForm(AmountForm):
    """A limit from now on."""

    until = _until()


class StartForm(AmountForm):
    """A session of the owner's own, with a limit for it alone."""


class PlanForm(AmountForm):
    """So much between two times of day, and so much otherwise."""

    begins = _time(pgettext_lazy("a time of day", "From"), "22:00")
    ends = _time(pgettext_lazy("a time of day", "To"), "06:00")
    otherwise = _amount(_("At other times at most"), initial=0, help_text=_("0 is no charging at all."))
    days = forms.MultipleChoiceField(
        label=_("Days"),
        choices=[(str(day), words) for day, words in enumerate(WEEKDAYS)],
        initial=[str(day) for day in sorted(WHOLE_WEEK)],
        widget=forms.CheckboxSelectMultiple,
        help_text=_("What goes past midnight belongs to the day on which it begins."),
    )
    until = _until()

    @property
    def plan(self) -> Plan:
        """What was typed."""
        said = self.cleaned_data
        days = frozenset(int(day) for day in said["days"])
        return Plan(self.said(), self.said("otherwise"), said["begins"], said["ends"], days)
