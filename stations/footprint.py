"""What charging means for the climate, beside a petrol car that drives as far. Pure.

Three figures make it, and each is an estimate that is labelled as one: of what a wallbox delivers nine tenths reach the battery
(the car's own charger takes the rest), of what a fast charger delivers nineteen twentieths; the grid emits
GRID_CO2_G_PER_KWH for each kWh it delivers, as national offices for the environment publish by the year; a petrol car
emits PETROL_CO2_G_PER_KM: 2.3 kg out of a litre, which is chemistry, times 6.5 litres for 100 km.
"""

from django.conf import settings

DIRECT = frozenset({"CCS", "CHADEMO", "NACS"})
ARRIVES_PERCENT = {False: 90, True: 95}  # by direct current?


def arriving_wh(energy_wh: int, connector_type: str) -> int:
    """How much of what the meter counts gets into the battery."""
    return energy_wh * ARRIVES_PERCENT[connector_type in DIRECT] // 100


def metered_wh(gain_wh: int, connector_type: str) -> int:
    """How much the meter counts until so much is in the battery."""
    arrives = ARRIVES_PERCENT[connector_type in DIRECT]
    return (gain_wh * 100 + arrives // 2) // arrives


def metres(energy_wh: int, connector_type: str, consumption_wh_100km: int) -> int:
    """How far the car gets with what the meter counted."""
    return arriving_wh(energy_wh, connector_type) * 100_000 // consumption_wh_100km


def saved_g(energy_wh: int, connector_type: str, consumption_wh_100km: int) -> int:
    """How much less carbon dioxide the way costs than by petrol; negative where the grid is that dirty."""
    petrol_g = metres(energy_wh, connector_type, consumption_wh_100km) * settings.PETROL_CO2_G_PER_KM // 1000
    return petrol_g - energy_wh * settings.GRID_CO2_G_PER_KWH // 1000
