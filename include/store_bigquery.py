"""The warehouse as a dataset of BigQuery, and the dataset of what readers see beside it."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from google.api_core.exceptions import NotFound
from google.cloud import bigquery
from google.cloud.bigquery.table import RowIterator

from include.bigquery import LABELS, connect
from include.bigquery_errors import explained
from include.bigquery_landing import SENT, STREAMED, landed
from include.bigquery_login import credentials
from include.bigquery_publish import publication
from include.journal import READ_AGAIN
from include.settings import BigQuery, Settings
from include.store import Changes, Kind, Store, Table, Versions

log = logging.getLogger(__name__)

_TYPES: Mapping[Kind, str] = {
    "text": "STRING",
    "integer": "INT64",
    "number": "FLOAT64",
    "money": "NUMERIC",
    "timestamp": "TIMESTAMP",
    "date": "DATE",
    "boolean": "BOOL",
}
_TYPE_OF: Mapping[type, str] = {
    str: "STRING",
    bool: "BOOL",
    int: "INT64",
    float: "FLOAT64",
    Decimal: "NUMERIC",
    datetime: "TIMESTAMP",
    date: "DATE",
}
#: What dbt and a night make for themselves; no table of the project has such a name.
_TEMPORARY = "__dbt_"
_VALUE = re.compile(r"\$([a-z_]+)")

Parameter = bigquery.ScalarQueryParameter | bigquery.ArrayQueryParameter


def parameter(name: str, value: Any) -> Parameter:  # noqa: ANN401
    """A value as a query parameter; of an empty list nobody knows the type, so it counts as one of texts."""
    if isinstance(value, list):
        return bigquery.ArrayQueryParameter(name, _TYPE_OF[type(value[0])] if value else "STRING", value)
    return bigquery.ScalarQueryParameter(name, _TYPE_OF[type(value)], value)


def parameters(values: Mapping[str, Any]) -> list[Parameter]:
    """The values as query parameters."""
    return [parameter(name, value) for name, value in values.items()]


def written_out(statement: str, values: Mapping[str, Any]) -> str:
    """The statement on one line with its values in it, for whoever runs it by hand."""
    return _VALUE.sub(lambda name: json.dumps(values[name[1]]), " ".join(statement.split())) + ";"


def plain(value: object) -> object:
    """A value as DuckDB gives it: a time is UTC without a zone."""
    return value.astimezone(UTC).replace(tzinfo=None) if isinstance(value, datetime) and value.tzinfo else value


def plain_rows(found: RowIterator) -> list[tuple[Any, ...]]:
    """Rows as DuckDB gives them."""
    return [tuple(plain(value) for value in row.values()) for row in found]


class BigQueryStore(Store):
    """A Store on Google's client (include/store.py). Every method raises WarehouseError for what BigQuery refuses."""

    def __init__(self, client: bigquery.Client, settings: Settings, place: BigQuery) -> None:
        """place: the settings' own; the caller closes the client."""
        self.client, self.settings, self.place = client, settings, place

    def _ask(self, text: str, parameters: Sequence[Parameter], dataset: str | None = None) -> RowIterator:
        config = bigquery.QueryJobConfig(query_parameters=list(parameters))
        if dataset:
            config.default_dataset = f"{self.place.project}.{dataset}"
        return self.client.query_and_wait(_VALUE.sub(r"@\1", text), job_config=config)

    def rows(self, query: str, **values: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401
        with explained(self.place):
            return plain_rows(self._ask(query, parameters(values)))

    def run(self, *statements: str, **values: Any) -> None:  # noqa: ANN401
        self._run(statements, parameters(values))

    def _run(self, statements: Sequence[str], parameters: Sequence[Parameter]) -> None:
        if not statements:
            return
        parts = statements if len(statements) == 1 else ["begin transaction", *statements, "commit transaction"]
        with explained(self.place):
            self._ask(";\n".join(part.strip() for part in parts), parameters)

    def delete(self, statement: str, **values: Any) -> int:  # noqa: ANN401
        """Run one DELETE; how many rows went."""
        with explained(self.place):
            return int(self._ask(statement, parameters(values)).num_dml_affected_rows or 0)

    def tables_with(self, column: str, dataset: str) -> list[str]:
        """The tables and views of a dataset that have this column, as FROM items."""
        place = f"{self.place.project}.{dataset}"
        query = f"select table_name from `{place}`.INFORMATION_SCHEMA.COLUMNS where column_name = $column order by 1"  # noqa: S608
        return [f"`{place}.{table}`" for (table,) in self.rows(query, column=column)]

    def drop_temporary(self) -> None:
        """Drop what a run or a night that died left beside the tables. No dbt may be at work."""
        names = [item.table_id for item in self._tables(self.place.dataset) if _TEMPORARY in item.table_id]
        self._run([";\n".join(f"drop table if exists {name}" for name in names)] if names else [], [])

    def _tables(self, dataset: str) -> list[Any]:
        with explained(self.place):
            return list(self.client.list_tables(f"{self.place.project}.{dataset}"))

    def has(self, *tables: str) -> bool:
        return {item.table_id for item in self._tables(self.place.dataset)}.issuperset(tables)

    def count(self, table: str) -> int:
        """How many rows a table has, by its metadata: asking costs nothing."""
        with explained(self.place):
            return int(self.client.get_table(f"{self.place.project}.{self.place.dataset}.{table}").num_rows or 0)

    def marts(self, prefix: str) -> list[str]:
        """The tables and views whose name begins so, less those that dbt keeps beside them while it builds."""
        names = (item.table_id for item in self._tables(self.place.dataset))
        return sorted(name for name in names if name.startswith(prefix) and "__" not in name)

    def append(self, table: str, rows: Sequence[Mapping[str, object]]) -> None:
        """Add rows by a load job, which is free and takes all or none."""
        if not rows:
            return
        config = bigquery.LoadJobConfig(write_disposition="WRITE_APPEND", labels=LABELS, autodetect=False)
        target = f"{self.place.project}.{self.place.dataset}.{table}"
        with explained(self.place):
            self.client.load_table_from_json([dict(row) for row in rows], target, job_config=config).result()

    def make(self, table: Table) -> None:
        wanted = {name: f"{name} {_TYPES[kind]}" for name, kind in table.columns.items()}
        with explained(self.place):
            try:
                made = self.client.get_table(f"{self.place.project}.{self.place.dataset}.{table.name}")
            except NotFound:
                self._run([f"create table if not exists {table.name} ({', '.join(wanted.values())})"], [])
                return
        lacking = wanted.keys() - {field.name for field in made.schema}
        if lacking:
            added = ", ".join(f"add column {wanted[name]}" for name in sorted(lacking))
            self._run([f"alter table {table.name} {added}"], [])

    def put(self, table: Table, row: Mapping[str, Any]) -> None:
        self.make(table)
        given = [bigquery.ScalarQueryParameter(name, _TYPES[table.columns[name]], value) for name, value in row.items()]
        same = " and ".join(f"{name} = ${name}" for name in table.key) or "true"
        marks = ", ".join(f"${name}" for name in row)
        insert = f"insert into {table.name} ({', '.join(row)}) values ({marks})"  # noqa: S608 - constants
        self._run([f"delete from {table.name} where {same}", insert], given)  # noqa: S608 - constants

    def landed(self, start: date | None, end: date | None) -> Versions:
        return landed(self, start, end)

    def landed_at(self, shards: Versions) -> dict[str, datetime]:
        """The time of a table's last change, which its version says; of a streamed batch when it was last sent to."""
        tables = {
            shard: datetime.fromtimestamp(int(version) / 1e3, UTC).replace(tzinfo=None)
            for model, found in shards.items()
            for shard, version in found.items()
            if model != STREAMED and version.isdigit()
        }
        batches = list(shards.get(STREAMED, {}))
        since = datetime.now(UTC) - timedelta(days=1)
        return tables | dict(self.rows(SENT, since=since, batches=batches) if batches else [])

    def in_view(self, known: Versions, found: Versions) -> Versions:
        # a batch that is not listed any more is old, not withdrawn; one to be read again is looked up whatever its age
        batches = {
            shard: version
            for shard, version in known.get(STREAMED, {}).items()
            if version == READ_AGAIN or shard in found[STREAMED]
        }
        return {**known, STREAMED: batches}

    def published_rows(self, query: str) -> list[tuple[Any, ...]] | None:
        with explained(self.place):
            try:
                return plain_rows(self._ask(query, [], self.place.published))
            except NotFound:
                return None

    def _views(self, listed: Sequence[Any]) -> dict[str, str]:
        """The queries of the views that read published tables alone."""
        names = [
            item.table_id
            for item in listed
            if item.table_type == "VIEW" and item.table_id.startswith(("report_", "mart_conversion_paths"))
        ]
        with explained(self.place):
            found = [self.client.get_table(f"{self.place.project}.{self.place.dataset}.{name}") for name in names]
        return {view.table_id: str(view.view_query) for view in found}

    def publish(
        self, copies: Mapping[str, str], made: Mapping[str, str], run_id: str, changes: Callable[[], Changes]
    ) -> None:
        """Clone the tables into the published dataset, one after another in one script (docs/decisions.md)."""
        here, there = self._tables(self.place.dataset), self._tables(self.place.published)
        script = publication(self.place, here, there, copies, made, again=self._views(here))
        moment = datetime.now(UTC).isoformat(sep=" ", timespec="seconds")
        note = f"Published by run {run_id} at {moment}"
        with explained(self.place):
            self._ask(";\n".join(script), parameters({"note": note}))


@contextmanager
def open_bigquery(settings: Settings, place: BigQuery) -> Iterator[BigQueryStore]:
    """The dataset, with the identity of Airflow's connection.

    Raises WarehouseError where there are no credentials.
    """
    with explained(place):
        client = connect(place, credentials())
    try:
        yield BigQueryStore(client, settings, place)
    finally:
        client.close()  # type: ignore[no-untyped-call]
