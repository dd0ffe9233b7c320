"""What a person chooses about notifications."""

from datetime import time
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts import ways
from accounts.models import User
from accounts.ways import Group, Wishes
from chargeshare.errors import Invalid

WHAT = {
    Group.CHARGING: _("It started, ended, or did not start"),
    Group.BOOKINGS: _("Requests, changes, reminders, your turn in a waiting list"),
    Group.MONEY: _("Top-ups, credit that runs out, refunds, disputes"),
    Group.MESSAGES: _("Messages about visits, reviews, invitations to circles"),
    Group.HOSTING: _("Somebody charged, or a charger needs you"),
    Group.PLACES: _("Somebody offers a charger in an area you watch"),
    Group.ACCOUNT: _("Log-in, cards, bank account, payouts, tax office"),
    Group.OPERATION: _("The books do not balance"),
}


class SettingsForm(forms.Form):
    """The matrix of groups and ways, and the quiet hours."""

    quiet_from = forms.TimeField(label=_("From"), required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"))
    quiet_to = forms.TimeField(label=_("Until"), required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"))
    time_zone = forms.ChoiceField(label=_("Time zone"))

    def __init__(self, user: User, wishes: Wishes, *, has_push: bool, data: Any = None) -> None:
        initial: dict[str, Any] = {"quiet_from": wishes.quiet_from, "quiet_to": wishes.quiet_to, "time_zone": wishes.time_zone}
        super().__init__(data, initial=initial)
        self._groups, self._has_push = ways.groups_for(user), has_push
        zone: Any = self.fields["time_zone"]
        zone.choices = [(name, name.replace("_", " ")) for name in ways.time_zones()]
        for group in self._groups:
            choice, name = wishes.choice(group), str(group.label)
            always = set(ways.GROUPS[group]) <= ways.ALWAYS_BY_EMAIL
            by_email = forms.BooleanField(label=_("%(group)s by e-mail") % {"group": name}, required=False, disabled=always)
            self.fields[f"{group}-email"], self.initial[f"{group}-email"] = by_email, always or choice.email
            if has_push:
                self.fields[f"{group}-push"] = forms.BooleanField(label=_("%(group)s by push") % {"group": name}, required=False)
                self.initial[f"{group}-push"] = choice.push

    def rows(self) -> list[dict[str, Any]]:
        """The matrix, a row for each group."""
        return [
            {
                "name": group.label,
                "what": WHAT[group],
                "email": self[f"{group}-email"],
                "push": self[f"{group}-push"] if self._has_push else None,
                "always": self.fields[f"{group}-email"].disabled,
            }
            for group in self._groups
        ]

    def changes(self) -> dict[str, Any]:
        """What was chosen, as `ways.change` takes it."""
        said = self.cleaned_data
        chosen = {
            group.value: {way: said[f"{group}-{way}"] for way in ("email", "push") if f"{group}-{way}" in said} for group in self._groups
        }
        quiet: dict[str, time | None] = {name: said.get(name) for name in ("quiet_from", "quiet_to")}
        return {"ways": chosen, "time_zone": said["time_zone"], **quiet}

    def refuse(self, refusal: Invalid) -> None:
        """Say beside each field what is wrong with it."""
        for name, sentences in refusal.fields.items():
            for sentence in sentences:
                self.add_error(name, sentence)
