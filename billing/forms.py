"""What people type about money."""

from typing import Any

from django import forms
from django.conf import settings
from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from billing import bands, money, tariffs
from billing.models import Tariff
from billing.models.tariff import DEFAULT_IDLE_CAP
from chargeshare.errors import DomainError, Invalid


class AmountField(forms.CharField):
    """An amount of money in the main unit; cleans to an integer in minor units."""

    def __init__(self, **options: Any) -> None:
        widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})
        super().__init__(max_length=20, widget=widget, **options)

    def clean(self, value: Any) -> int | None:
        """Read it, with a comma or a point; nothing where it may be left out."""
        typed = super().clean(value)
        if not typed and not self.required:
            return None
        try:
            return money.minor(typed)
        except DomainError as error:
            raise forms.ValidationError(str(error.message)) from error


class TopUpForm(forms.Form):
    """How much to add. `key` makes a form that is sent twice one wish."""

    amount = AmountField(label=_("Another amount"))
    instrument = forms.CharField(max_length=40, required=False, widget=forms.HiddenInput)
    key = forms.UUIDField(widget=forms.HiddenInput)
    symbol = money.SYMBOLS.get(settings.CURRENCY, settings.CURRENCY)


class RefundForm(forms.Form):
    """How much to return to where it came from. `key` makes a form that is sent twice one wish."""

    amount = AmountField(label=_("Amount"))
    key = forms.UUIDField(widget=forms.HiddenInput)
    symbol = money.SYMBOLS.get(settings.CURRENCY, settings.CURRENCY)


class AutoTopUpForm(forms.Form):
    """What a wallet that tops itself up adds, when, and up to how much in a month."""

    amount = AmountField(label=_("Add each time"))
    below = AmountField(label=_("When less than this is available"))
    monthly_cap = AmountField(label=_("At most in a calendar month"))
    consent = forms.CharField(widget=forms.HiddenInput, required=False)
    symbol = money.SYMBOLS.get(settings.CURRENCY, settings.CURRENCY)


class ReplyForm(forms.Form):
    """What the other side of a dispute says."""

    text = forms.CharField(label=_("How do you see it?"), max_length=2_000, widget=forms.Textarea(attrs={"rows": 4}))


class DisputeDecisionForm(forms.Form):
    """What staff decide about a complaint: how much goes back, and why. `most_minor` is what the session has cost so far."""

    class Choice(TextChoices):
        """How much goes back."""

        NONE = "none", _("nothing")
        ALL = "all", _("all of it")
        SOME = "some", _("a part")

    choice = forms.ChoiceField(choices=Choice.choices, error_messages={"required": _("Choose how much goes back.")})
    amount = AmountField(label=_("Amount"), required=False, empty_value="0")
    decision = forms.CharField(
        label=_("Reason, both sides read it"), max_length=2_000, widget=forms.Textarea(attrs={"rows": 4}), strip=True
    )
    symbol = money.SYMBOLS.get(settings.CURRENCY, settings.CURRENCY)

    def __init__(self, *args: Any, most_minor: int, **options: Any) -> None:
        super().__init__(*args, **options)
        self.most_minor = most_minor

    def clean(self) -> dict[str, Any]:
        """A part has to be said."""
        cleaned = super().clean() or {}
        if cleaned.get("choice") == self.Choice.SOME and not cleaned.get("amount") and "amount" not in self.errors:
            self.add_error("amount", _("Enter an amount."))
        return cleaned

    @property
    def returned_minor(self) -> int:
        """How much goes back."""
        said = self.cleaned_data
        return {self.Choice.NONE: 0, self.Choice.ALL: self.most_minor}.get(said["choice"], said["amount"] or 0)


