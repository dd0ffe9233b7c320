"""What owners and drivers type into pages."""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.db.models import Q
from django.utils.dates import WEEKDAYS
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import User
from billing import disputes, money
from billing.forms import AmountField
from billing.models import Dispute, Tariff
from stations import arrival, booking_rules, makes, photos, problems, reviews, weekly
from stations.models import BookingRules, ChargePoint, Circle, Connector, Problem, Review, WeeklyHours
from stations.models.booking_rules import BUFFERS

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

FREE = "free"
PICTURES = "image/jpeg,image/png,image/webp"
PRICES = ("price_per_kwh", "price_per_minute", "session_fee")


def price_field(label: "_StrPromise", *, most: int = 100, decimals: int = 4, **options: Any) -> forms.DecimalField:
    """An amount that may be left empty."""
    widget = forms.NumberInput(attrs={"step": "any", "inputmode": "decimal"})
    return forms.DecimalField(label=label, min_value=0, max_value=most, decimal_places=decimals, required=False, widget=widget, **options)


class NameForm(forms.Form):
    """The first step of the wizard."""

    name = forms.CharField(label=_("Name"), max_length=100, help_text=_("What drivers read on the map, such as “Garage at the workshop”."))
    access = forms.ChoiceField(
        label=_("Who may charge"), choices=ChargePoint.Access.choices, initial=ChargePoint.Access.PUBLIC, widget=forms.RadioSelect
    )


class PlaceForm(forms.Form):
    """Where it stands. The numbers are filled in by the map where there is a script, and by hand where there is none."""

    latitude = forms.FloatField(label=_("Latitude"), min_value=-90, max_value=90, widget=forms.NumberInput(attrs={"step": "any"}))
    longitude = forms.FloatField(label=_("Longitude"), min_value=-180, max_value=180, widget=forms.NumberInput(attrs={"step": "any"}))
    address = forms.CharField(
        label=_("Address"),
        max_length=200,
        required=False,
        help_text=_("Nobody sees it on the map. The pin there stands 150 to 300 m aside."),
        widget=forms.TextInput(attrs={"autocomplete": "street-address"}),
    )


class MakeForm(forms.Form):
    """The make, and what some boxes cannot do without."""

    make = forms.ChoiceField(label=_("Make"), choices=[(make.key, make.name) for make in makes.MAKES], widget=forms.RadioSelect)
    identity = forms.RegexField(
        r"\A[A-Za-z0-9\-_.:]{1,48}\Z",
        label=_("Identity"),
        required=False,
        help_text=_("Only if the charger cannot change its own. Otherwise we make one up."),
        error_messages={"invalid": _("An identity has 1 to 48 letters, digits and the characters - _ . :")},
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )
    without_password = forms.BooleanField(
        label=_("The charger cannot send a password"),
        required=False,
        help_text=_("Then a long secret in the address stands in for it. It is weaker: choose it only if you must."),
    )


class ChargePointForm(PlaceForm):
    """Everything an owner says of her charger."""

    name = forms.CharField(label=_("Name"), max_length=100)
    description = forms.CharField(
        label=_("How to find it"),
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Where to park, where the socket is, what to mind. Everybody can read it."),
    )
    access = forms.ChoiceField(label=_("Who may charge"), choices=ChargePoint.Access.choices, widget=forms.RadioSelect)
    make = forms.ChoiceField(label=_("Make"), choices=[("", "–"), *((make.key, make.name) for make in makes.MAKES)], required=False)
    auto_configure = forms.BooleanField(
        label=_("Let ChargeShare set the charger up"),
        required=False,
        help_text=_("How often it measures, and that it asks us before it starts. Without it nothing is sent unasked."),
    )
    starts_without_card = forms.BooleanField(
        label=_("It may start without a card"),
        required=False,
        help_text=_("For a box that begins by itself when a cable is plugged in. Such a session is yours and costs nobody anything."),
    )

    field_order = ("name", "description", "access", "address", "latitude", "longitude", "make", "auto_configure", "starts_without_card")

    @classmethod
    def of(cls, charge_point: ChargePoint) -> "ChargePointForm":
        """The form as it stands."""
        return cls(initial={name: getattr(charge_point, name) for name in cls.base_fields})


