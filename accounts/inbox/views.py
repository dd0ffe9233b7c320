"""Pages of the notification centre: what a person was told, and how she wants to be told."""

from typing import Any, TypedDict
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.utils.translation import pgettext_lazy
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import browsers, devices, notifications, push_services, ways
from accounts.inbox.forms import SettingsForm
from accounts.models import Notification, PushSubscription
from accounts.pages import came_from, explained, who
from accounts.paging import Paginator
from chargeshare.errors import Invalid

INBOX = "accounts:notifications"
PAGE = 20


@login_required
@require_GET
def inbox(request: HttpRequest) -> HttpResponse:
    """What I should know, newest first: all of it, one group, or what I have not read."""
    mine = Notification.objects.filter(user=who(request))
    group, only_unread = _group(request.GET.get("group", "")), request.GET.get("unread") == "1"
    shown = _of_group(mine, group)
    page = Paginator((shown.filter(read_at=None) if only_unread else shown).select_related("user"), PAGE).get_page(request.GET.get("page"))
    today = timezone.localdate()
    news = [
        {
            "row": row,
            "title": notifications.title(row),
            "text": notifications.text(row),
            "look": _LOOKS.get(row.kind, ("bell", "")),
            "deeds": _deeds(row),
            "is_today": timezone.localtime(row.created_at).date() == today,
        }
        for row in page
    ]
    unread = _unread(mine)
    groups = [{"value": one.value, "name": one.label, "unread": unread.get(one, 0)} for one in ways.groups_for(who(request))]
    said = {"page": page, "news": news, "groups": groups, "group": group, "only_unread": only_unread}
    return render(request, "accounts/inbox.html", {**said, "unread": sum(unread.values()) if group is None else unread.get(group, 0)})


@login_required
@require_POST
def inbox_read(request: HttpRequest) -> HttpResponse:
    """Mark as read what is named, else all of the group that is shown."""
    named = request.POST.get("id", "")
    group = _group(request.POST.get("group", ""))
    mine = _of_group(Notification.objects.filter(user=who(request)), group)
    if named:
        mine = mine.filter(pk=int(named)) if named.isdecimal() and len(named) < 19 else mine.none()
    mine.filter(read_at=None).update(read_at=timezone.now())
    return redirect(came_from(request, request.path.removesuffix("read/")))


@login_required
@require_POST
def inbox_open(request: HttpRequest, pk: int) -> HttpResponse:
    """Go where a notification leads; it is read by that."""
    notification = get_object_or_404(Notification, user=who(request), pk=pk)
    notifications.mark_read(who(request), now=timezone.now(), ids=[pk])
    if notification.url and url_has_allowed_host_and_scheme(notification.url, allowed_hosts=None):
        return redirect(notification.url)
    return redirect(INBOX)


