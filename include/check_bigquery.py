"""`make check-bigquery`: is this deployment's BigQuery ready, and what would the first build read and cost?

    python -m include.check_bigquery [--start DATE] [--end DATE] [--price DOLLARS]

Exit code 0 when all is well, 1 when something must change first, 2 when it cannot start: a setting is missing, or there
are no credentials.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date

from google.auth.exceptions import DefaultCredentialsError
from google.cloud import bigquery
from rich.console import Console

from include.airflow_env import airflow_env, clean, deployment_secrets
from include.bigquery import connect
from include.bigquery_errors import explain, explained
from include.bigquery_landing import WILDCARDS, exported
from include.bigquery_setup import SetupError, require_export, set_up
from include.export_reader import READ_COLUMNS
from include.settings import BigQuery, SettingError, Settings
from include.store_bigquery import BigQueryStore
from include.warehouse import WarehouseError

#: US dollars a TiB read on demand: the list price for the location US since July 2023.
LIST_PRICE = 6.25

#: One column of one table, chosen as dbt's models choose: by a variable of the script.
PRUNED = """
declare suffixes array<string> default [@suffix];
select count(event_timestamp) from `{export}.{prefix}*` where _table_suffix in unnest(suffixes)
"""


class NotReadyError(RuntimeError):
    """Something must change before the first run; the message says what."""


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


def estimate(store: BigQueryStore, start: date | None, end: date | None) -> tuple[list[str], int]:
    """The tables dated from start to end that the first build reads, by date, and how many bytes of them.

    By BigQuery's own dry runs, which are free.
    """
    client, place = store.client, store.place
    tables = sorted(exported(store, start, end), key=lambda table: table[-8:])
    total = 0
    for prefix in WILDCARDS:
        suffixes = [table.removeprefix(prefix) for table in tables if table.startswith(prefix)]
        if suffixes:
            schema = client.get_table(f"{place.export}.{prefix}{suffixes[-1]}").schema
            columns = ", ".join(_fields(list(schema), tuple(READ_COLUMNS)))
            of = f"`{place.export}.{prefix}*` where _table_suffix in ({str(suffixes)[1:-1]})"
            total += _dry_run(client, f"select {columns} from {of}")  # noqa: S608 - GA4's own names
    return tables, total


def pruned_read(store: BigQueryStore, table: str) -> tuple[int, int, int]:
    """Read one column of a table through its wildcard: rows, bytes that BigQuery read, and bytes of that column."""
    client, place = store.client, store.place
    prefix = next(prefix for prefix in WILDCARDS if table.startswith(prefix))
    expected = _dry_run(client, f"select event_timestamp from `{place.export}.{table}`")  # noqa: S608 - GA4's name
    suffix = bigquery.ScalarQueryParameter("suffix", "STRING", table.removeprefix(prefix))
    config = bigquery.QueryJobConfig(query_parameters=[suffix], use_query_cache=False)
    job = client.query(PRUNED.format(export=place.export, prefix=prefix), job_config=config)
    ((rows,),) = job.result()
    return rows, int(job.total_bytes_processed or 0), expected


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    options = argparse.ArgumentParser(prog="python -m include.check_bigquery", description=__doc__.split("\n")[0])
    options.add_argument("--start", type=date.fromisoformat, metavar="DATE", help="first date of the export to read")
    options.add_argument("--end", type=date.fromisoformat, metavar="DATE", help="last date of the export to read")
    options.add_argument(
        "--price", type=float, default=LIST_PRICE, metavar="DOLLARS", help=f"US dollars a TiB ({LIST_PRICE})"
    )
    return options


def log_in(settings: Settings, place: BigQuery) -> BigQueryStore:
    """BigQuery as the pipeline sees it, once Google has accepted its identity; the caller closes the client.

    Raises SettingError where there are no credentials, WarehouseError where Google does not accept them.
    """
    # Airflow takes seconds, a wrong setting need not
    from include.bigquery_login import credentials, require_accepted  # noqa: PLC0415

    try:
        found = credentials()
    except DefaultCredentialsError as error:
        raise SettingError(f"{explain(place, error)} Nothing was asked of BigQuery.") from error
    with explained(place):
        require_accepted(found)
        return BigQueryStore(connect(place, found), settings, place)


def check(settings: Settings, place: BigQuery, asked: argparse.Namespace, say: Console) -> None:
    """Each step in turn, a line each.

    Raises SettingError where it cannot start, SetupError, NotReadyError or WarehouseError for what must change.
    """
    say.print(f"ok  settings: {place.project} reads {place.export}, writes {place.dataset} in {place.location}")
    store = log_in(settings, place)
    say.print("ok  login: Google accepts the credentials")
    with explained(place):
        require_export(store.client, place)
        say.print(f"ok  export: {place.export} is in {place.location} and can be listed")
        tables, total = estimate(store, asked.start, asked.end)
        dollars = total / 2**40 * asked.price
        say.print(
            f"ok  estimate: the first build reads {total:,} bytes of {len(tables)} tables of the export, "
            f"${dollars:,.2f} at ${asked.price:g} a TiB; docs/bigquery.md says what the rest of a run costs"
        )
        if total > place.max_bytes_billed:
            raise NotReadyError(
                f"the first build would read {total:,} bytes of the export, BQ_MAX_BYTES_BILLED allows "
                f"{place.max_bytes_billed:,}. Narrow start_date and end_date (dbt/dbt_project.yml; here --start and "
                "--end), or raise BQ_MAX_BYTES_BILLED. Nothing was read."
            )
        set_up(place, events=1)
        say.print(f"ok  prepare: {place.dataset}, {place.published} and {place.dataset}.streamed_events are there")
        if not tables:
            say.print("ok  read: the export has no table of these dates, so none was read")
            return
        rows, billed, expected = pruned_read(store, tables[-1])
    if billed > expected:
        raise NotReadyError(
            f"the pruner did not cut: {tables[-1]} has {expected:,} bytes of the column event_timestamp, and "
            f"reading it by a script variable took {billed:,}. Every run would read the whole export: keep "
            "start_date and end_date narrow, and report this (docs/bigquery.md)."
        )
    say.print(f"ok  read: {rows:,} rows of {tables[-1]}, {billed:,} bytes; a script variable prunes")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit code."""
    asked = parser().parse_args(arguments)
    say = Console(soft_wrap=True, highlight=False, markup=False)
    try:
        place = BigQuery.from_env(os.environ)
        settings = replace(Settings.from_env(), dbt_target="bigquery", bigquery=place)
        clean(os.environ)
        os.environ.update(airflow_env(settings, deployment_secrets(settings)))  # before Airflow is imported
        check(settings, place, asked, say)
    except (SettingError, SetupError, NotReadyError, WarehouseError) as error:
        starts = not isinstance(error, SettingError)
        say.print(f"{'not ready' if starts else 'cannot start'}: {error}")
        return 1 if starts else 2
    say.print("Ready: make run EVENTS=0")
    return 0


if __name__ == "__main__":
    sys.exit(main())