class HoursField(forms.CharField):
    """The hours of one day as people write them: 6–22, or 06:00–12:00, 14:00–22:00; empty is none."""

    default_error_messages = {"hours": _("Write hours like 6:00–22:00, several with a comma in between.")}

    def clean(self, value: Any) -> list[tuple[str, str]]:
        """From and to as a clock shows them."""
        typed = super().clean(value).replace(" ", "").replace("–", "-").replace("—", "-")
        found = []
        for part in filter(None, typed.split(",")):
            match = _HOURS.fullmatch(part)
            if match is None:
                raise forms.ValidationError(self.error_messages["hours"])
            first_hour, first_minute, last_hour, last_minute = match.groups()
            found.append((f"{int(first_hour):02d}:{first_minute or '00'}", f"{int(last_hour):02d}:{last_minute or '00'}"))
        return found


def _choices(minutes: Iterable[int], known: int, zero: "_StrPromise | str") -> list[tuple[int, "_StrPromise | str"]]:
    """Lengths of time to choose from, the one that holds now among them."""
    return [(number, booking_rules.lasting(number) if number else zero) for number in sorted({*minutes, known})]


class BookingRulesForm(forms.Form):
    """What an owner asks of those who book."""

    approval = forms.ChoiceField(label=_("Who may book"), choices=BookingRules.Approval.choices, widget=forms.RadioSelect)
    approve_first = forms.IntegerField(
        label=_("How many bookings of a person I approve"), min_value=1, max_value=100, help_text=_("Later ones of hers hold at once.")
    )
    notice_minutes = forms.TypedChoiceField(label=_("Book at least this long ahead"), coerce=int)
    ahead_minutes = forms.TypedChoiceField(label=_("Book at most this far ahead"), coerce=int)
    buffer_minutes = forms.TypedChoiceField(label=_("Pause between two guests"), coerce=int)
    shortest_minutes = forms.TypedChoiceField(label=_("Shortest booking"), coerce=int)
    longest_minutes = forms.TypedChoiceField(label=_("Longest booking"), coerce=int)
    free_until_minutes = forms.TypedChoiceField(label=_("Cancelling is free until"), coerce=int)
    late_fee_minor = AmountField(
        label=_("Fee for cancelling later"), help_text=_("At most 50 Kč, and never more than half an hour of charging costs.")
    )
    no_show_fee_minor = AmountField(
        label=_("Fee where nobody comes"), help_text=_("After fifteen minutes. The same bounds; nothing where your charger was not ready.")
    )
    wants_confirmed_email = forms.BooleanField(label=_("A confirmed e-mail"), required=False)
    wants_vehicle = forms.BooleanField(label=_("A car with its number plate"), required=False)
    symbol = money.SYMBOLS.get(settings.CURRENCY, settings.CURRENCY)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        known = {name: int(str(self.initial.get(name, 0)) or 0) for name in _LENGTHS}
        for name, (minutes, zero) in _LENGTHS.items():
            self.fields[name].choices = _choices(minutes, known[name], zero)  # type: ignore[attr-defined]  # a choice
        for kind, prefix in ((WeeklyHours.Kind.OPEN, "open"), (WeeklyHours.Kind.OWN, "own")):
            for day, word in WEEKDAYS.items():
                self.fields[f"{prefix}_{day + 1}"] = HoursField(label=capfirst(word), required=False, max_length=100)
            setattr(self, f"{kind.value}_days", [self[f"{prefix}_{day + 1}"] for day in WEEKDAYS])

    @classmethod
    def of(cls, charge_point: ChargePoint, typed: Mapping[str, Any] | None = None) -> "BookingRulesForm":
        """The form as it stands, or as somebody has filled it in."""
        rules = booking_rules.of(charge_point)
        initial = {name: getattr(rules, name) for name in cls.base_fields if hasattr(rules, name)}
        initial |= {"ahead_minutes": rules.ahead_days * 1440, "free_until_minutes": rules.free_until_hours * 60}
        initial |= {name: money.number(money.decimal(getattr(rules, name))) for name in ("late_fee_minor", "no_show_fee_minor")}
        for kind in WeeklyHours.Kind.values:
            for hours in booking_rules.hours(charge_point, kind):
                name, words = f"{kind}_{hours.weekday + 1}", f"{weekly.clock(hours.from_minute)}–{weekly.clock(hours.to_minute)}"
                initial[name] = f"{initial[name]}, {words}" if name in initial else words
        return cls(typed, initial=initial)

    def changes(self) -> dict[str, Any]:
        """What was typed, as the rules take it."""
        said = dict(self.cleaned_data)
        for kind in WeeklyHours.Kind.values:
            days = [(day + 1, said.pop(f"{kind}_{day + 1}")) for day in WEEKDAYS]
            said[kind] = [{"days": [day], "from": begins, "to": ends} for day, spans in days for begins, ends in spans]
        said["ahead_days"], said["free_until_hours"] = said.pop("ahead_minutes") // 1440, said.pop("free_until_minutes") // 60
        return said


