"""The tables of people: accounts, cards and cars, what we tell them, log-ins."""

from accounts.models.logins import IdempotentAnswer, LoginFailure, TokenChain
from accounts.models.notification import Letter, Notification, Posted
from accounts.models.people import IdToken, User, UserManager, Vehicle, group_tag
from accounts.models.push import NotificationPreferences, Push, PushSubscription

__all__ = [
    "IdToken",
    "IdempotentAnswer",
    "Letter",
    "LoginFailure",
    "Notification",
    "NotificationPreferences",
    "Posted",
    "Push",
    "PushSubscription",
    "TokenChain",
    "User",
    "UserManager",
    "Vehicle",
    "group_tag",
]
