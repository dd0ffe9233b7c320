"""Which pages are measured: by whom each is opened, where it is and how many ms of server time it may take.

`{box}` and the like are filled in by `asked`. The last pages of lists are among them, for there a list shows how long it is.
"""

from typing import NamedTuple

API = "/api/v1/"


class Measured(NamedTuple):
    """One page of the report."""

    who: str
    path: str
    what: str
    goal: float = 100.0


def _api(who: str, path: str, what: str) -> Measured:
    return Measured(who, f"{API}{path}", f"{what}, API")


def _rows(table: str, what: str) -> Measured:
    return Measured("staff", f"/admin/{table.replace('.', '/')}/", f"staff: {what}")


PAGES = {
    "screen": Measured("anybody", f"{API}charge-points/?bbox={{screen}}", "map of 500 places", 25.0),
    "screen-of-a-driver": Measured("driver", f"{API}charge-points/?bbox={{screen}}", "the same for somebody logged in", 25.0),
    "country": Measured("anybody", f"{API}charge-points/?bbox={{country}}", "map of a country, in clusters", 10.0),
    "world": Measured("anybody", f"{API}charge-points/?bbox=-180,-85,180,85", "map of the world, in clusters", 10.0),
    "dashboard": Measured("owner", "/owner/", "owner's overview"),
    "dashboard-of-a-year": Measured("owner", "/owner/?period=year", "owner's overview of a year"),
    "chargers": Measured("owner", "/owner/chargers/", "owner's 500 chargers"),
    "charger": Measured("owner", "/owner/{box}/", "one charger"),
    "hosted-sessions": Measured("owner", "/owner/sessions/", "100,000 sessions at an owner's chargers"),
    "hosted-sessions-last": Measured("owner", "/owner/sessions/?page=99999", "the last page of them"),
    "earnings": Measured("owner", "/owner/earnings/", "owner's earnings by month, charger and guest"),
    "statement": Measured("owner", "/owner/statements/{month}/", "this month's statement"),
    "statement-before": Measured("owner", "/owner/statements/{earlier}/", "a closed month's statement"),
    "taxes": Measured("owner", "/owner/taxes/", "owner's year for the tax office"),
    "payouts": Measured("owner", "/owner/payouts/", "owner's 1,000 payouts"),
    "bookings": Measured("owner", "/owner/reservations/", "10,000 bookings of one owner"),
    "bookings-last": Measured("owner", "/owner/reservations/?page=99999", "the last page of them"),
    "frames": Measured("owner", "/owner/{box}/messages/", "messages of a charger"),
    "console": Measured("owner", "/owner/{box}/commands/", "20,000 commands of a charger"),
    "console-last": Measured("owner", "/owner/{box}/commands/?page=99999", "the last page of them"),
    "deviations": Measured("owner", "/owner/{box}/deviations/", "deviations of a charger"),
    "connection": Measured("owner", "/owner/{box}/connection/", "20,000 attempts to connect"),
    "security": Measured("owner", "/owner/{box}/security/", "20,000 security events"),
    "batches": Measured("owner", "/owner/commands/many/", "1,000 commands to many chargers"),
    "batch": Measured("owner", "/owner/commands/many/batch0/", "one of them"),
    "reviews": Measured("driver", "/charge-points/{reviewed}/reviews/", "reviews of a place"),
    "place": Measured("driver", "/charge-points/{reviewed}/", "a place with its reviews"),
    "history": Measured("driver", "/sessions/", "20,000 sessions of a driver"),
    "history-last": Measured("driver", "/sessions/?page=99999", "the last page of them"),
    "statistics": Measured("driver", "/sessions/statistics/", "driver's statistics of a year"),
    "wallet": Measured("driver", "/wallet/", "21,000 movements of a wallet"),
    "wallet-last": Measured("driver", "/wallet/?page=99999", "the last page of them"),
    "wallet-statement": Measured("driver", "/wallet/statements/{month}/", "this month's statement of a wallet"),
    "wallet-statement-before": Measured("driver", "/wallet/statements/{earlier}/", "an earlier month's"),
    "inbox": Measured("driver", "/accounts/inbox/", "20,000 notifications"),
    "inbox-last": Measured("driver", "/accounts/inbox/?page=99999", "the last page of them"),
    "cards": Measured("driver", "/accounts/cards/", "1,000 cards"),
    "favourites": Measured("driver", "/favourites/", "500 favourites"),
    "driver-bookings": Measured("driver", "/reservations/", "5,000 bookings of a driver"),
    "messages": Measured("driver", "/sessions/{talk}/messages/", "5,000 messages about a visit"),
    "disputes": Measured("driver", "/disputes/", "1,000 disputes"),
    "api-sessions": _api("driver", "sessions/", "sessions of a driver"),
    "api-hosted-sessions": _api("owner", "sessions/?role=owner&page_size=200&page=last", "the last sessions of an owner"),
    "api-all-sessions": _api("staff", "sessions/?role=staff", "all 200,000 sessions"),
    "readings": _api("owner", "sessions/{session}/meter-values/", "readings of a session"),
    "api-commands": _api("owner", "charge-points/{box}/commands/", "commands of a charger"),
    "api-messages": _api("owner", "charge-points/{box}/messages/", "messages of a charger"),
    "api-connections": _api("owner", "charge-points/{box}/connections/", "attempts to connect"),
    "api-notifications": _api("driver", "notifications/", "notifications"),
    "api-entries": _api("driver", "wallet/entries/", "movements of a wallet"),
    "api-receipts": _api("driver", "receipts/", "receipts"),
    "api-earnings": _api("owner", "earnings/", "earnings"),
    "api-reservations": _api("owner", "reservations/?role=owner", "bookings of an owner"),
    "api-reviews": _api("driver", "reviews/", "reviews of a driver"),
    "api-favourites": _api("driver", "favourites/", "favourites"),
    "api-own-chargers": _api("owner", "charge-points/?role=owner", "owner's chargers"),
    "review-desk": Measured("staff", "/admin/stations/metercase/desk/", "staff: the review desk"),
    "staff-frames": _rows("ocpp_core.ocppframe", "1,000,000 messages"),
    "staff-readings": _rows("stations.metervalue", "5,000,000 readings"),
    "staff-sessions": _rows("stations.chargingsession", "200,000 sessions"),
    "staff-receipts": _rows("billing.chargedetailrecord", "200,000 receipts"),
    "staff-entries": _rows("billing.ledgerentry", "600,000 entries of the books"),
    "staff-chargers": _rows("stations.chargepoint", "100,000 chargers"),
    "staff-notifications": _rows("accounts.notification", "notifications"),
    "staff-commands": _rows("stations.command", "commands"),
    "staff-deviations": _rows("ocpp_core.chargerdeviation", "deviations"),
    "staff-attempts": _rows("ocpp_core.connectionattempt", "attempts to connect"),
    "staff-reviews": _rows("stations.review", "reviews"),
    "staff-quarantine": _rows("stations.quarantinedmessage", "messages set aside"),
}
