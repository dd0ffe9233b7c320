"""What staff see of people: accounts, cards, what they were told. And who may enter the administration at all."""

from typing import Any

from allauth.account.decorators import secure_admin_login
from allauth.mfa.admin import Authenticator
from allauth.usersessions.admin import UserSession
from auditlog.admin import LogEntry, LogEntryAdmin
from auditlog.registry import auditlog
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts import logins
from accounts.models import (
    IdToken,
    Letter,
    LoginFailure,
    Notification,
    NotificationPreferences,
    Push,
    PushSubscription,
    TokenChain,
    User,
    Vehicle,
)
from accounts.paging import Youngest

auditlog.register(User, include_fields=["is_active", "is_staff", "is_superuser", "closed_at"])
auditlog.register(IdToken, include_fields=["is_blocked", "expires_at", "max_sessions", "user"])


class ReadOnly(admin.ModelAdmin):
    """Rows that tell what happened; nobody rewrites that, and there may be very many of them.

    So they are neither counted to the last nor offered by years and days, for which a database would read them all.
    """

    paginator = Youngest
    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Only the rules add rows."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What happened, happened."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Housekeeping forgets, nobody else."""
        return False


class NewUserForm(AdminUserCreationForm):
    """A new account by its e-mail."""

    class Meta:
        model = User
        fields = ("email",)


class EditUserForm(UserChangeForm):
    """An account as staff may change it."""

    class Meta:
        model = User
        fields = "__all__"  # the fieldsets below choose


@admin.register(User)
class PersonAdmin(UserAdmin):
    """Accounts. They are closed by their holders, never deleted: the books point at them."""

    form = EditUserForm
    add_form = NewUserForm
    list_display = ["email", "name", "is_active", "is_staff", "date_joined", "last_login"]
    list_filter = ["is_active", "is_staff", "language"]
    search_fields = ["email", "name"]
    ordering = ["-id"]
    readonly_fields = ["group_tag", "date_joined", "last_login", "closed_at"]
    fieldsets = (
        (None, {"fields": ("email", "password", "name", "language")}),
        (_("Rights"), {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")}),
        (_("History"), {"fields": ("group_tag", "date_joined", "last_login", "closed_at")}),
    )
    add_fieldsets = ((None, {"classes": ("wide",), "fields": ("email", "usable_password", "password1", "password2")}),)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Sessions and receipts point at people; closing is the way out."""
        return False


