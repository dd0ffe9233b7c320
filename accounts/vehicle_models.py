"""Cars that many people here drive, to begin a vehicle with instead of typing its figures.

The figures are the makers', rounded: usable battery in kWh, most power by alternating and by direct current in kW, and what
the car takes for 100 km over the year in kWh. A model comes in years and batteries that differ, so whoever picks one may
change every figure. It is a list of our own, kept by hand; a name never changes its key.
"""

from dataclasses import dataclass
from decimal import Decimal

from accounts.models import Vehicle

Plug = Vehicle.Plug
EUROPEAN = (Plug.TYPE_2, Plug.CCS)
JAPANESE = (Plug.TYPE_2, Plug.CHADEMO)
SLOW = (Plug.TYPE_2,)


@dataclass(frozen=True)
class VehicleModel:
    """One make and model with one battery."""

    key: str
    make: str
    name: str
    battery_wh: int
    ac_limit_w: int
    dc_limit_w: int
    consumption_wh_100km: int
    connector_types: tuple[str, ...]

    @property
    def full_name(self) -> str:
        """As its driver would call it."""
        return f"{self.make} {self.name}"


# make | name | usable kWh | AC kW | DC kW | kWh/100 km | plugs other than Type 2 and CCS
_LIST = """
Audi|Q4 e-tron 45|77|11|175|19
Audi|Q6 e-tron|94.9|11|270|20
Audi|Q8 e-tron 55|106|11|170|23
BMW|i3 120 Ah|37.9|11|50|16
BMW|i4 eDrive40|80.7|11|205|18
BMW|iX1 xDrive30|64.7|11|130|18
BMW|iX3|74|11|150|19
BYD|Atto 3|60.5|11|88|18
BYD|Dolphin 60|60.4|11|88|17
BYD|Seal|82.5|11|150|18
Citroën|ë-C3|44|7.4|100|17
Citroën|ë-C4 50|46.3|11|100|16
Cupra|Born 58|58|11|120|16
Cupra|Born 77|77|11|170|17
Dacia|Spring|25|7.4|30|14
Fiat|500e 42|37.3|11|85|15
Ford|Explorer 77|77|11|135|18
Ford|Mustang Mach-E 91|91|11|150|20
Honda|e:Ny1|61.9|11|78|18
Hyundai|Inster 49|46|11|85|15
Hyundai|Ioniq 5 84|80|11|260|18
Hyundai|Ioniq 6 77|74|11|233|16
Hyundai|Kona 65|65.4|11|102|16
Jeep|Avenger|50.8|11|100|16
Kia|EV3 81|78|11|135|17
Kia|EV6 84|80|11|258|18
Kia|EV9|96|11|210|23
Kia|Niro EV|64.8|11|80|17
Lexus|UX 300e|64|6.6|50|18|JAPANESE
Mazda|MX-30|30|6.6|40|18
Mercedes-Benz|EQA 250|66.5|11|100|18
Mercedes-Benz|EQB 250|70.5|11|100|19
Mercedes-Benz|EQE 350|89|11|170|18
MG|4 64|61.7|11|142|17
MG|5 61|57.4|11|87|17
MG|ZS EV 72|68.3|11|94|18
Mini|Cooper SE|49.2|11|95|15
Mitsubishi|Outlander PHEV|17|3.7|0|25|SLOW
Nissan|Ariya 87|87|7.4|130|20
Nissan|Leaf 40|39|6.6|46|17|JAPANESE
Nissan|Leaf e+ 62|59|6.6|100|18|JAPANESE
Opel|Corsa Electric 51|48.1|11|100|16
Opel|Mokka Electric|50.8|11|100|17
Peugeot|e-208 51|48.1|11|100|16
Peugeot|e-2008 54|50.8|11|100|17
Polestar|2 82|79|11|205|18
Porsche|Taycan 105|97|11|320|20
Renault|5 E-Tech 52|52|11|100|15
Renault|Mégane E-Tech 60|60|22|130|16
Renault|Scénic E-Tech 87|87|22|150|17
Renault|Zoe 52|52|22|46|17
Škoda|Citigo iV|32.3|7.2|40|14
Škoda|Elroq 85|77|11|175|17
Škoda|Enyaq 60|58|11|125|17
Škoda|Enyaq 80|77|11|135|18
Škoda|Enyaq 85|77|11|175|17
Škoda|Superb iV|10.4|3.6|0|20|SLOW
Smart|#1|62|22|150|18
Tesla|Model 3|57.5|11|170|14
Tesla|Model 3 Long Range|75|11|250|15
Tesla|Model S|95|11|250|18
Tesla|Model Y|60|11|170|16
Tesla|Model Y Long Range|75|11|250|17
Toyota|bZ4X|64|11|150|18
Volkswagen|e-Golf|32|7.2|40|16
Volkswagen|e-up!|32.3|7.2|40|14
Volkswagen|ID.3 58|58|11|120|16
Volkswagen|ID.3 77|77|11|170|16
Volkswagen|ID.4 77|77|11|135|18
Volkswagen|ID.7|77|11|175|16
Volkswagen|ID. Buzz|77|11|170|21
Volvo|EX30|64|11|153|17
Volvo|EX40|79|11|200|19
"""
_PLUGS = {"": EUROPEAN, "JAPANESE": JAPANESE, "SLOW": SLOW}


def _read(line: str) -> VehicleModel:
    make, name, battery, ac, dc, consumption, *plugs = line.split("|")
    battery_wh, ac_limit_w, dc_limit_w, consumption_wh = (int(Decimal(figure) * 1000) for figure in (battery, ac, dc, consumption))
    types = tuple(str(plug) for plug in _PLUGS["".join(plugs)])
    return VehicleModel(f"{make} {name}".casefold(), make, name, battery_wh, ac_limit_w, dc_limit_w, consumption_wh, types)


MODELS: tuple[VehicleModel, ...] = tuple(_read(line) for line in _LIST.strip().splitlines())
_BY_KEY = {model.key: model for model in MODELS}


def find(key: str) -> VehicleModel | None:
    """The model of this key, whatever the case."""
    return _BY_KEY.get(key.strip().casefold())
