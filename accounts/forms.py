"""What people type about themselves."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.forms import SignupForm
from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import IdToken, User


class SignUpForm(SignupForm):  # type: ignore[misc]  # allauth ships no types
    """Allauth's sign-up, and a name."""

    name = forms.CharField(
        label=pgettext_lazy("person", "Name"),
        max_length=100,
        help_text=_("Others see your first name only."),
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    field_order = ["name", "email", "password1"]


class ProfileForm(forms.ModelForm):
    """Name and language; the e-mail has a page of its own that asks the new address for a confirmation."""

    class Meta:
        model = User
        fields = ["name", "language"]
        labels = {"name": pgettext_lazy("person", "Name"), "language": _("Language")}
        widgets = {"name": forms.TextInput(attrs={"autocomplete": "name"})}
        help_texts = {"name": _("Others see your first name only."), "language": _("For pages and e-mails.")}

    def clean_name(self) -> str:
        """One line without blanks to spare."""
        return " ".join(self.cleaned_data["name"].split())


class CardForm(forms.Form):
    """A card by its number."""

    uid = forms.CharField(
        label=_("Card number"),
        max_length=100,
        help_text=_("Printed on the card, or shown by an NFC app: 4 to 36 letters and digits."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}),
    )
    label = forms.CharField(label=_("Label"), max_length=60, required=False)


class CardEditForm(forms.ModelForm):
    """What may change on a card."""

    class Meta:
        model = IdToken
        fields = ["label", "expires_at", "max_sessions"]
        widgets = {"expires_at": forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")}


class CloseForm(forms.Form):
    """The last word of an account: the password, and a tick that it is meant."""

    password = forms.CharField(
        label=_("Password"), strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}), max_length=1000
    )
    sure = forms.BooleanField(label=_("I want to close my account for good."))

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_password(self) -> str:
        """The same check, and the same count of failures, as at the door."""
        password: str = self.cleaned_data["password"]
        if get_adapter().reauthenticate(self.user, password):
            return password
        raise forms.ValidationError(_("This is not your password."))
