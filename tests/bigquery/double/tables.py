"""One table or view, in memory, and its partitions."""

from __future__ import annotations

import datetime as dt
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.bigquery.double.cells import EPOCH, micros, size, stored, to_cell
from tests.bigquery.double.engine import Content
from tests.bigquery.double.errors import BigQueryError
from tests.bigquery.double.protos import Json, Proto, pb
from tests.bigquery.double.schema import Field, kind, repeated, to_type


def partition_id(cell: Proto, granularity: str) -> str:
    """The partition of a DATE or TIMESTAMP, as in `table$20260131`."""
    which = cell.WhichOneof("value")
    if which is None:
        return "__NULL__"
    if which == "date_value":
        at = dt.datetime.combine(EPOCH.date() + dt.timedelta(days=cell.date_value), dt.time())
    else:
        at = EPOCH + dt.timedelta(microseconds=micros(cell))
    return at.strftime({"HOUR": "%Y%m%d%H", "DAY": "%Y%m%d", "MONTH": "%Y%m", "YEAR": "%Y"}[granularity])


def by_time(given: Json) -> Callable[[Proto], str]:
    """The partitions of a column of time (REST: timePartitioning)."""
    return lambda cell: partition_id(cell, given.get("type", "DAY"))


Ref = tuple[str, str, str]  # project, dataset, table

_PARTITIONS = 4000
_versions = itertools.count(1)


def new_version() -> int:
    """A number that was not given before."""
    return next(_versions)


def now_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def named(ref: Ref) -> str:
    """A table as BigQuery's messages name it."""
    return f"{ref[0]}:{ref[1]}.{ref[2]}"


def row_of(item: dict[str, Json], schema: list[Field]) -> Proto:
    """A JSON object as a row. Raises BigQueryError (invalid)."""
    whole = to_cell(item, {"name": "", "type": "RECORD", "fields": schema})
    return pb.TableData.Row(cell=whole.struct_value.field)


def _stored(row: Proto, schema: list[Field]) -> Proto:
    """The row, or a copy where a cell is stored as another one: another table may hold this row."""
    old = list(row.cell)
    new = [stored(cell, field) for cell, field in zip(old, schema, strict=True)]
    return row if all(a is b for a, b in zip(old, new, strict=True)) else pb.TableData.Row(cell=new)


@dataclass
class Table:
    """A table, or a view where `sql` is set. `rows` is never changed in place: snapshots and clones share it.

    meta: properties of the REST resource; times in milliseconds since 1970. depth: of how many clones it is the last.
    """

    ref: Ref
    schema: list[Field]
    rows: list[Proto] = field(default_factory=list)
    sql: str | None = None
    meta: dict[str, Json] = field(default_factory=dict)
    kind: str = "TABLE"
    depth: int = 0
    created: int = field(default_factory=now_ms)
    modified: int = field(default_factory=now_ms)
    version: int = field(default_factory=new_version)
    _sizes: tuple[int, dict[str | None, list[int]]] = (0, {})

    @property
    def name(self) -> str:
        """The flat name the evaluator knows it by."""
        return ".".join(self.ref)

    def put(self, rows: list[Proto]) -> None:
        """Replace the rows. Raises BigQueryError for a NULL that may not be stored."""
        for index, column in enumerate(self.schema):
            if column.get("mode") == "REQUIRED" and any(r.cell[index].WhichOneof("value") is None for r in rows):
                raise BigQueryError(f"Required field {column['name']} cannot be null", late=True)
        if any(repeated(f) or kind(f) == "RECORD" for f in self.schema):
            known = {id(row) for row in self.rows}
            rows = [row if id(row) in known else _stored(row, self.schema) for row in rows]
        self.rows, self.modified, self.version = rows, now_ms(), new_version()

    def content(self) -> Content:
        """What the evaluator sees."""
        return Content(self.version, [(f["name"], to_type(f), False) for f in self.schema], self.rows)

    def partitioning(self) -> tuple[int, Callable[[Proto], str]] | None:
        """The partition column's index and how its cells tell the partition, or None."""
        by = self.meta.get("timePartitioning")
        if not by or "field" not in by:
            return None
        return [f["name"].lower() for f in self.schema].index(by["field"].lower()), by_time(by)

    def require_few_partitions(self, rows: list[Proto]) -> None:
        """Raises BigQueryError where a query writes these rows to more partitions than one job may (quotas)."""
        by = self.partitioning()
        count = len({by[1](row.cell[by[0]]) for row in rows}) if by else 0
        if count > _PARTITIONS:
            message = f"Too many partitions produced by query, allowed {_PARTITIONS}, query produces at least {count}"
            raise BigQueryError(f"{message} partitions", late=True)

    def partitions(self) -> dict[str | None, list[Proto]]:
        """The rows by partition id; all under None where the table is not partitioned."""
        found: dict[str | None, list[Proto]] = {}
        by = self.partitioning()
        for row in self.rows:
            found.setdefault(by[1](row.cell[by[0]]) if by else None, []).append(row)
        return found

    def sizes(self, partitions: set[str] | None = None) -> dict[str, int]:
        """Logical bytes of each column, of these partitions or all."""
        if self._sizes[0] != self.version:
            places = range(len(self.schema))
            counted = {p: [sum(size(r.cell[i]) for r in rows) for i in places] for p, rows in self.partitions().items()}
            self._sizes = (self.version, counted)
        chosen = [s for p, s in self._sizes[1].items() if partitions is None or p in partitions]
        return {f["name"].lower(): sum(s[i] for s in chosen) for i, f in enumerate(self.schema)}

    def add_column(self, column: Field) -> None:
        """Add a column, NULL in every row."""
        if any(f["name"].lower() == column["name"].lower() for f in self.schema):
            raise BigQueryError(f"Column already exists: {column['name']}", "duplicate")
        self.schema = [*self.schema, column]
        rows = []
        for old in self.rows:
            row = pb.TableData.Row(cell=old.cell)
            row.cell.add()
            rows.append(row)
        self.put(rows)
