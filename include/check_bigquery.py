"""`make check-bigquery`: is this deployment's BigQuery ready, and what would the first build read and cost?

    python -m include.check_bigquery [--start DATE] [--end DATE] [--price DOLLARS]

Exit code 0 when all is well, 1 when something must change first, 2 when it cannot start: a setting is missing, or there
are no credentials.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import DefaultCredentialsError
from google.auth.transport.requests import Request
from rich.console import Console

from include.airflow_env import airflow_env, deployment_secrets
from include.bigquery import connect
from include.bigquery_errors import explain, explained
from include.bigquery_estimate import estimate, pruned_read
from include.bigquery_setup import SetupError, require_export, set_up
from include.settings import BigQuery, SettingError, Settings
from include.shell import clean
from include.store_bigquery import BigQueryStore
from include.warehouse import WarehouseError

#: US dollars a TiB read on demand: the list price for the location US since July 2023.
LIST_PRICE = 6.25


class NotReadyError(RuntimeError):
    """Something must change before the first run; the message says what."""


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
    from include.bigquery_login import credentials  # noqa: PLC0415 - Airflow takes seconds, a wrong setting need not

    try:
        found = credentials()
    except DefaultCredentialsError as error:
        raise SettingError(f"{explain(place, error)} Nothing was asked of BigQuery.") from error
    with explained(place):
        if not isinstance(found, AnonymousCredentials):
            found.refresh(Request())  # type: ignore[no-untyped-call]
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
        found = estimate(store, asked.start, asked.end)
        dollars = found.bytes / 2**40 * asked.price
        say.print(
            f"ok  estimate: the first build reads {found.bytes:,} bytes of {len(found.tables)} tables of the export, "
            f"${dollars:,.2f} at ${asked.price:g} a TiB; docs/bigquery.md says what the rest of a run costs"
        )
        if found.bytes > place.max_bytes_billed:
            raise NotReadyError(
                f"the first build would read {found.bytes:,} bytes of the export, BQ_MAX_BYTES_BILLED allows "
                f"{place.max_bytes_billed:,}. Narrow start_date and end_date (dbt/dbt_project.yml; here --start and "
                "--end), or raise BQ_MAX_BYTES_BILLED. Nothing was read."
            )
        set_up(place, events=1)
        say.print(f"ok  prepare: {place.dataset}, {place.published} and {place.dataset}.streamed_events are there")
        if not found.tables:
            say.print("ok  read: the export has no table of these dates, so none was read")
            return
        read = pruned_read(store, found.tables[-1])
    if read.billed > read.expected:
        raise NotReadyError(
            f"the pruner did not cut: {read.table} has {read.expected:,} bytes of the column event_timestamp, and "
            f"reading it by a script variable took {read.billed:,}. Every run would read the whole export: keep "
            "start_date and end_date narrow, and report this (docs/bigquery.md)."
        )
    say.print(f"ok  read: {read.rows:,} rows of {read.table}, {read.billed:,} bytes; a script variable prunes")


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
