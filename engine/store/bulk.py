"""One insert or update over many rows, compiled once for a database and then run with plain tuples.

SQLAlchemy's own way makes a dictionary of bound parameters for every row, which costs more than the
database does. Here the values of a row stay a tuple from the step to the driver, and a value is only
touched where its column's type says how the database keeps it.
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    Dialect,
    Insert,
    Text,
    Update,
    and_,
    bindparam,
    literal,
    true,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import NullType, TypeDecorator, TypeEngine

from engine.core.combinations import JOINED
from engine.store.arrays import AtOnce, is_text
from engine.store.tables import table
from engine.store.texts import storable

Convert = Callable[[Any], Any]
COUNTED: Final = {"preserve_rowcount": True}


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A statement in a database's own words: its bound names in their order, constants among them."""

    sql: str
    positional: bool
    names: tuple[str, ...]
    constants: dict[str, Any]
    converts: Mapping[str, Convert | None]
    kinds: Mapping[str, TypeEngine[Any]]
    texts: frozenset[str]

    def rows(self, names: Sequence[str], rows: Sequence[Sequence[Any]], alike: dict[str, Any]) -> list[Any]:
        """The rows as the driver takes them: tuples in its order, or dictionaries where it wants names."""
        columns = dict(zip(names, zip(*rows, strict=True), strict=True))
        values: list[Any] = []
        for name in self.names:
            convert = self.converts[name]
            if name in columns:
                column = columns[name]
                if convert:
                    values.append(map(convert, column))
                else:
                    values.append(storable(column) if name in self.texts else column)
            elif name in alike:
                (kept,) = storable([alike[name]]) if name in self.texts else [alike[name]]
                values.append(repeat(convert(kept) if convert else kept, len(rows)))
            else:
                values.append(repeat(self.constants[name], len(rows)))
        ordered = zip(*values, strict=True)
        return list(ordered) if self.positional else [dict(zip(self.names, row, strict=True)) for row in ordered]


class Many:
    """A statement whose bound parameters `names` differ from row to row, and `alike` are the same in all."""

    def __init__(self, statement: Insert | Update, names: Sequence[str], alike: Sequence[str] = ()) -> None:
        self.names, self.alike = tuple(names), tuple(alike)
        self._statement = statement
        self._compiled: dict[str, _Compiled] = {}

    @cached_property
    def _at_once(self) -> AtOnce:
        kinds = self._compiled["postgresql"].kinds
        return AtOnce(self.statement("postgresql"), self.names, self.alike, kinds)

    def run(self, connection: Connection, rows: Sequence[Sequence[Any]], **alike: Any) -> int:
        """Run it once for each row, a row's values in the order of `names`; returns how many rows it changed."""
        if not rows:
            return 0
        compiled = self._compiled.get(connection.dialect.name) or self._compile(connection.dialect)
        if connection.dialect.name == "postgresql" and len(rows) > 1:
            found = self._at_once.run(connection, rows, alike)
            if found is not None:
                return found
        values = compiled.rows(self.names, rows, alike)
        return connection.exec_driver_sql(compiled.sql, values, execution_options=COUNTED).rowcount

    def statement(self, dialect: str) -> Insert | Update:
        """The statement that a database of this name is given."""
        return self._statement

    def _compile(self, dialect: Dialect) -> _Compiled:
        keys = [*self.names, *self.alike]
        statement = self.statement(dialect.name)
        compiled = statement.compile(dialect=dialect, column_keys=keys if isinstance(statement, Insert) else None)
        assert isinstance(compiled, SQLCompiler)  # every statement here is SQL
        names = tuple(compiled.positiontup or compiled.binds)
        converts = {name: compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect) for name in names}
        defaults = {column.key: getattr(column.default, "arg", None) for column in compiled.insert_prefetch}
        constants = {}
        for name in set(names) - set(keys):
            value, convert = defaults.get(name, compiled.binds[name].value), converts[name]
            constants[name] = convert(value) if convert else value
        texts = frozenset(name for name in names if not converts[name] and is_text(compiled.binds[name].type))
        kinds = {name: compiled.binds[name].type for name in names}
        found = _Compiled(str(compiled), bool(compiled.positional), names, constants, converts, kinds, texts)
        self._compiled[dialect.name] = found
        return found


class Adding(Many):
    """Inserts rows of a table; with `new` what is there already is left as it is."""

    def __init__(self, rows: type, names: Sequence[str], alike: Sequence[str] = (), *, new: bool = False) -> None:
        super().__init__(table(rows).insert(), names, alike)
        self._rows, self._new = rows, new

    def statement(self, dialect: str) -> Insert | Update:
        if not self._new:
            return super().statement(dialect)
        if dialect == "sqlite":
            return sqlite.insert(table(self._rows)).on_conflict_do_nothing()
        return postgresql.insert(table(self._rows)).on_conflict_do_nothing()


class Listed(TypeDecorator[Sequence[Any]]):
    """A list of any length as one bound parameter: an array, or JSON text where there are no arrays."""

    impl = Text
    cache_ok = True

    def __init__(self, of: type[TypeEngine[Any]]) -> None:
        super().__init__()
        self.of = of

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else ARRAY(self.of))

    def bind_processor(self, dialect: Dialect) -> Callable[[Sequence[Any] | None], Any]:
        listed = _as_json if dialect.name == "sqlite" else _as_list
        return (lambda values: listed(storable(list(values or ())))) if is_text(self.of()) else listed


_as_json: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _as_list(values: Sequence[Any] | None) -> list[Any]:
    return list(values or ())


class _Among(FunctionElement[Any]):
    """Whether the first is one of the list that is the second."""

    inherit_cache = True
    name = "among"
    type = NullType()  # a Boolean would be compared with 1 where a database has none


@compiles(_Among)
def _of_array(element: _Among, compiler: SQLCompiler, **how: Any) -> str:
    column, values = (compiler.process(clause, **how) for clause in element.clauses)
    return f"{column} = ANY ({values})"


@compiles(_Among, "sqlite")
def _of_json(element: _Among, compiler: SQLCompiler, **how: Any) -> str:
    column, values = (compiler.process(clause, **how) for clause in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({values}))"  # noqa: S608  a bound parameter


def takes_none(column: ColumnElement[Any], arms: Collection[str]) -> ColumnElement[bool]:
    """Whether a column's arm, or combination of arms, takes none of these arms."""
    joined = literal(JOINED) + column + JOINED
    return and_(true(), *(joined.not_like(f"%{JOINED}{arm}{JOINED}%") for arm in sorted(arms)))


def among(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Whether a column's value is one of the list that is bound as `name`, however long the list is.

    One statement serves every length, where a list of single parameters would be written anew each time.
    """
    return _Among(column, bindparam(name, type_=Listed(type(column.type))))
