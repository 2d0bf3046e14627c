"""Datasets and tables, in memory, and the metadata views about them."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.bigquery.double.cells import fitted
from tests.bigquery.double.engine import Content
from tests.bigquery.double.errors import BigQueryError, UnsupportedError
from tests.bigquery.double.permissions import OF_OWNER, Identity
from tests.bigquery.double.protos import Json, Proto, pb
from tests.bigquery.double.schema import Field, same_types, simple, sql_type, to_type
from tests.bigquery.double.tables import Ref, Table, named, new_version, row_of

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
        by = table.meta.get("timePartitioning") or {}
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


SUFFIX = "_TABLE_SUFFIX"
Dataset = tuple[str, str]


@dataclass
class Warehouse:
    """Every dataset and table. caller: who asks at the moment; None may do everything."""

    datasets: dict[Dataset, dict[str, Json]] = field(default_factory=dict)
    tables: dict[Ref, Table] = field(default_factory=dict)
    caller: Identity | None = None

    def snapshot(self) -> tuple[dict[Dataset, dict[str, Json]], dict[Ref, Table]]:
        """The state to go back to; rows are shared."""
        return dict(self.datasets), {ref: copy.copy(table) for ref, table in self.tables.items()}

    def restore(self, snapshot: tuple[dict[Dataset, dict[str, Json]], dict[Ref, Table]]) -> None:
        """Go back to a snapshot."""
        self.datasets, self.tables = snapshot

    def require(self, permission: str, project: str, dataset: str = "", table: str = "") -> None:
        """Raises BigQueryError (accessDenied) where the caller has not this permission."""
        if self.caller:
            self.caller.require(permission, project, dataset, table)

    def make(self, dataset: Dataset, properties: dict[str, Json]) -> None:
        """Make a dataset, which the caller then owns."""
        self.datasets[dataset] = properties
        if self.caller:
            self.caller.granted.setdefault(".".join(dataset), set()).update(OF_OWNER)

    def dataset(self, project: str, name: str, location: str | None = None) -> dict[str, Json]:
        """A dataset's resource. Raises BigQueryError: notFound, also from another location."""
        found = self.datasets.get((project, name))
        if found is None or (location and found["location"].upper() != location.upper()):
            where = location or "US"
            raise BigQueryError(f"Not found: Dataset {project}:{name} was not found in location {where}", "notFound")
        return found

    def table(self, ref: Ref, location: str | None = None) -> Table:
        """A table or view. Raises BigQueryError as dataset() does."""
        self.dataset(*ref[:2], location)
        if ref not in self.tables:
            raise BigQueryError(
                f"Not found: Table {named(ref)} was not found in location {location or 'US'}", "notFound"
            )
        return self.tables[ref]

    def add(self, table: Table, *, replace: bool = False) -> Table:
        """Add a table. Raises BigQueryError (duplicate) for one that is there."""
        self.dataset(*table.ref[:2])
        if table.ref in self.tables and not replace:
            raise BigQueryError(f"Already Exists: Table {named(table.ref)}", "duplicate")
        self.tables[table.ref] = table
        return table

    def matching(self, ref: Ref) -> list[Table]:
        """The tables of a wildcard such as `events_*`, by name. Raises BigQueryError where there are none."""
        self.dataset(*ref[:2])
        prefix = ref[2][:-1]
        found = [
            table
            for other, table in sorted(self.tables.items())
            if other[:2] == ref[:2] and table.sql is None and other[2].startswith(prefix)
        ]
        if not found:
            raise BigQueryError(f"{'.'.join(ref)} does not match any table.")
        return found

    def wildcard(self, ref: Ref) -> Content:
        """`events_*`: every matching table, in the schema of the one made last, with _TABLE_SUFFIX.

        A column that a table lacks is NULL there; so is one of another type, whose use reads.py refuses.
        """
        found = self.matching(ref)
        schema = newest(found).schema
        rows = []
        for table in found:
            for old in table.rows:
                row = pb.TableData.Row(cell=fitted(old.cell, table.schema, schema))
                row.cell.add(string_value=table.ref[2][len(ref[2]) - 1 :])
                rows.append(row)
        columns = [*newest(found).content().columns, (SUFFIX, simple("STRING"), True)]
        return Content(tuple(table.version for table in found), columns, rows)

    def metadata(self, project: str, dataset: str, view: str) -> Content:
        """A view of INFORMATION_SCHEMA, or __TABLES__."""
        self.dataset(project, dataset)
        return information_schema([t for r, t in sorted(self.tables.items()) if r[:2] == (project, dataset)], view)

    def write(self, ref: Ref, schema: list[Field], rows: list[Proto], disposition: str, meta: dict[str, Json]) -> None:
        """What a load job's writeDisposition says: truncate a table or append to it."""
        self.dataset(*ref[:2])
        table = self.tables.get(ref)
        if table is None:
            self.add(Table(ref, schema, meta=meta)).put(rows)
        elif disposition == "WRITE_TRUNCATE":
            self.add(Table(ref, schema, meta={**table.meta, **meta}), replace=True).put(rows)
        elif disposition != "WRITE_APPEND":
            raise UnsupportedError(f"a load with {disposition}")
        elif not same_types(schema, table.schema):
            raise BigQueryError(f"Provided Schema does not match Table {named(ref)}", "invalid", late=True)
        else:
            table.put([*table.rows, *rows])


def newest(tables: list[Table]) -> Table:
    """The table that was made last: BigQuery takes a wildcard's schema from it."""
    return max(tables, key=lambda table: (table.created, table.version))
