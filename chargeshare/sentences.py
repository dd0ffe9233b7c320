"""What the database is asked and told with every session, spelt once.

Django spells a statement anew each time it is said, and that costs more than sending it and reading the answer. The few that come
with every start and stop are spelt by Django the first time and kept, with the places where the values stand. A question is
still written as a queryset, so nothing is said twice and both databases are spoken to in their own way.
"""

import re
import uuid
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import chain, compress
from operator import itemgetter
from typing import Any, Generic, TypeAlias, TypeVar

from django.core.exceptions import ObjectDoesNotExist
from django.db import connection
from django.db.models import Model, QuerySet
from django.db.models.expressions import BaseExpression
from django.db.models.query import FlatValuesListIterable, ModelIterable, get_related_populators
from django.db.models.signals import post_init, post_save, pre_init, pre_save
from django.db.models.sql import UpdateQuery
from django.db.transaction import TransactionManagementError

Value: TypeAlias = int | str | datetime | uuid.UUID
M = TypeVar("M", bound=Model)
T = TypeVar("T")

_MARK = 1_234_560_000
_DAY = datetime(1911, 1, 1, tzinfo=UTC)
_OF_A_MARK = re.compile(r"19[01]\d-\d\d-\d\d\b")  # a time reckoned from a mark would stand there for ever


class Question(Generic[T]):
    """A queryset of certain values, as `Question(lambda user, at: Reservation.objects.filter(driver_id=user, ends_at__gt=at))`.

    It is built once, with marks in the place of the values. So these are numbers, texts, times or UUIDs of always the same
    kind, never None, never rows and never lists, and what is built must not depend on them. `select_related`, `annotate` and
    `values_list` are understood, `prefetch_related` is not.
    """

    def __init__(self, build: Callable[..., QuerySet[Any, T]]) -> None:
        self._build = build
        self._spelt: dict[str, _Spelt] = {}

    def all(self, *values: Value) -> list[T]:
        """What there is."""
        spelt = self._spelt.get(connection.vendor) or self._spell(values)
        if spelt.is_locking and not connection.in_atomic_block:
            raise TransactionManagementError("what is locked outside of a transaction is not locked")
        with connection.cursor() as cursor:
            cursor.execute(spelt.sql, _filled(spelt.slots, values))
            rows: Sequence[Sequence[Any]] = cursor.fetchall()
        if spelt.converters:
            rows = [_converted(row, spelt.converters) for row in rows]
        return [spelt.read(row) for row in rows]

    def first(self, *values: Value) -> T | None:
        """The first of it, if there is one; the question itself should ask for no more."""
        found = self.all(*values)
        return found[0] if found else None

    def _spell(self, values: Sequence[Value]) -> "_Spelt":
        marks = [_mark(place, value) for place, value in enumerate(values)]
        queryset = self._build(*marks)
        compiler = queryset.query.get_compiler(connection=connection)
        sql, parameters = compiler.as_sql()
        if queryset._prefetch_related_lookups:  # type: ignore[attr-defined]  # noqa: SLF001 - there is no other way to ask
            raise TypeError("what is fetched beside it must be asked for by itself")
        converters = compiler.get_converters([column[0] for column in compiler.select])
        spelt = self._spelt[connection.vendor] = _Spelt(
            sql,
            tuple(_slot(one, marks) for one in parameters),
            tuple((place, tuple(functions), expression) for place, (functions, expression) in converters.items()),
            _reader(queryset, compiler),
            is_locking=queryset.query.select_for_update,
        )
        return spelt


class Among(Question[T]):
    """A queryset of which one condition is a list of numbers, as `Among(lambda numbers: Connector.objects.filter(pk__in=numbers))`.

    For PostgreSQL a list is one value, so the statement is the same for any number of them and planned once. To other databases
    Django spells it.
    """

    def __init__(self, build: Callable[[Collection[int]], QuerySet[Any, T]]) -> None:
        super().__init__(lambda number: build([number]))
        self._build_all = build

    def of(self, numbers: Collection[int]) -> list[T]:
        """What there is of them."""
        if connection.vendor != "postgresql" or not numbers:
            return list(self._build_all(numbers))
        return self.all("{" + ",".join(map(str, numbers)) + "}")

    def _spell(self, values: Sequence[Value]) -> "_Spelt":  # noqa: ARG002 - whatever they are
        spelt = super()._spell((0,))
        slots = tuple((place, fixed, adapt if place is None else _itself) for place, fixed, adapt in spelt.slots)
        if spelt.sql.count("IN (%s)") != 1:
            raise TypeError("one condition of it must be a list of numbers, and no other one a list")
        sql = spelt.sql.replace("IN (%s)", "= ANY(%s::bigint[])")
        self._spelt[connection.vendor] = replace(spelt, sql=sql, slots=slots)
        return self._spelt[connection.vendor]


