"""What staff see of what people say of chargers and of each other."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, Exists, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.admin import ReadOnly
from accounts.models import User
from stations import photos, problems, reviews
from stations.models import (
    AreaAlert,
    AreaNews,
    Favourite,
    FilterProfile,
    MapArrival,
    Message,
    Photo,
    Problem,
    Reliability,
    Review,
    ReviewReport,
    SiteFacts,
    Sticker,
    Thread,
)


@admin.register(Favourite)
class FavouriteAdmin(ReadOnly):
    """Who likes which charger; what she noted to herself is nobody's business."""

    list_display = ["user", "charge_point", "created_at"]
    list_select_related = ["user", "charge_point"]
    fields = ["user", "charge_point", "created_at"]
    search_fields = ["user__email", "=charge_point__code", "charge_point__name"]


@admin.register(FilterProfile)
class FilterProfileAdmin(ReadOnly):
    """That somebody has saved filters; what she looks for is nobody's business."""

    list_display = ["user", "is_default", "created_at"]
    list_select_related = ["user"]
    fields = ["user", "is_default", "created_at"]
    search_fields = ["user__email"]


@admin.register(AreaAlert)
class AreaAlertAdmin(ReadOnly):
    """That somebody waits for a charger; where, which may be where she lives, is nobody's business."""

    list_display = ["user", "radius_km", "connector_types", "min_power_w", "created_at"]
    list_select_related = ["user"]
    fields = ["user", "radius_km", "connector_types", "min_power_w", "is_of_my_circles", "created_at"]
    search_fields = ["user__email"]


@admin.register(MapArrival)
class MapArrivalAdmin(ReadOnly):
    """Chargers that came to the map, and whether those who waited have heard."""

    list_display = ["charge_point", "at", "told_at"]
    list_filter = [("told_at", admin.EmptyFieldListFilter)]
    list_select_related = ["charge_point"]
    search_fields = ["=charge_point__code", "charge_point__name"]


@admin.register(AreaNews)
class AreaNewsAdmin(ReadOnly):
    """Who was told of which charger."""

    list_display = ["user", "charge_point", "told_at"]
    list_select_related = ["user", "charge_point"]
    search_fields = ["user__email", "=charge_point__code", "charge_point__name"]


@admin.register(SiteFacts)
class SiteFactsAdmin(ReadOnly):
    """What owners say of the places where their chargers stand."""

    list_display = ["charge_point", *(field.name for field in SiteFacts._meta.fields if not field.primary_key)]
    list_select_related = ["charge_point"]
    search_fields = ["=charge_point__code", "charge_point__name"]


@admin.register(Reliability)
class ReliabilityAdmin(ReadOnly):
    """The facts about chargers, and which of them left the map by themselves."""

    list_display = ["charge_point", "score", "starts", "starts_worked", "failed_in_a_row", "left_map_at", "left_because", "counted_at"]
    list_filter = ["left_because"]
    list_select_related = ["charge_point"]
    search_fields = ["=charge_point__code", "charge_point__name"]


class ReviewReportInline(admin.TabularInline):
    """Why somebody thinks that it should not stand."""

    model = ReviewReport
    fields = readonly_fields = ("reporter", "reason", "created_at", "resolved_at")
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002 - Django's own
        """Readers report."""
        return False


class Stars(admin.SimpleListFilter):
    """By how many were given; a database asked which there are would read all reviews."""

    title = _("stars")
    parameter_name = "rating"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002 - Django's own
        """One to five."""
        return [(str(stars), "★" * stars) for stars in range(1, 6)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Review]) -> QuerySet[Review]:  # noqa: ARG002 - Django's own
        """Those with so many."""
        chosen = self.value() or ""
        return queryset.filter(rating=chosen) if chosen in {"1", "2", "3", "4", "5"} else queryset


