"""The demo town: people, chargers and a month of charging around Opava, made through the same rules as everything real."""

from chargeshare.demo.history import seed
from chargeshare.demo.town import LOGINS, PASSWORD

__all__ = ["LOGINS", "PASSWORD", "seed"]