class Change:
    """A change of many rows at once, as `Change(lambda at, pk: (Hold.objects.filter(pk=pk, closed_at=None), {"closed_at": at}))`."""

    def __init__(self, build: Callable[..., tuple[QuerySet[Any, Any], dict[str, Any]]]) -> None:
        self._build = build
        self._spelt: dict[str, tuple[str, tuple[_Slot, ...]]] = {}

    def apply(self, *values: Value) -> int:
        """Make it; how many rows it was."""
        sql, slots = self._spelt.get(connection.vendor) or self._spell(values)
        with connection.cursor() as cursor:
            cursor.execute(sql, _filled(slots, values))
            return int(cursor.rowcount)

    def _spell(self, values: Sequence[Value]) -> "tuple[str, tuple[_Slot, ...]]":
        marks = [_mark(place, value) for place, value in enumerate(values)]
        queryset, changes = self._build(*marks)
        query = queryset.order_by().query.chain(UpdateQuery)
        query.add_update_values(changes)  # type: ignore[attr-defined]  # that of an UPDATE has it
        sql, parameters = query.get_compiler(connection=connection).as_sql()
        spelt = self._spelt[connection.vendor] = sql, tuple(_slot(one, marks) for one in parameters)
        return spelt


def insert(row: M) -> M:
    """Store a new row of a table that nobody listens to, as `save(force_insert=True)` does. What is empty is not spoken of."""
    values = _of_new(row)
    sql, returning = _spelt_insert(type(row), tuple(value is not None for value in values))
    with connection.cursor() as cursor:
        cursor.execute(sql + returning, [value for value in values if value is not None])
        (row.pk,) = cursor.fetchone()
    row._state.adding, row._state.db = False, connection.alias  # noqa: SLF001 - as save() leaves it
    return row


def insert_all(rows: Sequence[Model]) -> None:
    """The same for several rows of one table by one statement. They do not learn their keys, so nothing can be done with them."""
    values = [_of_new(row) for row in rows]
    sql, _returning = _spelt_insert(type(rows[0]), (True,) * len(values[0]))
    places = f", ({', '.join(['%s'] * len(values[0]))})" * (len(rows) - 1)
    with connection.cursor() as cursor:
        cursor.execute(sql + places, list(chain.from_iterable(values)))


def _of_new(row: Model) -> list[Any]:
    if not row._state.adding:  # noqa: SLF001 - there is no other way to ask
        raise TypeError("a row that is there already is not new")
    return [field.get_db_prep_save(field.pre_save(row, True), connection) for field in _columns(type(row))]  # noqa: FBT003 - Django's signature


def update(row: Model, names: tuple[str, ...]) -> None:
    """Write some columns of a row that is there, and that nobody listens to, as `save(update_fields=names)` does."""
    model = type(row)
    key = (connection.vendor, model, names)
    if key not in _updates:
        _must_be_unheard(model)
        _updates[key] = _spell_update(model, names)
    sql, fields = _updates[key]
    values = [field.get_db_prep_save(field.pre_save(row, False), connection) for field in fields]  # noqa: FBT003
    with connection.cursor() as cursor:
        cursor.execute(sql, [*values, row.pk])
        if cursor.rowcount != 1:
            raise ObjectDoesNotExist(f"{model.__name__} {row.pk} is gone")


_inserts: dict[tuple[str, type[Model], tuple[bool, ...]], tuple[str, str]] = {}
"""By the columns that are spoken of, too: a driver that must take fifty values apart each time takes half of an INSERT's time for it."""
_updates: dict[tuple[str, type[Model], tuple[str, ...]], tuple[str, list[Any]]] = {}


@cache
def _columns(model: type[Model]) -> list[Any]:
    """All but the key, which the database gives, and what the database reckons by itself."""
    return [field for field in model._meta.concrete_fields if not field.primary_key and not field.generated]


def _spelt_insert(model: type[Model], is_said: tuple[bool, ...]) -> tuple[str, str]:
    key = (connection.vendor, model, is_said)
    if key not in _inserts:
        _must_be_unheard(model)
        _inserts[key] = _spell_insert(model, list(compress(_columns(model), is_said)))
    return _inserts[key]


def _spell_insert(model: type[Model], fields: list[Any]) -> tuple[str, str]:
    if any(field.has_db_default() for field in model._meta.concrete_fields):
        raise TypeError(f"{model.__name__} has a default of the database's own, which would stand where nothing is said")
    quote = connection.ops.quote_name
    names, places = ", ".join(quote(field.column) for field in fields), ", ".join(["%s"] * len(fields))
    table, key = quote(model._meta.db_table), quote(str(model._meta.pk.column))
    return f"INSERT INTO {table} ({names}) VALUES ({places})", f" RETURNING {key}"  # noqa: S608 - names of ours