class Reported(admin.SimpleListFilter):
    """Those that somebody wants looked at, and nobody has."""

    title = _("open reports")
    parameter_name = "reported"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:  # noqa: ARG002 - Django's own
        """Those alone."""
        return [("waiting", _("open reports"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Review]) -> QuerySet[Review]:  # noqa: ARG002 - Django's own
        """Each once, however many have reported it."""
        waiting = Exists(ReviewReport.objects.filter(review=OuterRef("pk"), resolved_at=None))
        return queryset.filter(waiting) if self.value() == "waiting" else queryset


@admin.register(Review)
class ReviewAdmin(ReadOnly):
    """Reviews. Staff do not rewrite what people say; they hide what must not stand."""

    list_display = ["charge_point", "side", "author", "about", "rating", "text", "open_reports", "created_at", "hidden_at"]
    list_filter = [("hidden_at", admin.EmptyFieldListFilter), Reported, "side", Stars, "created_at"]
    list_select_related = ["charge_point", "author", "about"]
    search_fields = ["=code", "text", "author__email", "about__email", "=charge_point__code", "charge_point__name"]
    inlines = [ReviewReportInline]
    actions = ["hide", "show"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Review]:
        """With how many wait for staff."""
        rows: QuerySet[Review] = super().get_queryset(request)
        waiting = ReviewReport.objects.filter(review=OuterRef("pk"), resolved_at=None).order_by().values("review")
        return rows.annotate(open_count=Coalesce(Subquery(waiting.annotate(count=Count("pk")).values("count")), 0))

    @admin.display(description=_("open reports"), ordering="open_count")
    def open_reports(self, review: Any) -> int:
        """How many people want it looked at."""
        return int(review.open_count)

    def has_moderate_permission(self, request: HttpRequest) -> bool:
        """Hiding needs the right to change, though the words stay."""
        return request.user.has_perm("stations.change_review")

    @admin.action(description=_("Hide from everybody"), permissions=["moderate"])
    def hide(self, request: HttpRequest, chosen: QuerySet[Review]) -> None:
        """It breaks the rules of the house."""
        if isinstance(request.user, User):
            self.message_user(request, _("Hidden: %(count)d") % {"count": reviews.hide(user=request.user, chosen=chosen)})

    @admin.action(description=_("Let it stand"), permissions=["moderate"])
    def show(self, request: HttpRequest, chosen: QuerySet[Review]) -> None:
        """Reports looked at, nothing wrong with it."""
        self.message_user(request, _("Shown again: %(count)d") % {"count": reviews.show(chosen=chosen)})


@admin.register(Photo)
class PhotoAdmin(admin.ModelAdmin):
    """Photos. Staff take away what must not be shown; the files go with the row."""

    list_display = ["charge_point", "caption", "is_for_guests", "created_at"]
    list_select_related = ["charge_point"]
    fields = readonly_fields = ("charge_point", "caption", "is_for_guests", "position", "created_at")
    search_fields = ["=charge_point__code", "charge_point__name", "caption"]
    actions = ["take_away"]

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 - Django's own
        """Owners add."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002 - Django's own
        """By the action, which takes the files along."""
        return False

    @admin.action(description=_("Take away"), permissions=["change"])
    def take_away(self, request: HttpRequest, chosen: QuerySet[Photo]) -> None:
        """A face, a plate, somebody else's picture."""
        for photo in chosen:
            photos.remove(photo)
        self.message_user(request, _("Done."))


@admin.register(Thread)
class ThreadAdmin(ReadOnly):
    """That two people talk about a visit; what they say is theirs."""

    list_display = ["charge_point", "driver", "owner", "last_at"]
    list_select_related = ["charge_point", "driver", "owner"]
    search_fields = ["=code", "driver__email", "owner__email", "=charge_point__code"]


@admin.register(Message)
class MessageAdmin(ReadOnly):
    """Messages that one of the two reported, and no others."""

    list_display = ["thread", "author", "text", "report", "reported_at", "hidden_at"]
    list_filter = [("hidden_at", admin.EmptyFieldListFilter)]
    list_select_related = ["thread__charge_point", "author"]
    search_fields = ["=code", "author__email"]
    actions = ["hide"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Message]:
        """Nobody reads what was not shown to her."""
        return super().get_queryset(request).exclude(reported_at=None)

    def has_hide_permission(self, request: HttpRequest) -> bool:
        """Hiding needs the right to change, though the words stay."""
        return request.user.has_perm("stations.change_message")

    @admin.action(description=_("Take away"), permissions=["hide"])
    def hide(self, request: HttpRequest, chosen: QuerySet[Message]) -> None:
        """It breaks the rules of the house."""
        chosen.filter(hidden_at=None).update(hidden_at=timezone.now())
        self.message_user(request, _("Done."))


@admin.register(ReviewReport)
class ReviewReportAdmin(ReadOnly):
    """What readers want staff to look at; it is decided at the review."""

    list_display = ["review", "reporter", "reason", "created_at", "resolved_at"]
    list_filter = [("resolved_at", admin.EmptyFieldListFilter)]
    list_select_related = ["review__charge_point", "reporter"]
    search_fields = ["reason", "reporter__email"]


class Unanswered(admin.SimpleListFilter):
    """What staff must look at, for its owner did not."""

    title = _("answer")
    parameter_name = "unanswered"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002 - Django's signature
        """One choice."""
        return [("yes", str(_("nobody has answered for three days")))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Problem]) -> QuerySet[Problem]:  # noqa: ARG002 - Django's signature
        """Those."""
        late = problems.unanswered(timezone.now()).order_by().values("pk")
        return queryset.filter(pk__in=late) if self.value() else queryset


@admin.register(Problem)
class ProblemAdmin(ReadOnly):
    """What drivers found wrong, with what was known then; those without an answer first of all."""

    list_display = ["charge_point", "connector", "kind", "reporter", "is_borne_out", "created_at", "mended_at"]
    list_filter = [Unanswered, "kind", ("mended_at", admin.EmptyFieldListFilter)]
    list_select_related = ["charge_point", "connector__charge_point", "reporter"]
    search_fields = ["reporter__email", "=charge_point__code", "charge_point__name", "text"]
    actions = ["mend"]

    @admin.action(description=_("Note as put right"), permissions=["mend"])
    def mend(self, request: HttpRequest, chosen: QuerySet[Problem]) -> None:
        """Staff have seen to it."""
        for problem in chosen.open().select_related("charge_point"):  # type: ignore[attr-defined]  # ProblemQuerySet
            problems.mend(user=request.user, problem=problem)  # type: ignore[arg-type]  # staff are users
        self.message_user(request, _("Done."))

    def has_mend_permission(self, request: HttpRequest) -> bool:
        """Who may change one."""
        return request.user.has_perm("stations.change_problem")


@admin.register(Sticker)
class StickerAdmin(ReadOnly):
    """Which codes lead to which outlet, and which of them are void."""

    list_display = ["short", "connector", "created_at", "replaced_at"]
    list_filter = [("replaced_at", admin.EmptyFieldListFilter)]
    list_select_related = ["connector__charge_point"]
    search_fields = ["=short", "=connector__charge_point__code"]