_HOURS = re.compile(r"([0-9]{1,2})(?::([0-9]{2}))?-([0-9]{1,2})(?::([0-9]{2}))?")
_LENGTHS: dict[str, tuple[tuple[int, ...], "_StrPromise"]] = {
    "notice_minutes": ((0, 30, 60, 120, 240, 720, 1440, 2880), _("no notice")),
    "ahead_minutes": (tuple(days * 1440 for days in (1, 7, 14, 30, 90, 180, 365)), _("no notice")),
    "buffer_minutes": (BUFFERS, _("none")),
    "shortest_minutes": ((1, 30, 60, 120, 180, 240), _("none")),
    "longest_minutes": (tuple(hours * 60 for hours in (1, 2, 3, 4, 6, 8, 12, 24, 48, 72)), _("none")),
    "free_until_minutes": (tuple(hours * 60 for hours in (0, 1, 4, 12, 24, 48)), _("the beginning")),
}


class ArrivalForm(forms.Form):
    """What guests read on their way."""

    spot = forms.CharField(label=_("Where to park"), max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 2}))
    gate_code = forms.CharField(label=_("Gate code"), max_length=50, required=False, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    socket = forms.CharField(label=_("How to find the socket"), max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 2}))
    cable_m = forms.DecimalField(
        label=_("Length of the cable"),
        min_value=Decimal("0.5"),
        max_value=Decimal(arrival.LONGEST_CABLE_M),
        max_digits=4,
        decimal_places=1,
        required=False,
        help_text=_("Empty where guests bring their own."),
    )
    rules = forms.CharField(label=_("House rules"), max_length=2000, required=False, widget=forms.Textarea(attrs={"rows": 4}))

    @classmethod
    def of(cls, charge_point: ChargePoint) -> "ArrivalForm":
        """The form as it stands."""
        pack = arrival.of(charge_point)
        return cls(initial={name: getattr(pack, name) for name in cls.base_fields})


class ConnectorForm(forms.Form):
    """Type and power of an outlet, and its price: one of mine or a new one."""

    type = forms.ChoiceField(label=_("Connector"), choices=Connector.Type.choices, widget=forms.RadioSelect)
    power_kw = forms.DecimalField(
        label=_("Power"),
        min_value=Decimal("0.5"),
        max_value=Decimal(1000),
        max_digits=6,
        decimal_places=2,
        widget=forms.NumberInput(attrs={"step": "any", "inputmode": "decimal"}),
        help_text=_("What it really delivers: 3.7, 7.4, 11 or 22 kW at most homes."),
    )
    tariff = forms.ModelChoiceField(label=_("Price"), queryset=Tariff.objects.none(), required=False, empty_label=_("A new price"))
    price_per_kwh = forms.DecimalField(label=_("Per kWh"), min_value=0, max_value=1000, max_digits=8, decimal_places=4, required=False)
    price_per_minute = forms.DecimalField(
        label=_("Per minute"), min_value=0, max_value=1000, max_digits=8, decimal_places=4, required=False
    )
    session_fee = forms.DecimalField(label=_("Per charging"), min_value=0, max_value=10000, max_digits=7, decimal_places=2, required=False)

    def __init__(
        self, *args: Any, owner: User, known: Iterable[Circle] = (), paid: Mapping[int, int] | None = None, **options: Any
    ) -> None:
        """`known` are the owner's circles, `paid` the tariffs that some of them have here now."""
        super().__init__(*args, **options)
        tariff = self.fields["tariff"]
        if isinstance(tariff, forms.ModelChoiceField):
            tariff.queryset = Tariff.objects.filter(owner=owner, deleted_at=None)
        self.circles = {f"circle_{circle.pk}": circle for circle in known}
        self.paid = paid or {}
        offered = Tariff.objects.filter(Q(deleted_at=None) | Q(pk__in=self.paid.values()), owner=owner)
        choices = [("", _("as everyone")), (FREE, pgettext_lazy("price", "free")), *((str(one.pk), one.name) for one in offered)]
        for name, circle in self.circles.items():
            self.fields[name] = forms.ChoiceField(
                label=str(circle), choices=choices, required=False, initial=str(self.paid.get(circle.pk, ""))
            )

    @property
    def circle_fields(self) -> list[forms.BoundField]:
        """What each circle pays."""
        return [self[name] for name in self.circles]

    def clean(self) -> dict[str, Any]:
        """A price is either chosen or typed; 0 is a price, nothing is none."""
        data = super().clean() or {}
        if not data.get("tariff") and data.get("price_per_kwh") is None and not self.errors:
            self.add_error("price_per_kwh", _("Say what a kWh costs; 0 gives it away."))
        return data


