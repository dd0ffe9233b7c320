"""The map from afar, counted beforehand: how many charge points stand in which cell."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from stations.models.charge_point import ChargePoint


class MapCell(models.Model):
    """How many charge points of one kind of access stand in a cell of one zoom, as they were counted last.

    Each kind of access has a row of its own, its place included: who may not see the private ones learns neither that
    they are there nor where.
    """

    zoom = models.PositiveSmallIntegerField(_("zoom"), help_text=_("The world is cut into so many halves, both ways."))
    row = models.PositiveIntegerField(_("row"))
    column = models.PositiveIntegerField(_("column"))
    access = models.CharField(_("who may charge"), max_length=10, choices=ChargePoint.Access)
    count = models.PositiveIntegerField(_("count"))
    free = models.PositiveIntegerField(_("free"), help_text=_("Free when they were counted."))
    latitude_sum = models.FloatField(_("sum of latitudes"), help_text=_("Of their public places, for the middle of them."))
    longitude_sum = models.FloatField(_("sum of longitudes"))

    class Meta:
        verbose_name = _("cell of the map")
        verbose_name_plural = _("cells of the map")
        ordering = ["zoom", "row", "column", "access"]
        constraints = [models.UniqueConstraint(fields=["zoom", "row", "column", "access"], name="one_map_cell")]

    def __str__(self) -> str:
        return f"{self.zoom}/{self.row}/{self.column} {self.access}: {self.count}"


class MapMove(models.Model):
    """That a charge point came to the map, or left it, since the cells were counted.

    Added to the cells by whoever reads them, so that one that is hidden is out of every number at once, and nobody waits
    for anybody: these rows are only ever added, and gone with the next count.
    """

    latitude = models.FloatField(_("latitude"))
    longitude = models.FloatField(_("longitude"))
    access = models.CharField(_("who may charge"), max_length=10, choices=ChargePoint.Access)
    count = models.SmallIntegerField(_("count"), help_text=_("1 came, -1 left."))

    class Meta:
        verbose_name = _("change of the map")
        verbose_name_plural = _("changes of the map")

    def __str__(self) -> str:
        return f"{self.count:+d} {self.access}"


class MapCount(models.Model):
    """The one row that says when the cells were counted, and how often: two who count at once do not overwrite each other."""

    number = models.PositiveBigIntegerField(_("number"), default=0)
    counted_at = models.DateTimeField(_("counted at"), null=True)

    class Meta:
        verbose_name = _("count of the map")
        verbose_name_plural = _("counts of the map")

    def __str__(self) -> str:
        return f"{self.number}"
