"""Read GA4 export files with DuckDB, whichever writer made them, in the types of today's export.

DuckDB judges: it names the types of a file's columns, and each value is compared with what it is read as. A file passes
where no value changes. What staging does not read is never looked at, so no column of one file can stop the others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from include.ga4_schema import SCHEMA_2026

#: The columns of an export table that staging reads, and the subfields it reads of the nested ones.
READ_COLUMNS: dict[str, tuple[str, ...]] = {
    "event_timestamp": (),
    "event_name": (),
    "event_params": ("key", "value"),
    "event_value_in_usd": (),
    "event_bundle_sequence_id": (),
    "user_id": (),
    "user_pseudo_id": (),
    "device": ("category",),
    "ecommerce": (
        "purchase_revenue_in_usd",
        "purchase_revenue",
        "refund_value_in_usd",
        "refund_value",
        "shipping_value_in_usd",
        "shipping_value",
        "tax_value_in_usd",
        "tax_value",
        "transaction_id",
    ),
    "items": (
        "item_id",
        "item_name",
        "item_brand",
        "item_variant",
        "item_category",
        "quantity",
        "item_revenue_in_usd",
        "item_revenue",
        "price_in_usd",
        "price",
    ),
    "collected_traffic_source": ("manual_source", "manual_medium", "manual_campaign_name", "gclid", "dclid", "srsltid"),
    "session_traffic_source_last_click": ("manual_campaign", "google_ads_campaign", "cross_channel_campaign"),
    "batch_event_index": (),
    "batch_page_id": (),
    "batch_ordering_id": (),
}
REQUIRED = ("event_timestamp", "event_name", "event_params", "user_pseudo_id")

_INTEGERS = ("tinyint", "smallint", "integer", "bigint", "utinyint", "usmallint", "uinteger")
_WIDE_INTEGERS = ("ubigint", "hugeint", "uhugeint")
_FLOATS = ("float", "double")
#: From here on a floating-point number may stand for several whole ones.
_EXACT_UP_TO = 2**53


class WrongTypeError(TypeError):
    """A column cannot be read without changing its values; the message names the field and both types."""


def _read_type(name: str) -> pa.DataType:
    """The type of a column as it is read: of a record, also one in a list, the subfields that staging reads."""
    kind, fields = SCHEMA_2026.field(name).type, READ_COLUMNS[name]
    record = kind.value_type if pa.types.is_list(kind) else kind
    if fields:
        record = pa.struct([one for one in record if one.name in fields])
    return pa.list_(record) if pa.types.is_list(kind) else record


@dataclass
class _Reading:
    """How one file is read: an expression a column, and by message the condition under which a row would change.

    present: the columns that are there.
    """

    present: tuple[str, ...]
    columns: dict[str, str] = field(default_factory=dict)
    changes: dict[str, str] = field(default_factory=dict)


def sql_type(kind: pa.DataType) -> str:
    """The type as DuckDB writes it."""
    if pa.types.is_list(kind):
        return f"{sql_type(kind.value_type)}[]"
    if pa.types.is_struct(kind):
        return f"STRUCT({', '.join(f'{one.name} {sql_type(one.type)}' for one in kind)})"
    return {"string": "VARCHAR", "int64": "BIGINT", "double": "DOUBLE", "bool": "BOOLEAN"}[str(kind)]


def export_problem(path: Path) -> str | None:
    """Why the file cannot be read, as `reason: what and what to do`, or None (docs/semantics.md, E4).

    All that staging reads of it is read once: a page that is damaged, or a text that is not UTF-8, is found here.
    """
    try:
        with duckdb.connect(config={"threads": 1}) as connection:
            reading = _reading(connection, path)
            tests = [*reading.changes.values(), *(f"{name} is null" for name in reading.present)]
            counts = connection.execute(
                f"select {', '.join(f'count_if({test})' for test in tests)} from read_parquet($path)",  # noqa: S608 - made of names
                {"path": str(path)},
            ).fetchall()[0]
    except WrongTypeError as error:
        return f"wrong_type: {error}; export the table again with GA4's own schema"
    except OSError as error:
        return f"unreadable: {error.strerror or error}; check the rights of the file"
    except duckdb.Error as error:
        what = str(error).splitlines()[0].replace(str(path), path.name)
        return f"unreadable: not a whole Parquet file ({what}); export the table again"
    changed = next((message for message, count in zip(reading.changes, counts, strict=False) if count), None)
    return changed and f"wrong_type: {changed}; export the table again with GA4's own schema"


def export_query(shards: Mapping[str, Iterable[str]], numbered: bool = False) -> str:
    """A query of the rows of these files (shard -> paths): the columns that staging reads, and the shard.

    Files of one set of types are read together. numbered: with place, a row's number in its file from 0.
    """
    alike: dict[tuple[str, ...], list[tuple[str, str]]] = defaultdict(list)
    with duckdb.connect(config={"threads": 1}) as connection:
        for shard, paths in shards.items():
            for path in paths:
                alike[tuple(_reading(connection, Path(path)).columns.values())].append((path, shard))
    place = ["f.file_row_number as place"] if numbered else []
    queries = []
    for columns, files in alike.items():
        names = [f"{column} as {name}" for name, column in zip(READ_COLUMNS, columns, strict=True)]
        listed = ", ".join(_text(path) for path, _ in files)
        options = "filename = 'export_file', file_row_number = true" if numbered else "filename = 'export_file'"
        queries.append(
            f"select {', '.join([*names, *place, 'v.shard'])} from read_parquet([{listed}], {options}) as f "  # noqa: S608 - quoted
            f"inner join (values {', '.join(f'({_text(path)}, {_text(shard)})' for path, shard in files)}) "
            "as v (path, shard) on v.path = f.export_file"
        )
    nulls = [f"cast(null as {sql_type(_read_type(name))}) as {name}" for name in READ_COLUMNS]
    nothing = [*nulls, *(["cast(null as bigint) as place"] if numbered else []), "cast(null as varchar) as shard"]
    return " union all ".join(queries) or f"select {', '.join(nothing)} where false"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _reading(connection: duckdb.DuckDBPyConnection, path: Path) -> _Reading:
    """Raise WrongTypeError, OSError where the file cannot be opened, duckdb.Error where it is no Parquet file."""
    with path.open("rb"):  # DuckDB's own message does not say why it cannot
        pass
    rows = connection.sql("select * from read_parquet($path)", params={"path": str(path)})
    found = dict(zip((name.lower() for name in rows.columns), rows.types, strict=True))
    reading = _Reading(tuple(name for name in READ_COLUMNS if name in found))
    for name in READ_COLUMNS:
        if name not in found and name in REQUIRED:
            raise WrongTypeError(f"column {name} is missing")
        value = _Value(name, name, reading.changes.__setitem__)
        reading.columns[name] = _read_as(value, found.get(name), _read_type(name))
    return reading


@dataclass(frozen=True)
class _Value:
    """A value in a file: the expression that gives it as it is, its path in words, and `note`.

    note: is told what changes, in words, and under which condition.
    """

    sql: str
    path: str
    note: Callable[[str, str], None]

    def field(self, name: str) -> _Value:
        """A field of the record that this value is."""
        return _Value(f"{self.sql}.{name}", f"{self.path}.{name}", self.note)

    def element(self) -> _Value:
        """An element of the list that this value is, inside a lambda."""
        each = f"e{self.path.count('[')}"

        def note(words: str, condition: str) -> None:
            self.note(words, f"len(list_filter({self.sql}, lambda {each}: coalesce({condition}, false))) > 0")

        return _Value(each, f"{self.path}[]", note)


def _read_as(value: _Value, found: Any, wanted: pa.DataType) -> str:  # noqa: ANN401
    """The expression that reads a value of the DuckDBPyType `found` (None: not there) as `wanted`.

    Raises WrongTypeError where the types alone forbid it.
    """
    target = sql_type(wanted)
    if found is None or found.id == "null":
        return f"cast(null as {target})"
    if found == duckdb.sqltype(target):
        return value.sql
    if pa.types.is_list(wanted) and found.id in {"list", "array"}:
        element = value.element()
        inner = _read_as(element, dict(found.children)["child"], wanted.value_type)
        return f"list_transform({value.sql}, lambda {element.sql}: {inner})"
    if pa.types.is_struct(wanted) and found.id == "struct":
        inside = {name.lower(): kind for name, kind in found.children}
        if value.path == "event_params[]" and not {"key", "value"} <= inside.keys():
            raise WrongTypeError("event_params[] is a record without key or value")
        parts = (f"{one.name} := {_read_as(value.field(one.name), inside.get(one.name), one.type)}" for one in wanted)
        return f"struct_pack({', '.join(parts)})"
    changes = _change(value.sql, found.id, wanted)
    if changes is None:
        raise WrongTypeError(f"{value.path} is {_word(found)}, not {_word(duckdb.sqltype(target))}")
    if changes:
        value.note(f"{value.path} is {found} with values that are no {target}", changes)
    whole = pa.types.is_string(wanted) and found.id in {*_FLOATS, "decimal"}
    return f"cast({f'cast({value.sql} as bigint)' if whole else value.sql} as {target})"


def _change(sql: str, kind: str, wanted: pa.DataType) -> str | None:
    """The condition under which a simple value changes, empty where none can; None where the types do not agree.

    Whole numbers are read as text, and numbers without a fraction as whole ones: pandas makes floating-point numbers of
    ids beside a missing one.
    """
    is_json = kind == "varchar" and pa.types.is_string(wanted)
    is_number = kind in {*_INTEGERS, *_WIDE_INTEGERS, *_FLOATS, "decimal"}
    if pa.types.is_nested(wanted) or not (is_number or is_json):
        return None
    if kind in _INTEGERS or is_json or pa.types.is_floating(wanted):
        return ""
    if kind in _WIDE_INTEGERS:
        return "" if pa.types.is_string(wanted) else f"{sql} is not null and try_cast({sql} as bigint) is null"
    fraction = f"{sql} is not null and coalesce(try_cast({sql} as bigint) <> {sql}, true)"
    return f"({fraction}) or abs({sql}) > {_EXACT_UP_TO}" if kind in _FLOATS else fraction


def _word(found: Any) -> str:  # noqa: ANN401
    """The type in a word or two: a difference inside a record is named by its own path."""
    return {"struct": "a record", "list": "a list", "array": "a list", "map": "a map"}.get(found.id, str(found))