class InvitationForm(forms.Form):
    """Whom to let in."""

    email = forms.EmailField(label=_("E-mail of the person"), max_length=254)


class GroupForm(forms.Form):
    """What to call a group of people."""

    name = forms.CharField(label=_("Name of the group"), max_length=60, widget=forms.TextInput(attrs={"autocomplete": "off"}))


class PairCardForm(forms.Form):
    """At which charger the card will be tapped."""

    charge_point = forms.ModelChoiceField(label=_("Charger"), queryset=ChargePoint.objects.none(), empty_label=None, to_field_name="code")
    label = forms.CharField(label=_("What to call the card"), max_length=60, required=False)

    def __init__(self, *args: Any, user: User, **options: Any) -> None:
        super().__init__(*args, **options)
        charge_point = self.fields["charge_point"]
        if isinstance(charge_point, forms.ModelChoiceField):
            charge_point.queryset = ChargePoint.objects.visible_to(user).alive().online().order_by("name")


class DisputeForm(forms.Form):
    """What is wrong with a receipt."""

    reason = forms.ChoiceField(label=_("What is wrong?"), widget=forms.RadioSelect)
    amount = AmountField(label=_("How much of it should come back"), required=False)
    text = forms.CharField(label=_("What happened"), required=False, max_length=2_000, widget=forms.Textarea(attrs={"rows": 4}))
    symbol = money.SYMBOLS.get(settings.CURRENCY, settings.CURRENCY)

    def __init__(self, *args: Any, is_driver: bool, of_fee: bool, most: str, **options: Any) -> None:
        super().__init__(*args, **options)
        allowed = disputes.reasons(Dispute.Side.DRIVER if is_driver else Dispute.Side.OWNER, of_fee=of_fee)
        reason = self.fields["reason"]
        reason.choices = [(one.value, one.label) for one in allowed]  # type: ignore[attr-defined]  # a ChoiceField
        if is_driver:
            self.fields["amount"].help_text = _("Empty: all of it, %(most)s.") % {"most": most}
        else:
            del self.fields["amount"]


class ReviewForm(forms.Form):
    """How a visit was."""

    rating = forms.TypedChoiceField(
        label=_("Stars"), choices=[(number, str(number)) for number in range(1, 6)], coerce=int, widget=forms.RadioSelect
    )
    tags = forms.MultipleChoiceField(label=_("What fits"), required=False, widget=forms.CheckboxSelectMultiple)
    text = forms.CharField(
        label=_("In your own words"), required=False, max_length=reviews.LONGEST_TEXT, widget=forms.Textarea(attrs={"rows": 4})
    )

    def __init__(self, *args: Any, side: str, **options: Any) -> None:
        super().__init__(*args, **options)
        tags = self.fields["tags"]
        tags.choices = [(tag.value, capfirst(tag.label)) for tag in Review.TAGS[side]]  # type: ignore[attr-defined]  # a ChoiceField


class ProblemForm(forms.Form):
    """What is wrong at a charger. Everything but the tap is optional."""

    kind = forms.ChoiceField(label=_("What is the matter?"), choices=Problem.Kind.choices, widget=forms.RadioSelect)
    text = forms.CharField(
        label=_("In your own words"), required=False, max_length=problems.LONGEST_TEXT, widget=forms.Textarea(attrs={"rows": 2})
    )
    photo = forms.FileField(
        label=_("Photo"),
        required=False,
        help_text=_("JPEG, PNG or WebP, at most 5 MB."),
        widget=forms.FileInput(attrs={"accept": PICTURES}),
    )


class PhotoForm(forms.Form):
    """One more photo. Whether it is one, the room finds out."""

    photo = forms.FileField(
        label=_("Photo"),
        allow_empty_file=True,
        help_text=_("JPEG, PNG or WebP, at most 5 MB."),
        widget=forms.FileInput(attrs={"accept": PICTURES}),
    )
    caption = forms.CharField(label=_("How to find the socket"), max_length=photos.LONGEST_CAPTION, required=False)
    is_for_guests = forms.BooleanField(label=_("Only for guests on their way"), required=False)


class PrepayForm(forms.Form):
    """How much to pay for one visit, and for a guest where her receipt goes."""

    amount = AmountField(label=_("How much?"), initial="200")
    email = forms.EmailField(label=_("E-mail for the receipt"), widget=forms.EmailInput(attrs={"autocomplete": "email"}))
    symbol = money.SYMBOLS.get(settings.CURRENCY, settings.CURRENCY)

    def __init__(self, *args: Any, is_guest: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        if not is_guest:
            del self.fields["email"]
