"""What open pages are told: "look again" at a session, a connector, a charger. The database stays the truth."""

from collections.abc import Iterable

from chargeshare import bus
from stations.models import ChargePoint, ChargingSession, Connector


def session_changed(session: ChargingSession) -> None:
    """A session's page, and its charger's owner page, should be drawn again."""
    announce_session(str(session.code), session.charge_point_id)


def announce_session(code: str, charge_point_id: int) -> None:
    """The same for who holds no row, such as the batch of readings."""
    bus.publish(f"session-{code}", "session.changed", code=code)
    bus.publish(f"charge-point-{charge_point_id}", "charge_point.changed", what="session")


def connector_changed(connector: Connector) -> None:
    """The pin on the map and the owner's page should be drawn again."""
    charge_point_changed(connector.charge_point, "status")


def charge_point_changed(charge_point: ChargePoint, what: str) -> None:
    """Something about the charger changed: `connection`, `status`, `session`, `commands`, `details` or `frames`."""
    bus.publish(f"charge-point-{charge_point.pk}", "charge_point.changed", what=what)
    if charge_point.is_published and what in ("connection", "status", "session", "details"):
        bus.publish("map", "connector.changed", charge_point=charge_point.code)


def charge_points_changed(charge_points: Iterable[ChargePoint], what: str) -> None:
    """The same about many chargers in one message: in a storm the messages would cost more than what they tell of."""
    changed = {charge_point.pk: charge_point for charge_point in charge_points}
    if not changed:
        return
    bus.publish("charge-points", "charge_points.changed", charge_points=list(changed), what=what)
    if codes := [charge_point.code for charge_point in changed.values() if charge_point.is_published]:
        bus.publish("map", "connectors.changed", charge_points=codes)
