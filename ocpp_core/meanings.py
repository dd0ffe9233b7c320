"""What a deviation means to the owner of the charger, in plain words, and what she can do about it. Pure.

A word has two halves: the member of the message, and what was odd about it. Where the pair means something of its own it
has its own sentence, else the second half has one.
"""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ocpp_core.deviations import NO_SUBPROTOCOL, NOT_KEPT, OPENS_AT_ONCE, TOO_MANY_READINGS, UNREADABLE_FRAME


@dataclass(frozen=True)
class Meaning:
    """One deviation in words; `needs_care` where the owner should do something about it."""

    text: str | Promise
    advice: str | Promise
    needs_care: bool = False


NOTHING_TO_DO = _("Nothing to do: we understand it all the same.")
NEWER_FIRMWARE = _("Look for newer firmware; sessions are recorded meanwhile as far as they can be understood.")
SET_CLOCK = _("Set the charger's clock, or name it a time server (NTP). Receipts show our time where its own cannot be right.")
LOOK_AT_METER = _("Compare a session with the charger's display: if the energy differs, tell us before anybody pays for it.")

_ODD_TIME = _("The charger's time in “%(member)s” cannot be read.")

# By what is odd, whatever member it is about; `%(member)s` is its name.
_BY_KIND = {
    "control": Meaning(_("“%(member)s” holds characters that cannot be printed; they were left out."), NOTHING_TO_DO),
    "empty": Meaning(_("“%(member)s” is empty: a reading without a value."), NOTHING_TO_DO),
    "epoch": Meaning(_("“%(member)s” is written as a count of seconds instead of a date."), NOTHING_TO_DO),
    "extra": Meaning(_("Messages hold members of the maker's own."), NOTHING_TO_DO),
    "fraction": Meaning(_("“%(member)s” should be a whole number and has a fraction; it was rounded."), NOTHING_TO_DO),
    "long": Meaning(_("“%(member)s” is longer than the standard allows; it was cut."), NOTHING_TO_DO),
    "missing": Meaning(_("“%(member)s” is missing."), NOTHING_TO_DO),
    "moved": Meaning(_("The charger's clock is wrong: “%(member)s” lies in the future or long ago."), SET_CLOCK, needs_care=True),
    "naive": Meaning(_("“%(member)s” does not say which time zone it is in; it was read as UTC."), SET_CLOCK),
    "no-value": Meaning(_("“%(member)s” holds no value that can be read; that reading was left out."), LOOK_AT_METER, needs_care=True),
    "null": Meaning(_("“%(member)s” is filled in with “null” instead of being left out."), NOTHING_TO_DO),
    "number": Meaning(_("“%(member)s” is a number where the standard has a text."), NOTHING_TO_DO),
    "object": Meaning(_("“%(member)s” is a single entry where the standard has a list."), NOTHING_TO_DO),
    "range": Meaning(_("“%(member)s” is a number no charger can mean; it was left out."), NEWER_FIRMWARE),
    "skewed": Meaning(_("The charger's clock is off, always by as much; “%(member)s” was put right."), SET_CLOCK, needs_care=True),
    "spelling": Meaning(_("“%(member)s” is spelt differently from the standard."), NOTHING_TO_DO),
    "text": Meaning(_("“%(member)s” is a text where the standard has a number."), NOTHING_TO_DO),
    "type": Meaning(_("“%(member)s” comes in a form that cannot be understood; it was left out."), NEWER_FIRMWARE),
    "unknown": Meaning(_("“%(member)s” says something the standard does not know; it was kept as it came."), NOTHING_TO_DO),
    "unreadable": Meaning(_ODD_TIME, SET_CLOCK, needs_care=True),
    "unusable": Meaning(_("Nothing could be made of “%(member)s”. Our staff sees the message."), NEWER_FIRMWARE, needs_care=True),
}

