"""What reading the GA4 export costs, by BigQuery's own dry runs, which are free."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from google.cloud import bigquery

from include.bigquery_landing import WILDCARDS, exported
from include.export_reader import READ_COLUMNS
from include.store_bigquery import BigQueryStore

#: One column of one table, chosen as dbt's models choose: by a variable of the script.
PRUNED = """
declare suffixes array<string> default [@suffix];
select count(event_timestamp) from `{export}.{prefix}*` where _table_suffix in unnest(suffixes)
"""


@dataclass(frozen=True)
class Estimate:
    """What the first build reads of the export: the names of its tables, by date, and bytes."""

    tables: tuple[str, ...]
    bytes: int


@dataclass(frozen=True)
class PrunedRead:
    """A read of one table through its wildcard: rows; bytes that BigQuery read, and bytes of that column."""

    table: str
    rows: int
    billed: int
    expected: int


def _fields(schema: list[bigquery.SchemaField], wanted: tuple[str, ...], above: str = "") -> Iterator[str]:
    """The paths that staging reads (include/export_reader.py) of those the table has, of lists the fields it reads."""
    for field in schema:
        name = field.name.lower()
        inner = READ_COLUMNS.get(name, ())
        if name in wanted and inner and field.mode != "REPEATED":
            yield from _fields(list(field.fields), inner, f"{name}.")
        elif name in wanted and inner:
            read = ", ".join(one.name for one in field.fields if one.name.lower() in inner)
            yield f"array(select as struct {read} from unnest({above}{name})) as {name}"  # noqa: S608 - GA4's own names
        elif name in wanted:
            yield above + name


def _dry_run(client: bigquery.Client, query: str) -> int:
    """Bytes that the query would read."""
    # no ceiling: it is the caller's to explain, and a dry run bills nothing
    config = bigquery.QueryJobConfig(dry_run=True, use_query_cache=False, maximum_bytes_billed=2**60)
    return int(client.query(query, job_config=config).total_bytes_processed or 0)


def _quoted(suffixes: list[str]) -> str:
    return ", ".join(f"'{suffix}'" for suffix in suffixes)


def estimate(store: BigQueryStore, start: date | None, end: date | None) -> Estimate:
    """What the first build reads of the tables dated from start to end."""
    client, place = store.client, store.place
    tables = sorted(exported(store, start, end), key=lambda table: table[-8:])
    total = 0
    for prefix in WILDCARDS:
        suffixes = [table.removeprefix(prefix) for table in tables if table.startswith(prefix)]
        if suffixes:
            schema = client.get_table(f"{place.export}.{prefix}{suffixes[-1]}").schema
            columns = ", ".join(_fields(list(schema), tuple(READ_COLUMNS)))
            of = f"`{place.export}.{prefix}*` where _table_suffix in ({_quoted(suffixes)})"
            total += _dry_run(client, f"select {columns} from {of}")  # noqa: S608 - GA4's own names
    return Estimate(tuple(tables), total)


def pruned_read(store: BigQueryStore, table: str) -> PrunedRead:
    """Read one column of a table through its wildcard."""
    client, place = store.client, store.place
    prefix = next(prefix for prefix in WILDCARDS if table.startswith(prefix))
    expected = _dry_run(client, f"select event_timestamp from `{place.export}.{table}`")  # noqa: S608 - GA4's name
    suffix = bigquery.ScalarQueryParameter("suffix", "STRING", table.removeprefix(prefix))
    config = bigquery.QueryJobConfig(query_parameters=[suffix], use_query_cache=False)
    job = client.query(PRUNED.format(export=place.export, prefix=prefix), job_config=config)
    ((rows,),) = job.result()
    return PrunedRead(table, rows, int(job.total_bytes_processed or 0), expected)
