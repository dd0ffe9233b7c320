"""Rows that are written once. The database refuses to change them as well; see the triggers in the migrations."""

from collections.abc import Iterable
from typing import Any, ClassVar, Never

from django.db import models
from django.db.models.base import ModelBase


class FrozenRowError(TypeError):
    """Code tried to change or delete what must stay as it was written; a correction is another row."""


class FrozenQuerySet(models.QuerySet[Any]):
    """Reads and appends."""

    def update(self, **_values: Any) -> Never:
        """Refuse."""
        raise FrozenRowError(f"{self.model.__name__} rows are never changed.")

    def bulk_update(self, _objs: Any, _fields: Any, _batch_size: Any = None) -> Never:
        """Refuse."""
        raise FrozenRowError(f"{self.model.__name__} rows are never changed.")

    def delete(self) -> Never:
        """Refuse."""
        raise FrozenRowError(f"{self.model.__name__} rows are never deleted.")


class Frozen(models.Model):
    """A table to which rows are only added."""

    objects: ClassVar[models.Manager[Any]] = FrozenQuerySet.as_manager()

    class Meta:
        abstract = True

    def save(
        self,
        *,
        force_insert: bool | tuple[ModelBase, ...] = False,
        force_update: bool = False,
        using: str | None = None,
        update_fields: Iterable[str] | None = None,
    ) -> None:
        """Write a new row; refuse to write an old one again."""
        if not self._state.adding or force_update or update_fields is not None:
            raise FrozenRowError(f"{type(self).__name__} {self.pk} is never changed.")
        super().save(force_insert=force_insert or True, using=using)

    def delete(self, using: str | None = None, keep_parents: bool = False) -> Never:  # noqa: ARG002, FBT001, FBT002 - Django's signature
        """Refuse."""
        raise FrozenRowError(f"{type(self).__name__} {self.pk} is never deleted.")