def _spell_update(model: type[Model], names: tuple[str, ...]) -> tuple[str, list[Any]]:
    fields: list[Any] = [model._meta.get_field(name) for name in names]
    quote = connection.ops.quote_name
    table, key = quote(model._meta.db_table), quote(str(model._meta.pk.column))
    return f"UPDATE {table} SET {', '.join(f'{quote(field.column)} = %s' for field in fields)} WHERE {key} = %s", fields  # noqa: S608


def _must_be_unheard(model: type[Model]) -> None:
    """Who listens to what is saved, such as the log of what staff did, would not hear of it."""
    if any(signal.has_listeners(model) for signal in (pre_save, post_save)) or model._meta.parents:
        raise TypeError(f"{model.__name__} must be saved by Django itself")


@dataclass(frozen=True, slots=True)
class _Spelt:
    """A question as this database understands it."""

    sql: str
    slots: "tuple[_Slot, ...]"
    converters: "tuple[_Converter, ...]"
    read: Callable[[Sequence[Any]], Any]
    is_locking: bool


_Slot: TypeAlias = tuple[int | None, Any, Callable[[Any], Any]]
_Converter: TypeAlias = tuple[int, tuple[Callable[..., Any], ...], BaseExpression]


def _filled(slots: "Sequence[_Slot]", values: Sequence[Value]) -> list[Any]:
    """What stands in the places of a statement."""
    return [fixed if place is None else adapt(values[place]) for place, fixed, adapt in slots]


def _mark(place: int, value: Value) -> Value:
    """Something of the same kind that stands nowhere else in the question."""
    if isinstance(value, datetime):
        return _DAY + timedelta(days=place)
    if isinstance(value, uuid.UUID):
        return uuid.UUID(int=_MARK + place)
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError(f"{value!r} cannot be asked for")
    return _MARK + place if isinstance(value, int) else f"mark-{_MARK + place}"


def _slot(parameter: Any, marks: Sequence[Value]) -> _Slot:
    """Which value stands there, and how it is written for this database; None where it is the same each time."""
    for place, mark in enumerate(marks):
        if isinstance(mark, datetime) and parameter == connection.ops.adapt_datetimefield_value(mark):
            return place, None, _written_time
        if isinstance(mark, uuid.UUID) and parameter in (mark, mark.hex):
            return place, None, (lambda value: value.hex) if isinstance(parameter, str) else _itself
        if type(mark) is int and isinstance(parameter, int) and parameter == mark:
            return place, None, type(parameter)
        if type(mark) is str and parameter == mark:
            return place, None, _itself
    is_reckoned = _OF_A_MARK.match(str(parameter)) is not None and any(isinstance(mark, datetime) for mark in marks)
    if is_reckoned or any(str(mark) in str(parameter) for mark in marks if not isinstance(mark, datetime)):
        raise TypeError("a value of this question is not written as it is")
    return None, parameter, _itself


def _itself(value: Any) -> Any:
    return value


def _written_time(moment: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(moment)


def _converted(row: Sequence[Any], converters: "Sequence[_Converter]") -> list[Any]:
    values = list(row)
    for place, functions, expression in converters:
        for function in functions:
            values[place] = function(values[place], expression, connection)
    return values


def _reader(queryset: QuerySet[Any, Any], compiler: Any) -> Callable[[Sequence[Any]], Any]:
    """What makes of a row of the answer what the queryset would have made of it."""
    kind = queryset._iterable_class  # noqa: SLF001 - there is no other way to ask
    if kind is FlatValuesListIterable:
        return itemgetter(0)
    if kind is not ModelIterable:
        return tuple
    described, select = compiler.klass_info, compiler.select
    places = described["select_fields"]
    first, last = places[0], places[-1] + 1
    names = [column[0].target.attname for column in select[first:last]]
    annotated = list(compiler.annotation_col_map.items())
    beside = get_related_populators(described, select, connection.alias)  # type: ignore[call-arg]  # the stubs are of a later Django
    model: type[Model] = described["model"]
    if any(signal.has_listeners(model) for signal in (pre_init, post_init)):
        raise TypeError(f"{model.__name__} must be read by Django itself")

    def read(row: Sequence[Any]) -> Model:
        made = model.from_db(connection.alias, names, row[first:last])
        for one in beside:
            one.populate(row, made)
        for name, place in annotated:
            setattr(made, name, row[place])
        return made

    return read