@admin.register(IdToken)
class IdTokenAdmin(admin.ModelAdmin):
    """Cards."""

    list_display = ["uid", "label", "user", "is_blocked", "expires_at", "confirmed_at", "created_at"]
    list_filter = ["is_blocked", ("confirmed_at", admin.EmptyFieldListFilter)]
    search_fields = ["uid", "uid_key", "label", "user__email", "user__name"]
    list_select_related = ["user"]
    fields = ["user", "uid", "label", "is_blocked", "expires_at", "parent_uid", "max_sessions", "confirmed_at", "created_at"]
    readonly_fields = ["user", "uid", "created_at"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A card is added by its holder, or by staff through the API, which compares its number with all others."""
        return False


@admin.register(Notification)
class NotificationAdmin(ReadOnly):
    """What people were told."""

    list_display = ["user", "kind", "created_at", "read_at", "is_emailed", "emailed_at", "email_attempts", "pushed_at"]
    list_filter = ["kind", "created_at"]
    search_fields = ["user__email", "user__name"]
    list_select_related = ["user"]


@admin.register(NotificationPreferences)
class NotificationPreferencesAdmin(ReadOnly):
    """How people want to be told; it answers why somebody was not."""

    list_display = ["user", "quiet_from", "quiet_to", "time_zone"]
    list_select_related = ["user"]
    search_fields = ["user__email", "user__name"]


@admin.register(PushSubscription)
class PushSubscriptionAdmin(ReadOnly):
    """Which devices take pushes. Address and keys would let one show things on them, so not even staff read them."""

    list_display = ["user", "name", "created_at", "used_at"]
    list_select_related = ["user"]
    search_fields = ["user__email", "user__name"]
    fields = ["user", "name", "created_at", "used_at"]


@admin.register(Push)
class PushAdmin(ReadOnly):
    """Pushes that wait for their time, or for a push service that did not answer."""

    list_display = ["notification", "subscription", "attempts", "after", "until"]
    list_select_related = ["notification__user", "subscription"]


@admin.register(Letter)
class LetterAdmin(ReadOnly):
    """Letters that wait to be posted. Their text holds keys to accounts, so not even staff read it."""

    list_display = ["to", "subject", "created_at", "email_attempts", "email_after"]
    fields = ["to", "subject", "created_at", "email_attempts", "email_after"]


@admin.register(TokenChain)
class TokenChainAdmin(ReadOnly):
    """Which programs are logged in."""

    list_display = ["user", "created_at", "used_at", "expires_at", "ended_at"]
    list_select_related = ["user"]
    search_fields = ["user__email"]
    exclude = ["jti"]


@admin.register(LoginFailure)
class LoginFailureAdmin(ReadOnly):
    """Failed log-ins of the last quarter of an hour."""

    list_display = ["subject", "at"]


# What libraries show by themselves would let staff read secrets, or fails on a person who has no user name.
for _model in (LogEntry, UserSession, Authenticator):
    admin.site.unregister(_model)


@admin.register(LogEntry)
class ChangeAdmin(LogEntryAdmin):  # type: ignore[misc]  # auditlog ships no types
    """Who changed what."""

    search_fields = ["object_repr", "actor__email", "actor__name"]


@admin.register(UserSession)
class BrowserAdmin(ReadOnly):
    """Which browsers are logged in; the key to a session is nobody's to read."""

    list_display = ["user", "created_at", "last_seen_at", "ip", "user_agent"]
    list_select_related = ["user"]
    search_fields = ["user__email", "ip"]
    fields = ["user", "created_at", "last_seen_at", "ip", "user_agent"]


@admin.register(Vehicle)
class VehicleAdmin(ReadOnly):
    """Cars. Their drivers keep them; staff look when somebody asks why an estimate says what it says."""

    list_display = ["name", "user", "battery_wh", "ac_limit_w", "dc_limit_w", "is_default"]
    list_select_related = ["user"]
    search_fields = ["user__email", "name"]


@admin.register(Authenticator)
class SecondFactorAdmin(ReadOnly):
    """Who has a second factor. Staff may take one away from a person who has lost it, and read none."""

    list_display = ["user", "type", "created_at", "last_used_at"]
    list_select_related = ["user"]
    list_filter = ["type"]
    search_fields = ["user__email"]
    fields = ["user", "type", "created_at", "last_used_at"]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """By Django's own rights."""
        return admin.ModelAdmin.has_delete_permission(self, request, obj)


def lacks_second_factor(user: object) -> bool:
    """Whether this member of staff has to set up a second factor first."""
    return settings.STAFF_NEED_SECOND_FACTOR and isinstance(user, User) and user.is_staff and not logins.has_second_factor(user)


def guard(site: admin.AdminSite) -> None:
    """Let staff log in like everyone, by the one door that is watched, and lead who has only a password to the second factor."""
    has_permission, login = site.has_permission, secure_admin_login(site.login)

    def may_enter(request: HttpRequest) -> bool:
        return has_permission(request) and not lacks_second_factor(request.user)

    def show_the_way(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if lacks_second_factor(request.user):
            messages.warning(request, gettext("Set up a second factor first: the administration takes more than a password."))
            return redirect("mfa_activate_totp")
        response: HttpResponse = login(request, *args, **kwargs)
        return response

    site.has_permission, site.login = may_enter, show_the_way  # type: ignore[method-assign]  # Django offers no other place


guard(admin.site)
