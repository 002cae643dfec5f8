"""Many rows in one statement, each column an array, where the database has arrays.

A statement for each row costs a server more than the row does. The rows become a table inside the statement, and what
was a parameter is a column of it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    BindParameter,
    Boolean,
    Connection,
    Float,
    Insert,
    Integer,
    String,
    Text,
    Update,
    bindparam,
    cast,
    func,
    select,
)
from sqlalchemy.sql import visitors
from sqlalchemy.types import TypeEngine

from engine.store.tables import Instant, microseconds
from engine.store.texts import storable

COUNTED: Final = {"preserve_rowcount": True}


def is_text(kind: TypeEngine[Any]) -> bool:
    """Whether a column of this type holds text."""
    return isinstance(getattr(kind, "impl", kind), String)


def _quoted(texts: Sequence[str]) -> str:
    joined = '","'.join(storable(texts))
    if "\\" not in joined and joined.count('"') == 2 * (len(texts) - 1):
        return f'{{"{joined}"}}'
    return "{" + ",".join('"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"' for text in storable(texts)) + "}"


def _plain(values: Sequence[Any]) -> str:
    return "{" + ",".join("NULL" if value is None else str(value) for value in values) + "}"


def _instants(values: Sequence[Any]) -> str:
    return _plain([microseconds(value) for value in values])


def _form(kind: TypeEngine[Any]) -> tuple[TypeEngine[Any], Callable[[Sequence[Any]], str]] | None:
    """The type of an array's elements and how an array of them is written; None for what is not written so."""
    plain = getattr(kind, "impl", kind)
    if isinstance(kind, Instant):
        return BigInteger(), _instants
    for known, element in ((Boolean, Boolean()), (BigInteger, BigInteger()), (Integer, Integer()), (Float, Float(53))):
        if isinstance(plain, known):
            return element, _plain
    return (Text(), _quoted) if is_text(kind) else None


class AtOnce:
    """A statement whose parameters `names` are columns of arrays, and `alike` stay parameters; `kinds` are their types.

    An insert is given by its table and by whether what is there already is left as it is.
    """

    def __init__(
        self,
        statement: Insert | Update,
        names: Sequence[str],
        alike: Sequence[str],
        kinds: Mapping[str, TypeEngine[Any]],
    ) -> None:
        self._names = tuple(names)
        self._forms = [found for name in names if (found := _form(kinds[name]))]
        self._keys: list[int] = []
        self._statement: Any = None
        if len(self._forms) == len(self._names):
            arrays = (
                cast(bindparam(f"a_{name}", type_=Text), ARRAY(element))
                for name, (element, _) in zip(names, self._forms, strict=True)
            )
            given = func.unnest(*arrays).table_valued(*names, name="given").render_derived()
            if isinstance(statement, Insert):
                same = [bindparam(name, type_=kinds[name]) for name in alike]
                chosen = select(*(given.c[name] for name in names), *same)
                self._statement = statement.from_select([*names, *alike], chosen)
            else:
                self._statement = self._updating(statement, given)

    def _updating(self, statement: Update, given: Any) -> Any:
        def column(element: Any, **_: Any) -> Any:
            varies = isinstance(element, BindParameter) and element.key in self._names
            return given.c[element.key] if varies else None

        conditions = visitors.iterate(statement.whereclause) if statement.whereclause is not None else ()
        keys = {one.key for one in conditions if isinstance(one, BindParameter)}
        self._keys = [place for place, name in enumerate(self._names) if name in keys]
        return visitors.replacement_traverse(statement, {}, column)

    def run(self, connection: Connection, rows: Sequence[Sequence[Any]], alike: Mapping[str, Any]) -> int | None:
        """Run it, and return how many rows it changed; None where the rows have to be gone through one by one.

        That is where two of them change the same row, so that their order decides, or a type has no array here.
        """
        if self._statement is None:
            return None
        columns = list(zip(*rows, strict=True))
        if self._keys and len(set(zip(*(columns[place] for place in self._keys), strict=True))) < len(rows):
            return None
        values: dict[str, Any] = {
            f"a_{name}": write(column)
            for name, (_, write), column in zip(self._names, self._forms, columns, strict=True)
        }
        values |= {name: storable([value])[0] if isinstance(value, str) else value for name, value in alike.items()}
        return int(connection.execute(self._statement, values, execution_options=COUNTED).rowcount)
