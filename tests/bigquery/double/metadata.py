"""INFORMATION_SCHEMA and __TABLES__."""

from __future__ import annotations

import json
from collections.abc import Iterator

from tests.bigquery.double.engine import Content
from tests.bigquery.double.errors import UnsupportedError
from tests.bigquery.double.schema import Field, sql_type, to_type
from tests.bigquery.double.tables import Table, new_version, row_of

_TEXT, _INT, _AT = "STRING", "INTEGER", "TIMESTAMP"
_TABLE = {"table_catalog": _TEXT, "table_schema": _TEXT, "table_name": _TEXT}
_COLUMN = {"column_name": _TEXT, "ordinal_position": _INT, "is_nullable": _TEXT, "data_type": _TEXT}
_LAYOUT = {"is_partitioning_column": _TEXT, "clustering_ordinal_position": _INT}
_PATH = dict.fromkeys(("column_name", "field_path", "data_type", "description"), _TEXT)
_VIEWS = {
    "TABLES": {**_TABLE, "table_type": _TEXT, "creation_time": _AT},
    "COLUMNS": {**_TABLE, **_COLUMN, **_LAYOUT},
    "COLUMN_FIELD_PATHS": {**_TABLE, **_PATH},
    "TABLE_OPTIONS": {**_TABLE, **dict.fromkeys(("option_name", "option_type", "option_value"), _TEXT)},
    "MATERIALIZED_VIEWS": _TABLE,
    "__TABLES__": dict.fromkeys(("project_id", "dataset_id", "table_id"), _TEXT)
    | dict.fromkeys(("creation_time", "last_modified_time", "row_count", "size_bytes", "type"), _INT),
}


def information_schema(tables: list[Table], view: str) -> Content:
    """The rows of a view about these tables. Raises UnsupportedError for a view that is not known."""
    if view not in _VIEWS:
        raise UnsupportedError(f"INFORMATION_SCHEMA.{view}")
    fields = [{"name": name, "type": kind} for name, kind in _VIEWS[view].items()]
    rows = [
        row_of(dict(zip(_VIEWS[view], values, strict=True)), fields)
        for table in tables
        for values in _rows(table, view)
    ]
    return Content(new_version(), [(f["name"], to_type(f), False) for f in fields], rows)


def _paths(field: Field, above: str = "") -> Iterator[tuple[str, Field]]:
    """A column and the fields nested in it, by their paths."""
    yield above + field["name"], field
    for inner in field.get("fields", []):
        yield from _paths(inner, f"{above}{field['name']}.")


def _rows(table: Table, view: str) -> Iterator[tuple[object, ...]]:
    if view == "TABLES":
        kind = {"TABLE": "BASE TABLE"}.get(table.kind, table.kind)
        yield (*table.ref, kind, table.created / 1000)
    elif view == "COLUMNS":
        by = table.meta.get("timePartitioning") or table.meta.get("rangePartitioning") or {}
        partitioned = by.get("field", "").lower()
        for place, field in enumerate(table.schema, 1):
            nullable = "NO" if field.get("mode") == "REQUIRED" else "YES"
            is_partitioning = "YES" if field["name"].lower() == partitioned else "NO"
            clusters = table.meta.get("clustering", {}).get("fields", [])
            at = clusters.index(field["name"]) + 1 if field["name"] in clusters else None
            yield *table.ref, field["name"], place, nullable, sql_type(field).replace("`", ""), is_partitioning, at
    elif view == "COLUMN_FIELD_PATHS":
        for field in table.schema:
            for path, inner in _paths(field):
                yield *table.ref, field["name"], path, sql_type(inner).replace("`", ""), inner.get("description")
    elif view == "TABLE_OPTIONS":
        if "description" in table.meta:
            yield *table.ref, "description", "STRING", json.dumps(table.meta["description"])
    elif view == "MATERIALIZED_VIEWS":
        return  # CREATE MATERIALIZED VIEW is refused
    else:
        size = sum(table.sizes().values())
        yield *table.ref, table.created, table.modified, len(table.rows), size, 1 if table.sql is None else 2
