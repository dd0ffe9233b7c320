"""The charging session, from the wish to the receipt: asked for, begun, stopped, settled, and put right when it turns out otherwise."""

from stations.sessions.beginning import Started, begin
from stations.sessions.billing import cost_so_far_minor
from stations.sessions.caps import change_limits
from stations.sessions.deciding import decide
from stations.sessions.ending import close
from stations.sessions.stopping import StopAnswer, stop
from stations.sessions.sweeps import abandon_stale, close_orphans, repair_unsettled, settle_reviews, stop_overdue, tell_of_no_energy
from stations.sessions.wishes import Car, SessionTooSmall, choose_vehicle, request_start, request_stop

__all__ = [
    "Car",
    "SessionTooSmall",
    "Started",
    "StopAnswer",
    "abandon_stale",
    "begin",
    "change_limits",
    "choose_vehicle",
    "close",
    "close_orphans",
    "cost_so_far_minor",
    "decide",
    "repair_unsettled",
    "request_start",
    "request_stop",
    "settle_reviews",
    "stop",
    "stop_overdue",
    "tell_of_no_energy",
]
