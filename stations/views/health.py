"""What an owner should know of her charger as drivers see it: how reliable it is, and what pulls that down."""

from collections.abc import Iterator

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from stations.models import ChargePoint, Reliability
from stations.models.reliability import ENOUGH_STARTS, RELIABLE_FROM
from stations.templatetags.energy import day, kw
from stations.views.owner import Hint

UPTIME_FROM, POWER_FROM = 95, 80


def advice(charge_point: ChargePoint, found: Reliability | None) -> Iterator[Hint]:
    """What to do about it, the worst first."""
    if found is None:
        return
    messages = reverse("ocpp_core:messages", args=[charge_point.code])
    connection = reverse("ocpp_core:connection", args=[charge_point.code])
    if found.left_map_at is not None and not charge_point.is_published:
        page = reverse("stations:owner_charge_point", args=[charge_point.code])
        silent = found.left_because == Reliability.Left.SILENT
        title = _("It has left the map on %(day)s: it %(reason)s.") % {
            "day": day(found.left_map_at),
            "reason": found.get_left_because_display(),
        }
        text = _("It comes back by itself once it is online again.") if silent else _("It comes back by itself once a start works. Try it.")
        yield Hint("map-pin", "amber", title, text, connection if silent else f"{page}#commands")
    failed = found.starts - found.starts_worked
    if failed and found.starts >= ENOUGH_STARTS and (found.starts_percent or 0) < RELIABLE_FROM:
        title = ngettext(
            "%(failed)d of %(starts)d start led to no energy.", "%(failed)d of %(starts)d starts led to no energy.", found.starts
        ) % {"failed": failed, "starts": found.starts}
        yield Hint("zap-off", "amber", title, _("Its messages say what it answered. Its maker may have newer firmware."), messages)
    if found.uptime_percent is not None and found.uptime_percent < UPTIME_FROM:
        title = _("It was away %(percent)d %% of the time.") % {"percent": 100 - found.uptime_percent}
        yield Hint("wifi-off", "amber", title, _("Drivers saw it as offline then. Check its Wi-Fi and its breaker."), connection)
    if found.power_percent is not None and found.power_percent < POWER_FROM:
        outlet = next(iter(charge_point.connectors.all()), None)
        title = _("No car ever got more than %(given)s of %(promised)s.") % {
            "given": kw(found.delivered_w),
            "promised": kw(found.promised_w),
        }
        text = _("The cars may take no more. If the charger gives no more, say so at its connector.")
        page = reverse("stations:owner_connector", args=[charge_point.code, outlet.number]) if outlet else messages
        yield Hint("gauge", "amber", title, text, page)
