"""What staff fill in at the review desk."""

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from stations.models import MeterCase
from stations.sessions.deciding import LONGEST_REASON

MOST_KWH = 1_000_000


class DecisionForm(forms.Form):
    """Which energy is paid, and why. The two proposals come along, so that a click means what was looked at."""

    choice = forms.ChoiceField(choices=MeterCase.Outcome.choices, error_messages={"required": _("Choose an energy.")})
    energy = forms.DecimalField(
        label=_("Energy in kWh"),
        required=False,
        localize=True,
        min_value=Decimal(0),
        max_value=Decimal(MOST_KWH),
        decimal_places=3,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )
    reason = forms.CharField(
        label=_("Reason, both sides read it"), max_length=LONGEST_REASON, widget=forms.Textarea(attrs={"rows": 4}), strip=True
    )
    has_meter_checked = forms.BooleanField(label=_("Ask the owner to have the meter looked at"), required=False)
    plausible_wh = forms.IntegerField(widget=forms.HiddenInput)
    reported_wh = forms.IntegerField(widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        """Another energy has to be said."""
        cleaned = super().clean() or {}
        if cleaned.get("choice") == MeterCase.Outcome.OTHER and cleaned.get("energy") is None and "energy" not in self.errors:
            self.add_error("energy", _("Enter energy in kWh, such as 20."))
        return cleaned

    @property
    def energy_wh(self) -> int:
        """What was chosen, in watt-hours."""
        said = self.cleaned_data
        known = {MeterCase.Outcome.PLAUSIBLE: said["plausible_wh"], MeterCase.Outcome.REPORTED: said["reported_wh"]}
        return int(known.get(said["choice"], (said["energy"] or Decimal(0)) * 1000))

    @property
    def seen(self) -> tuple[int, int]:
        """The two proposals that were looked at."""
        return self.cleaned_data["plausible_wh"], self.cleaned_data["reported_wh"]