# By the whole word, where it means something of its own.
_BY_WORD = {
    "frame:no-payload": Meaning(_("Messages come without their content; they were read as empty."), NOTHING_TO_DO),
    "frame:repaired": Meaning(_("Readings come as faulty JSON and are mended."), NEWER_FIRMWARE),
    "frame:too-long": Meaning(_("Messages have a member too many; it was overlooked."), NOTHING_TO_DO),
    UNREADABLE_FRAME: Meaning(
        _("Some messages are no JSON at all. The charger was told so; what they said is lost."),
        _("Look for newer firmware. If it happens often, the connection may garble what the charger says: try a cable instead of Wi-Fi."),
        needs_care=True,
    ),
    "connectorId:missing": Meaning(_("Messages do not say which connector they are about."), NOTHING_TO_DO),
    "idTag:long": Meaning(_("The charger adds something to the number of a card."), NOTHING_TO_DO),
    "measurand:missing": Meaning(_("Readings do not say what they measure; they were read by their unit."), LOOK_AT_METER),
    "measurand:unknown": Meaning(_("Some readings measure something the standard does not know; they are never charged."), NOTHING_TO_DO),
    "meterStart:missing": Meaning(
        _("Sessions begin without a meter reading; the first reading afterwards counts."),
        _("Set the sampling interval (MeterValueSampleInterval) to a minute or less, so that little is given away."),
        needs_care=True,
    ),
    "meterStop:missing": Meaning(
        _("Sessions end without a meter reading; the last one before the end counts."),
        _("Set the sampling interval (MeterValueSampleInterval) to a minute or less, so that little is given away."),
        needs_care=True,
    ),
    "reservationId:0": Meaning(_("The charger names a reservation number 0 where there is no reservation."), NOTHING_TO_DO),
    "status:unknown": Meaning(
        _("The charger reports a state the standard does not know."),
        _("While it does, drivers see the connector as busy."),
        needs_care=True,
    ),
    "unit:unknown": Meaning(
        _("Some readings are in a unit the standard does not know; they are shown and never charged."), LOOK_AT_METER, needs_care=True
    ),
    "transactionId:missing": Meaning(_("Messages do not say which session they belong to; we look for the one that fits."), NEWER_FIRMWARE),
    "transactionId:range": Meaning(
        _("The charger has forgotten the number of a session; we look for the one that fits."), NEWER_FIRMWARE, needs_care=True
    ),
    "csr:identity": Meaning(
        _("The charger asked for a certificate in another name than its identity; it got none."),
        _("Set the name it writes into its request (common name) to its identity, or register it under that name."),
        needs_care=True,
    ),
    "csr:often": Meaning(
        _("The charger asks for certificates over and over; it gets five in an hour at most."), NEWER_FIRMWARE, needs_care=True
    ),
    "csr:signature": Meaning(
        _("The charger asked for a certificate without proving that it has the key; it got none."), NEWER_FIRMWARE, needs_care=True
    ),
    "csr:unreadable": Meaning(_("The charger's request for a certificate cannot be read; it got none."), NEWER_FIRMWARE, needs_care=True),
    "csr:weak": Meaning(
        _("The charger asked for a certificate with a key that is too weak; it got none."),
        _("Let it use RSA with 2048 bits or more, or the curve P-256, and SHA-256 to sign its request."),
        needs_care=True,
    ),
    NO_SUBPROTOCOL: Meaning(_("The charger does not say which version of OCPP it speaks; it was read as 1.6."), NOTHING_TO_DO),
    NOT_KEPT: Meaning(
        _("The charger accepted a setting and did not keep it."),
        _("Look at its settings; what it will not keep from here can be set in its own app or on its own page."),
        needs_care=True,
    ),
    TOO_MANY_READINGS: Meaning(
        _("The charger sent more readings in a day than are kept; one in a minute was kept of the rest. No bill changes by it."),
        _("Set the sampling interval (MeterValueSampleInterval) to ten seconds or more."),
        needs_care=True,
    ),
    OPENS_AT_ONCE: Meaning(
        _("Sessions in a row ended after a few seconds with no energy, over an address without encryption."),
        _("Some makes charge only over a secure address: enter the one that begins with wss:// in the charger."),
        needs_care=True,
    ),
}


def of(word: str) -> Meaning:
    """What a word means. A KeyError is a word nobody has explained: a test finds it before an owner does."""
    meaning = _BY_WORD.get(word)
    if meaning is not None:
        return meaning
    member, _colon, kind = word.rpartition(":")
    found = _BY_KIND[kind]
    return Meaning(str(found.text) % {"member": member}, found.advice, found.needs_care)