class TariffForm(forms.Form):
    """The prices of a tariff. What they may be is said by `billing.tariffs`; a field left empty is zero."""

    name = forms.CharField(label=_("Name"), max_length=60, help_text=_("Only you see it, for example Day and night."))
    price_per_kwh = forms.CharField(label=_("Price per kWh"), required=False)
    price_per_minute = forms.CharField(label=_("Price per minute of charging"), required=False)
    session_fee = forms.CharField(label=_("Price per start"), required=False)
    minimum_price = forms.CharField(
        label=_("The least a session costs"), required=False, help_text=_("Counts only where energy flowed. Empty: no minimum.")
    )
    idle_price_per_minute = forms.CharField(label=_("Price per minute of standing after charging"), required=False)
    idle_grace_minutes = forms.IntegerField(label=_("Minutes of standing for free"), required=False, min_value=0)
    idle_cap = forms.CharField(label=_("Standing costs at most"), required=False)
    idle_quiet_from = forms.TimeField(
        label=_("At night standing is free from"),
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        help_text=_("Nobody moves a car at night. Empty: standing counts at night too."),
    )
    idle_quiet_to = forms.TimeField(label=_("until"), required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"))
    bands = forms.CharField(
        label=_("Other prices by the hour"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text=_("One line each: days, hours, price per kWh. For example: mon-fri 22:00-06:00 4.50"),
    )
    valid_from = forms.DateTimeField(
        label=_("These prices hold from"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text=_("Empty: at once. Until then new sessions get the prices of today."),
    )

    def __init__(self, *args: Any, tariff: Tariff | None = None, **options: Any) -> None:
        version = (tariff.scheduled or tariff.current) if tariff is not None else None
        if tariff is not None and version is not None:
            options["initial"] = {
                "name": tariff.name,
                **{field: money.number(getattr(version, field)) for field in tariffs.MOST if getattr(version, field)},
                **{field: getattr(version, field) for field in ("idle_grace_minutes", *tariffs.QUIET_HOURS)},
                "bands": written(version.bands),
                "valid_from": version.valid_from if version == tariff.scheduled else None,
            }
        else:
            options["initial"] = {**tariffs.QUIET_BY_DEFAULT, "idle_cap": money.number(DEFAULT_IDLE_CAP), "idle_grace_minutes": 15}
        super().__init__(*args, **options)
        if tariff is None:
            del self.fields["valid_from"]
        for field in tariffs.MOST:
            self.fields[field].widget.attrs["inputmode"] = "decimal"

    @property
    def currency(self) -> str:
        """What prices are in."""
        return money.SYMBOLS.get(settings.CURRENCY, settings.CURRENCY)

    def values(self) -> dict[str, Any]:
        """What was typed, as `tariffs.create` and `tariffs.edit` take it."""
        typed = self.cleaned_data
        prices: dict[str, Any] = {field: typed[field].strip() or "0" for field in tariffs.MOST}
        if not typed["idle_cap"].strip():
            prices["idle_cap"] = DEFAULT_IDLE_CAP
        grace = typed["idle_grace_minutes"]
        quiet = {field: typed[field].strftime("%H:%M") if typed[field] else "" for field in tariffs.QUIET_HOURS}
        return {
            "name": typed["name"],
            **prices,
            **quiet,
            "idle_grace_minutes": 15 if grace is None else grace,
            "bands": typed["bands"],
            "valid_from": typed.get("valid_from"),
        }

    def clean_bands(self) -> list[dict[str, Any]]:
        """Read the lines."""
        try:
            return bands.check([_band(line) for line in self.cleaned_data["bands"].splitlines() if line.strip()])
        except Invalid as error:
            raise forms.ValidationError(str(error.message)) from error

    def refuse(self, refusal: Invalid) -> None:
        """Put each sentence beside its field."""
        for field, sentences in refusal.fields.items():
            self.add_error(field if field in self.fields else None, [str(sentence) for sentence in sentences])
        if not refusal.fields:
            self.add_error(None, str(refusal.message))


def written(stored: list[dict[str, Any]]) -> str:
    """Bands as the lines in which one types them."""
    lines = []
    for one in stored:
        band = bands.Band.read(one)
        price = money.number(band.price_per_kwh)
        lines.append(f"{bands.day_words(band.weekdays, joint='-').lower()} {band.begins}-{band.ends} {price}")
    return "\n".join(lines)


def _band(line: str) -> dict[str, Any]:
    words = line.replace("–", "-").split()
    if len(words) != 3 or words[1].count("-") != 1:
        raise bands.BadBands(_("A line has days, hours and a price, such as: mon-fri 22:00-06:00 4.50"))
    begins, ends = words[1].split("-")
    return {"days": _days(words[0]), "from": begins, "to": ends, "price_per_kwh": words[2].replace(",", ".")}


def _days(typed: str) -> list[int | str]:
    days: list[int | str] = []
    for part in typed.split(","):
        first, dash, last = part.partition("-")
        begins, ends = bands.weekday_named(first), bands.weekday_named(last if dash else first)
        if begins is None or ends is None:
            raise bands.BadBands(_("Days are written mon, tue, wed, thu, fri, sat, sun."))
        days += bands.DAYS[begins : ends + 1] if begins <= ends else (*bands.DAYS[begins:], *bands.DAYS[: ends + 1])
    return days
