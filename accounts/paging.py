"""Lists that may be long, a page at a time: for the pages and the API of every floor."""

from typing import Any, Self, TypeVar

from django.core import paginator
from django.db.models import QuerySet
from django.utils.functional import cached_property

T = TypeVar("T")


class Paginator(paginator.Paginator[T]):
    """Deep in a list it looks for the keys of a page first, which an index alone tells, and reads whole the rows of that page.

    Told to pass over a hundred thousand rows, a database fetches each of them, with all that is joined to it, and throws it away.
    """

    KEYS_FROM = 2  # the page from which on

    def counted(self, count: int) -> Self:
        """Told how many there are, where that can be asked in a shorter way."""
        self.__dict__["count"] = count
        return self

    def page(self, number: int | str) -> paginator.Page[T]:
        """One page of it."""
        page: paginator.Page[Any] = super().page(number)
        if page.number >= self.KEYS_FROM and isinstance(self.object_list, QuerySet) and isinstance(page.object_list, QuerySet):
            keys = list(page.object_list.values_list("pk", flat=True))
            page.object_list = self.object_list.filter(pk__in=keys)
        return page


class Sorted(Paginator[T]):
    """For an order that no index has: what is put in order are keys, not whole rows with all that is joined to them."""

    KEYS_FROM = 1


class Youngest(Paginator[T]):
    """The first ten thousand of a list that is too long to be counted; whoever looks for more searches or filters.

    To count millions of rows takes seconds, each time the list is opened.
    """

    MOST = 10_000

    @cached_property
    def count(self) -> int:
        """How many of them there are, at most."""
        rows = self.object_list
        return rows[: self.MOST].count() if isinstance(rows, QuerySet) else min(len(rows), self.MOST)
