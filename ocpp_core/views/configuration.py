"""The settings of a box: read, changed in place, and read back."""

from datetime import timedelta
from typing import Any, NamedTuple

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.pages import explained
from chargeshare.errors import Invalid, NotFound
from ocpp_core import catalogue, schema_forms
from ocpp_core.models import ConfigurationKey
from stations import commands
from stations.api.permissions import own_charge_point
from stations.models import ChargePoint, Command
from stations.models.command import is_secret
from stations.views.owner import person

CHANGES_LOOKED_AT = 300
CHANGE_SHOWN_FOR = timedelta(days=1)
LONGEST_KEY = 50


class Setting(NamedTuple):
    """A key of the box, and what became of the last change that was asked for."""

    key: ConfigurationKey
    is_hidden: bool
    is_guarded: bool
    """Whether it is changed in the console alone, where one confirms it."""
    change: Command | None

    @property
    def may_be_changed(self) -> bool:
        """Whether the page offers to change it."""
        return not (self.key.is_readonly or self.is_guarded or not self.key.is_known or len(self.key.key) > LONGEST_KEY)


@login_required
@explained
def configuration(request: HttpRequest, code: str) -> HttpResponse:
    """The settings of the box as it last told them; passwords stay hidden."""
    charge_point = own_charge_point(request, code)
    if request.method == "POST":
        _ask(request, charge_point, person(request))
        return redirect("ocpp_core:configuration", code)
    changes = _last_changes(charge_point)
    settings = [_setting(key, changes) for key in ConfigurationKey.objects.filter(charge_point=charge_point)]
    reading = Command.objects.filter(charge_point=charge_point, action="GetConfiguration")
    context = {
        "charge_point": charge_point,
        "tab": "configuration",
        "settings": settings,
        "read_at": max((setting.key.read_at for setting in settings), default=None),
        "is_reading": reading.filter(status__in=[Command.Status.PENDING, Command.Status.SENT]).exists(),
    }
    return render(request, "ocpp_core/configuration.html", context)


def _ask(request: HttpRequest, charge_point: ChargePoint, user: User) -> None:
    deed, key = request.POST.get("deed", ""), request.POST.get("key", "")
    if deed == "read":
        payload = {"key": [key]} if key else {}
        _must_be_sendable("GetConfiguration", payload, key)
        commands.ask(charge_point, "GetConfiguration", payload, asked_by=user)
        messages.success(
            request, _("The charger was asked for its settings.") if not key else _("The charger was asked for %(key)s.") % {"key": key}
        )
    elif deed == "set":
        _change(charge_point, user, key, request.POST.get("value", "").replace("\r\n", "\n"))
        messages.success(request, _("The charger was asked to change %(key)s, and to say what it is then.") % {"key": key})
    else:
        raise NotFound


def _change(charge_point: ChargePoint, user: User, key: str, value: str) -> None:
    """Ask for the change, and then for what came of it: what was accepted is not always done."""
    payload = {"key": key, "value": value}
    if is_secret(key) or catalogue.danger("ChangeConfiguration", payload) is not None:
        raise Invalid(_("This setting is changed among the commands, where you confirm it."))
    known = ConfigurationKey.objects.filter(charge_point=charge_point, key=key).first() if not schema_forms.is_unspeakable(key) else None
    if known is None:
        raise Invalid(_("The charger has told of no such setting. Ask for it among the commands."))
    if known.is_readonly:
        raise Invalid(_("The charger says that this setting can only be read."))
    _must_be_sendable("ChangeConfiguration", payload, key, value)
    commands.ask(charge_point, "ChangeConfiguration", payload, asked_by=user)
    commands.ask(charge_point, "GetConfiguration", {"key": [key]}, asked_by=user)


def _must_be_sendable(action: str, payload: dict[str, Any], *texts: str) -> None:
    if any(schema_forms.is_unspeakable(text) for text in texts):
        raise Invalid(_("This holds a character that is none."))
    for sentence in schema_forms.check(action, payload).values():
        raise Invalid(sentence)


def _last_changes(charge_point: ChargePoint) -> dict[str, Command]:
    """By key, the last change asked for, as long as it tells something."""
    asked = Command.objects.filter(
        charge_point=charge_point, action="ChangeConfiguration", created_at__gt=timezone.now() - CHANGE_SHOWN_FOR
    )
    found: dict[str, Command] = {}
    for command in asked.order_by("-id")[:CHANGES_LOOKED_AT]:
        found.setdefault(str(command.payload.get("key", "")).casefold(), command)
    return {key: command for key, command in found.items() if not _is_past(charge_point, command)}


def _is_past(charge_point: ChargePoint, command: Command) -> bool:
    """Whether a change has nothing more to tell: it took place, or the restart it waited for has come."""
    word = command.response.get("status") if isinstance(command.response, dict) else None
    booted_at, answered_at = charge_point.booted_at, command.answered_at
    return word == "RebootRequired" and booted_at is not None and answered_at is not None and booted_at > answered_at


def _setting(key: ConfigurationKey, changes: dict[str, Command]) -> Setting:
    is_hidden = is_secret(key.key)
    is_guarded = is_hidden or catalogue.danger("ChangeConfiguration", {"key": key.key}) is not None
    return Setting(key, is_hidden, is_guarded, changes.get(key.key.casefold()))
