"""The door for programs: logging in, the account, its cards and news. `idempotent` serves the POSTs of every floor."""

from accounts.api import schema
from accounts.api.once import idempotent

__all__ = ["idempotent", "schema"]
