"""`make check-bigquery`: is BigQuery ready, does it do what this project assumes, and what will the first build cost?

    python -m include.check_bigquery [--start DATE] [--end DATE] [--price DOLLARS]

Exit code 0 when all is well, 1 when something must change first, 2 when it cannot start: a setting is missing, or there
are no credentials.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date

from google.api_core.exceptions import Forbidden
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

Finding = tuple[bool, str]  # whether BigQuery does as assumed, and what it did

#: US dollars a TiB read on demand: the list price for the location US since July 2023.
LIST_PRICE = 6.25

#: One column of one table, chosen as dbt's models choose: by a variable of the script.
PRUNED = """
declare suffixes array<string> default [@suffix];
select count(event_timestamp) from `{export}.{prefix}*` where _table_suffix in unnest(suffixes)
"""

#: A table of as many days as one statement may write, two rows each, in the dataset and, cloned, in the published one.
OWN_TABLE, DAYS = "check_bigquery", 4_000
TABLE_OF_DAYS = f"""
create or replace table `{{table}}` partition by day as
select day, id
from unnest(generate_date_array('2020-01-01', date_add(date '2020-01-01', interval {DAYS - 1} day))) as day
cross join unnest([1, 2]) as id
"""  # noqa: S608 - a number
ONE_DAY = "select * from `{table}` where day = date '2020-01-01'"
#: What a model's script does with a day: a variable prunes, beside a temporary table, and in a transaction.
MODEL = """
declare days array<date>;
create temp table keys as select date '2020-01-01' as day, 1 as id;
set days = (select array_agg(distinct day) from keys);
create temp table derived as
select t.day, t.id from `{table}` as t inner join keys as k on k.id = t.id where t.day in unnest(days);
begin transaction;
delete from `{table}` where day in unnest(days) and id in (select id from keys);
insert into `{table}` (day, id) select day, id from derived;
commit transaction
"""
#: A clone may change each partition; these would be more changes than the 30,000 that a table takes a day.
CLONES = 8

#: What docs/bigquery.md lists of a table's own permissions, and one that dataEditor has not.
READS = {"bigquery.tables.get", "bigquery.tables.getData"}
ERASES = {"bigquery.tables.updateData", "bigquery.tables.delete"}
WRITES = READS | ERASES | {"bigquery.tables.update"}
TESTED = WRITES | {"bigquery.tables.setIamPolicy"}


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


def pruned_export(store: BigQueryStore, table: str) -> Finding:
    """Whether reading one column of a table through its wildcard, by a script variable, reads that table alone."""
    client, place = store.client, store.place
    prefix = next(prefix for prefix in WILDCARDS if table.startswith(prefix))
    expected = _dry_run(client, f"select event_timestamp from `{place.export}.{table}`")  # noqa: S608 - GA4's name
    suffix = bigquery.ScalarQueryParameter("suffix", "STRING", table.removeprefix(prefix))
    config = bigquery.QueryJobConfig(query_parameters=[suffix], use_query_cache=False)
    job = client.query(PRUNED.format(export=place.export, prefix=prefix), job_config=config)
    ((rows,),) = job.result()
    read = int(job.total_bytes_processed or 0)
    if read > expected:
        return False, (
            f"read: the pruner did not cut: {table} has {expected:,} bytes of the column event_timestamp, and reading "
            f"it by a script variable took {read:,}"
        )
    return True, f"read: {rows:,} rows of {table}, {read:,} bytes; a script variable prunes"


def pruned_days(client: bigquery.Client, table: str) -> Iterator[Finding]:
    """Whether a model's script reads and deletes in the partitions that its variable names alone."""
    day = _dry_run(client, ONE_DAY.format(table=table))
    script = client.query(MODEL.format(table=table))
    script.result()
    processed: Counter[str] = Counter()
    for child in client.list_jobs(parent_job=script.job_id):
        processed[child.statement_type] += child.total_bytes_processed or 0
    for kind, name in (("CREATE_TABLE_AS_SELECT", "read"), ("DELETE", "delete in a transaction")):
        # DELETE: the columns it looks at and the whole partition; the temporary table in any case
        holds = 0 < processed[kind] <= 3 * day
        yield holds, f"{name} by days in a variable: {processed[kind]:,} bytes; one day has {day:,}, {DAYS:,} have each"


def cloned(client: bigquery.Client, table: str, copy: str) -> Finding:
    """Whether clones read nothing and are no modifications of partitions."""
    what = f"clones of {DAYS:,} partitions, more than the 30,000 changes of partitions that a table takes a day"
    processed = 0
    for number in range(1, CLONES + 1):
        try:
            answer = client.query_and_wait(f"create or replace table `{copy}` clone `{table}`")
        except Forbidden as error:
            if "quotaExceeded" not in {one["reason"] for one in error.errors}:
                raise
            return False, f"{what}: number {number} of {CLONES} was refused: {error.message}"
        processed += answer.total_bytes_processed or 0
    return processed == 0, f"{CLONES} {what}: {processed:,} bytes"


def rights(client: bigquery.Client, table: str, needed: set[str]) -> Finding:
    """Whether the identity has the permissions on a table that runs need, and which it has beyond them."""
    has = set(client.test_iam_permissions(table, sorted(TESTED)).get("permissions", ()))
    said = {"missing": needed - has, "more than a run needs": has - needed}
    found = [f"{name}: {', '.join(sorted(some))}" for name, some in said.items() if some]
    return needed <= has, f"permissions on {table}: {'; '.join(found) or 'as docs/bigquery.md lists them'}"


def assumptions(store: BigQueryStore, tables: list[str]) -> Iterator[Finding]:
    """What only an account can tell, on the newest table of the export and on a table that is made and dropped."""
    client, place = store.client, store.place
    if tables:
        yield pruned_export(store, tables[-1])
        needed = READS | (ERASES if store.settings.erase_from_export else set())
        yield rights(client, f"{place.export}.{tables[-1]}", needed)
    table, copy = (f"{place.project}.{dataset}.{OWN_TABLE}" for dataset in (place.dataset, place.published))
    client.query_and_wait(TABLE_OF_DAYS.format(table=table))
    try:
        yield rights(client, table, WRITES)
        yield from pruned_days(client, table)
        yield cloned(client, table, copy)
        yield rights(client, copy, WRITES)
    finally:
        for one in (table, copy):
            client.delete_table(one, not_found_ok=True)


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
        failed = 0
        for holds, what in assumptions(store, tables):
            say.print(f"{'ok' if holds else 'not as assumed'}  {what}")
            failed += not holds
    say.print('Send all these lines, please: "Report back" in docs/bigquery.md says where and what else helps.')
    if failed:
        raise NotReadyError(
            f"BigQuery does not do {failed} of the things above as assumed, and runs would fail or cost more than "
            "docs/bigquery.md says: keep start_date and end_date narrow until that is solved."
        )


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