@login_required
@require_http_methods(["GET", "POST"])
def inbox_settings(request: HttpRequest) -> HttpResponse:
    """Which ways, when, and on which devices."""
    user, key = who(request), push_services.public_key()
    form = SettingsForm(user, ways.of(user), has_push=bool(key), data=request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            ways.change(user, form.changes())
        except Invalid as refusal:
            form.refuse(refusal)
        else:
            messages.success(request, _("Your choice is saved."))
            return redirect("accounts:inbox_settings")
    mine = devices.of([user.pk]).get(user.pk, []) if key else []
    here = browsers.device_of(request)
    said: dict[str, Any] = {
        "form": form,
        "push_key": key,
        "devices": mine,
        "here": here,
        "is_here": here in {str(one.code) for one in mine},
    }
    return render(request, "accounts/inbox_settings.html", said, status=400 if form.errors else 200)


@login_required
@require_POST
@explained
def device_add(request: HttpRequest) -> HttpResponse:
    """Let this browser take pushes."""
    if not settings.VAPID_PRIVATE_KEY:
        return redirect("accounts:inbox_settings")
    device = devices.add(
        who(request), **_subscription(request), name=request.headers.get("User-Agent", ""), session_key=request.session.session_key or ""
    )
    messages.success(request, _("This browser shows what you should know from now on, also while it is closed."))
    response = redirect("accounts:inbox_settings")
    browsers.remember(response, device)
    return response


@login_required
@require_POST
def device_remove(request: HttpRequest, code: UUID) -> HttpResponse:
    """Let a device take no more pushes."""
    device = get_object_or_404(PushSubscription, user=who(request), code=code)
    device.delete()
    messages.success(request, _("%(device)s shows nothing any more.") % {"device": device})
    return redirect("accounts:inbox_settings")


@csrf_exempt
@require_POST
def device_renewed(request: HttpRequest) -> HttpResponse:
    """A browser has given a device a new address while no page was open. The old address, which only it knows, is its proof."""
    try:
        device = devices.replace(request.POST.get("old_endpoint", ""), **_subscription(request))
    except Invalid as refusal:
        sentences = [sentence for field in refusal.fields.values() for sentence in field]
        return HttpResponse(" ".join(sentences), status=400, content_type="text/plain; charset=utf-8")
    return HttpResponse(status=204 if device else 404)


class _Subscription(TypedDict):
    """What a browser says of itself as a device."""

    endpoint: str
    p256dh: str
    auth: str


def _subscription(request: HttpRequest) -> _Subscription:
    said = request.POST
    return {"endpoint": said.get("endpoint", ""), "p256dh": said.get("p256dh", ""), "auth": said.get("auth", "")}


def _group(said: str) -> ways.Group | None:
    return ways.Group(said) if said in ways.Group.values else None


def _of_group(rows: QuerySet[Notification], group: ways.Group | None) -> QuerySet[Notification]:
    return rows if group is None else rows.filter(kind__in=ways.GROUPS[group])


def _unread(mine: QuerySet[Notification]) -> dict[ways.Group, int]:
    """How much of each group is unread."""
    unread: dict[ways.Group, int] = {}
    for kind, count in mine.filter(read_at=None).order_by().values_list("kind").annotate(count=Count("pk")):
        unread[ways.group_of(kind)] = unread.get(ways.group_of(kind), 0) + count
    return unread


def _deeds(row: Notification) -> list[tuple[str, str]]:
    """The buttons of a notification that asks for an answer: where each leads and its name. Once it is read, its page has them."""
    if row.read_at is not None or (row.kind == Notification.Kind.RESERVATION_REQUESTED and not row.context.get("guest")):
        return []
    return [(f"{row.url}{deed}/", str(name)) for deed, name in _DEEDS.get(row.kind, ())]


_DEEDS: dict[str, tuple[tuple[str, str | Promise], ...]] = {
    Notification.Kind.RESERVATION_REQUESTED: (("approve", _lazy("Approve")), ("reject", _lazy("Decline"))),
    Notification.Kind.WAITLIST_OFFERED: (("claim", _lazy("Take it")), ("leave", pgettext_lazy("waitlist", "No, thank you"))),
}
_LOOKS: dict[str, tuple[str, str]] = {
    Notification.Kind.SESSION_STARTED: ("battery-charging", "green"),
    Notification.Kind.SESSION_FINISHED: ("circle-check", "green"),
    Notification.Kind.RESERVATION_BOOKED: ("calendar-check", "blue"),
    Notification.Kind.RESERVATION_SOON: ("calendar-clock", "blue"),
    Notification.Kind.CIRCLE_INVITED: ("users", "green"),
    Notification.Kind.AREA_CHARGER: ("map-pin", "green"),
    Notification.Kind.REVIEW_WRITTEN: ("star", "amber"),
    Notification.Kind.MESSAGE_RECEIVED: ("message-circle", "blue"),
    Notification.Kind.REVIEW_ANSWERED: ("message-circle", "green"),
    Notification.Kind.RESERVATION_CANCELLED: ("ban", ""),
    Notification.Kind.RESERVATION_EXPIRED: ("history", ""),
    Notification.Kind.RESERVATION_REQUESTED: ("hourglass", "amber"),
    Notification.Kind.RESERVATION_REJECTED: ("circle-x", ""),
    Notification.Kind.RESERVATION_CHANGED: ("calendar-clock", "blue"),
    Notification.Kind.RESERVATION_TROUBLE: ("triangle-alert", "amber"),
    Notification.Kind.WAITLIST_OFFERED: ("zap", "green"),
    Notification.Kind.SESSION_FAILED: ("ban", ""),
    Notification.Kind.SESSION_REVIEW: ("scale", "amber"),
    Notification.Kind.SESSION_CORRECTED: ("receipt-text", ""),
    Notification.Kind.CREDIT_LOW: ("wallet", "amber"),
    Notification.Kind.EARNED: ("banknote", "green"),
    Notification.Kind.UNPAID_ENERGY: ("triangle-alert", "red"),
    Notification.Kind.TOP_UP_PAID: ("wallet", ""),
    Notification.Kind.CHARGER_ALERT: ("triangle-alert", "red"),
    Notification.Kind.CARD_PAIRED: ("nfc", "green"),
    Notification.Kind.CARD_USED: ("nfc", "amber"),
    Notification.Kind.ACCOUNT_CHANGED: ("user-round", ""),
    Notification.Kind.LEDGER_ALERT: ("triangle-alert", "red"),
}
