"""What staff see of what people say of chargers and of each other."""

from django.contrib import admin

from accounts.admin import ReadOnly
from stations.models import Favourite


@admin.register(Favourite)
class FavouriteAdmin(ReadOnly):
    """Who likes which charger; what she noted to herself is nobody's business."""

    list_display = ["user", "charge_point", "created_at"]
    list_select_related = ["user", "charge_point"]
    fields = ["user", "charge_point", "created_at"]
    search_fields = ["user__email", "=charge_point__code", "charge_point__name"]
