"""Makes of chargers, and where their owners find what to type in. Pure.

The menus are those of the makers' current apps; firmware moves them about, so each list also says what to look for.
"""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Make:
    """One make as the wizard knows it."""

    key: str
    name: str | Promise
    where: str | Promise
    caution: str | Promise = ""
    sends_password: bool = True

    @property
    def steps(self) -> list[str | Promise]:
        """Three things to do at the charger."""
        fill_in = _("Fill in the server address, the identity and the password. Each by itself, without spaces.")
        if not self.sends_password:
            fill_in = _("Fill in the server address and the identity, without spaces. Leave the password empty.")
        return [self.where, fill_in, _("Save and let the charger restart. It reports below within a minute.")]


MAKES = (
    Make("go-e", "go-e", _("In the go-e app open Settings → OCPP and switch it on.")),
    Make(
        "wallbox",
        "Wallbox",
        _("In the Wallbox app open your charger, then Settings → OCPP."),
        _("Older Wallbox chargers send no password. If yours has no field for it, register the charger without a password."),
        sends_password=False,
    ),
    Make("abb", "ABB", _("In the TerraConfig app open the charger, then OCPP server, and choose your own server.")),
    Make(
        "keba",
        "KEBA",
        _("Open the charger's web page in your network, then Configuration → OCPP."),
        _("Several KEBA boxes that work as one group connect once, as one charger with several connectors."),
    ),
    Make("alfen", "Alfen", _("In the ACE Service Installer open Connectivity → Backend and choose your own server.")),
    Make(
        "solax",
        "SolaX",
        _("In the SolaX app open the charger's local settings, then OCPP."),
        _("SolaX chargers charge only over a secure address, one that begins with wss://."),
    ),
    Make(
        "autel",
        "Autel",
        _("In the Autel Charge app open your charger, then Settings → OCPP."),
        _("These keep silent where they do not know the server's certificate. If no attempt shows, load ISRG Root X1 into the charger."),
    ),
    Make(
        "en-plus",
        "EN+",
        _("In the EN+ app open your charger, then OCPP settings."),
        _("EN+ chargers write their serial number behind the address by themselves. Leave it so: we know them by the identity."),
    ),
    Make(
        "foxess",
        "Fox ESS",
        _("In the Fox ESS app open your charger, then OCPP, and choose version 1.6."),
        _("This make may keep silent for twenty minutes before it connects."),
    ),
    Make(
        "teison",
        "Teison",
        _("In the Teison app open your charger, then OCPP."),
        _("Write ocpp1.6 into the field for the port. If it has lost its connection and stays silent, switch it off and on."),
    ),
    Make("schneider", "Schneider Electric", _("In the eSetup app or on the charger's web page open Supervision → OCPP.")),
    Make("huawei", "Huawei", _("In the FusionSolar app open the charger's settings, then OCPP management.")),
    Make(
        "mennekes",
        "Mennekes",
        _("Open the charger's web page in your network, then Backend."),
        _("This make may take a quarter of an hour to connect after it restarts."),
    ),
    Make("teltonika", "Teltonika", _("In the Teltonika app open the charger, then Settings → OCPP.")),
    Make("other", _("Another make"), _("Look in the charger's app or on its web page for OCPP, Backend or Central system.")),
)
_BY_KEY = {make.key: make for make in MAKES}


def find(key: str) -> Make:
    """The make of this key; the last one fits every charger."""
    return _BY_KEY.get(key, MAKES[-1])
