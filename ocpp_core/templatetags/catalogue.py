"""Members and words of the standard as the pages say them."""

from collections.abc import Mapping
from typing import Any

from django import template

from ocpp_core import catalogue

register = template.Library()


@register.filter
def member_label(member: str) -> catalogue.Words:
    """A member in plain words."""
    return catalogue.label(member)


@register.filter
def meaning(word: str) -> catalogue.Words:
    """What a word of the standard means; nothing where it says so itself."""
    return catalogue.MEANINGS.get(word, "")


@register.filter
def help(member: str) -> catalogue.Words:  # noqa: A001 - as the template says it
    """What one should know to fill a member in."""
    return catalogue.HELP.get(member, "")


@register.filter
def is_long(member: str) -> bool:
    """Whether a member is many lines of text."""
    return member in catalogue.LONG


@register.filter
def offered(offers: Mapping[str, Any], member: str) -> Any:
    """What a member of this name may hold here."""
    return offers.get(member) if offers else None
