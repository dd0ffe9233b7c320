"""How the chargers of the town have kept their connection for a month: most of them well, those that are away today badly."""

from datetime import datetime, timedelta

from chargeshare.demo.town import BOXES
from ocpp_core.models import ConnectionAttempt
from stations.models import ChargePoint

DAYS = 29  # fewer than such rows are kept for
THERE, AWAY = timedelta(hours=18), timedelta(hours=12)


def make(now: datetime) -> int:
    """Write the sockets down once, as the door would have."""
    if ConnectionAttempt.objects.exists():
        return 0
    began = now - timedelta(days=DAYS)
    chargers = {one.identity: one for one in ChargePoint.objects.filter(identity__in=[box.identity for box in BOXES])}
    sockets: list[ConnectionAttempt] = []
    for box in BOXES:
        there = {"charge_point": chargers[box.identity], "identity": box.identity, "outcome": ConnectionAttempt.Outcome.ACCEPTED}
        at, lasts = began, THERE if box.today == "offline" else now - began
        while at < now:
            sockets.append(ConnectionAttempt(**there, first_at=at, at=at, closed_at=min(now, at + lasts), close_code=1006))
            at += lasts + AWAY
    return len(ConnectionAttempt.objects.bulk_create(sockets))
