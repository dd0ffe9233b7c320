"""What owners type about their money, and staff at the payout desk."""

from typing import Any

from django import forms
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import logins
from accounts.models import User
from billing import iban, money
from billing.forms import AmountField
from billing.models import Payout, PayoutPlan, SellerData
from chargeshare.errors import DomainError, Invalid


class IbanField(forms.CharField):
    """The number of a bank account, as an IBAN or as Czechs write it; cleans to the IBAN."""

    def __init__(self, **options: Any) -> None:
        widget = forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "characters"})
        super().__init__(max_length=50, widget=widget, **options)

    def clean(self, value: Any) -> str:
        """Prove its check digits."""
        typed = super().clean(value)
        try:
            return iban.read(typed)
        except DomainError as error:
            raise forms.ValidationError(str(error.message)) from error


class PayoutForm(forms.Form):
    """How much to pay out. `key` makes a form that is sent twice one payout."""

    amount = AmountField(label=_("How much"))
    key = forms.UUIDField(widget=forms.HiddenInput)
    symbol = money.SYMBOLS.get(settings.CURRENCY, settings.CURRENCY)


class SecondFactorForm(forms.Form):
    """The code of the authenticator app, where the account has one."""

    code = forms.CharField(
        label=_("Code of your authenticator app"),
        max_length=20,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "one-time-code"}),
    )

    def __init__(self, *args: Any, user: User, address: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self.user, self.address = user, address
        if not logins.has_second_factor(user):
            del self.fields["code"]

    def clean_code(self) -> str:
        """Try it; wrong ones are counted like wrong passwords."""
        code: str = self.cleaned_data["code"]
        try:
            logins.check_failures(self.user.email, self.address)
            logins.check_second_factor(self.user, code)
        except logins.WrongCode as refusal:
            logins.record_failure(self.user.email, self.address)
            raise forms.ValidationError(str(refusal.message)) from refusal
        except DomainError as refusal:
            raise forms.ValidationError(str(refusal.message)) from refusal
        return code


class BankAccountForm(SecondFactorForm):
    """Where the money shall go."""

    iban = IbanField(label=_("IBAN or account number"), help_text=_("For example CZ65 0800 0000 1920 0014 5399 or 19-2000145399/0800."))
    name = forms.CharField(label=_("Account holder"), max_length=70)
    field_order = ["iban", "name", "code"]


class PlanForm(forms.Form):
    """How often money comes by itself."""

    rhythm = forms.ChoiceField(label=_("How often"), choices=PayoutPlan.Rhythm.choices)
    keep = AmountField(label=_("Always leave here"), required=False, empty_value="0")
    symbol = PayoutForm.symbol

    def clean_keep(self) -> int:
        """Nothing less than nothing."""
        keep_minor: int = self.cleaned_data["keep"]
        if keep_minor < 0:
            raise forms.ValidationError(str(money.NotAnAmount.message))
        return keep_minor


class SellerDataForm(forms.ModelForm):
    """Who an owner is before the tax office. What is enough is said by `billing.seller_data`."""

    class Meta:
        model = SellerData
        fields = ["kind", "name", "street", "city", "postcode", "country", "birth_date", "company_id", "tin", "is_vat_payer", "vat_id"]
        widgets = {
            "birth_date": forms.DateInput(attrs={"type": "date", "autocomplete": "bday"}, format="%Y-%m-%d"),
            "name": forms.TextInput(attrs={"autocomplete": "name"}),
            "street": forms.TextInput(attrs={"autocomplete": "address-line1"}),
            "city": forms.TextInput(attrs={"autocomplete": "address-level2"}),
            "postcode": forms.TextInput(attrs={"autocomplete": "postal-code"}),
        }
        help_texts = {
            "country": _("Two letters, for example CZ."),
            "birth_date": _("Private persons."),
            "company_id": _("Self-employed and companies."),
            "tin": _("Private persons in Czechia: the birth number; others: the DIČ, or the number of your country."),
            "is_vat_payer": _("Your receipts are then tax documents, with the rate and the VAT in the price."),
            "vat_id": _("Only payers of VAT. For example CZ12345678."),
        }

    def clean_country(self) -> str:
        """Two capital letters."""
        country: str = self.cleaned_data["country"].upper()
        if not (len(country) == 2 and country.isascii() and country.isalpha()):
            raise forms.ValidationError(_("Two letters, for example CZ."))
        return country

    def refuse(self, refusal: Invalid) -> None:
        """Put each sentence beside its field."""
        for field, sentences in refusal.fields.items():
            self.add_error(field, [str(sentence) for sentence in sentences])


class ChosenForm(forms.Form):
    """Which payouts a deed of staff is for."""

    payout = forms.ModelMultipleChoiceField(queryset=Payout.objects.select_related("owner", "bank_account"), to_field_name="code")


class ExportForm(ChosenForm):
    """Approved payouts, and the day the bank shall pay them."""

    due_on = forms.DateField(label=_("Day of payment"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))

    def clean_due_on(self) -> Any:
        """Not in the past."""
        if self.cleaned_data["due_on"] < timezone.localdate():
            raise forms.ValidationError(_("This day has passed."))
        return self.cleaned_data["due_on"]


class FailForm(forms.Form):
    """Why a payout is sent back; the owner reads it."""

    reason = forms.CharField(label=_("Reason, the owner reads it"), max_length=200)


class StatementForm(forms.Form):
    """A file of the bank."""

    file = forms.FileField(label=_("Bank statement"), max_length=200, widget=forms.FileInput(attrs={"accept": ".csv,.gpc,.txt,.abo"}))


class LineForm(forms.Form):
    """Which payout a movement belongs to; none means that it is no payout."""

    symbol = forms.CharField(label=_("Variable symbol of the payout"), max_length=10, required=False)


class ReportForm(forms.Form):
    """Which year to report."""

    year = forms.IntegerField(label=_("Year"), min_value=2020, max_value=2100)
    rate = forms.DecimalField(label=_("Crowns for a euro on its last day"), min_value=1, max_value=1000, max_digits=8, decimal_places=4)
