"""The only signal of the house: a question asked upwards."""

from django.dispatch import Signal

account_closing = Signal()
"""Sent with `user` before an account is closed. A receiver that knows a reason against it raises a DomainError."""
