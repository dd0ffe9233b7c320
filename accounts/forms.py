"""What people type about themselves."""

from decimal import Decimal, InvalidOperation
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.forms import SignupForm
from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts import vehicle_models
from accounts.models import IdToken, User, Vehicle
from chargeshare.errors import Invalid


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


class ThousandsField(forms.CharField):
    """A figure typed in kWh or kW, with a comma or a point; cleans to whole Wh or W."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=12, widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}), **options)

    def prepare_value(self, value: Any) -> Any:
        """As one would type it."""
        return f"{(Decimal(value) / 1000).normalize():f}" if isinstance(value, int) else value

    def clean(self, value: Any) -> int:
        """Read it."""
        typed = super().clean(value).replace("\N{NO-BREAK SPACE}", "").replace(" ", "").replace(",", ".") or "0"
        try:
            figure = Decimal(typed)
        except InvalidOperation as error:
            raise forms.ValidationError(_("Enter a number, such as 11 or 57.5.")) from error
        if not figure.is_finite() or abs(figure) > 1_000_000:
            raise forms.ValidationError(_("Enter a number, such as 11 or 57.5."))
        return round(figure * 1000)


class VehicleForm(forms.Form):
    """A car. What its figures may be is said by `accounts.vehicles`."""

    name = forms.CharField(label=_("Make and model"), max_length=60)
    battery_wh = ThousandsField(label=_("Usable battery"), help_text=_("What you can use of it; a little less than the brochure says."))
    ac_limit_w = ThousandsField(label=_("Most power from a wallbox (AC)"))
    dc_limit_w = ThousandsField(label=_("Most power from a fast charger (DC)"), required=False, help_text=_("Empty if it has none."))
    consumption_wh_100km = ThousandsField(
        label=_("Consumption per 100 km"), help_text=_("For your statistics and the comparison with petrol.")
    )
    connector_types = forms.MultipleChoiceField(
        label=_("Connectors"), choices=Vehicle.Plug.choices, widget=forms.CheckboxSelectMultiple, required=False
    )
    plate = forms.CharField(
        label=_("Registration plate"), max_length=20, required=False, help_text=_("Only you see it; it tells your cars apart.")
    )
    is_default = forms.BooleanField(label=_("My usual car: estimates are made for it."), required=False)

    def refuse(self, refusal: Invalid) -> None:
        """Say beside each field why it cannot be."""
        for name, sentences in refusal.fields.items():
            self.add_error(name, sentences)


class VehicleModelForm(forms.Form):
    """Which of the models we know to begin with."""

    model = forms.ChoiceField(label=_("Which car is it?"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        makes: dict[str, list[tuple[str, str]]] = {}
        for model in vehicle_models.MODELS:
            makes.setdefault(model.make, []).append((model.key, model.full_name))
        self.fields["model"].choices = [("", _("Another one: I will type it in")), *makes.items()]  # type: ignore[attr-defined]
