"""All that this floor holds about one person."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession

from accounts.models import Notification, NotificationPreferences, User


def everything_about(user: User) -> dict[str, Any]:
    """Account, cards, notifications and log-ins, as plain values ready for JSON. Secrets are left out: they open doors."""
    return {
        "account": {
            "email": user.email,
            "name": user.name,
            "language": user.language,
            "is_staff": user.is_staff,
            "date_joined": user.date_joined,
            "last_login": user.last_login,
            "group_tag": user.group_tag,
        },
        "emails": list(EmailAddress.objects.filter(user=user).order_by("pk").values("email", "verified", "primary")),
        "second_factors": list(Authenticator.objects.filter(user=user).order_by("pk").values("type", "created_at", "last_used_at")),
        "id_tokens": list(
            user.id_tokens.order_by("pk").values(
                "uid", "label", "is_blocked", "expires_at", "parent_uid", "max_sessions", "confirmed_at", "created_at"
            )
        ),
        "vehicles": list(
            user.vehicles.order_by("pk").values(
                *("name", "plate", "battery_wh", "ac_limit_w", "dc_limit_w", "connector_types", "consumption_wh_100km", "is_default"),
                "created_at",
            )
        ),
        "notifications": list(
            Notification.objects.filter(user=user)
            .order_by("pk")
            .values("kind", "context", "url", "created_at", "read_at", "emailed_at", "pushed_at")
        ),
        "notification_preferences": NotificationPreferences.objects.filter(user=user)
        .values("ways", "quiet_from", "quiet_to", "time_zone")
        .first(),
        "push_devices": list(user.push_subscriptions.order_by("pk").values("name", "created_at", "used_at")),
        "browsers": list(UserSession.objects.filter(user=user).order_by("pk").values("ip", "user_agent", "created_at", "last_seen_at")),
        "programs": list(user.token_chains.order_by("created_at").values("created_at", "used_at", "expires_at", "ended_at")),
    }
