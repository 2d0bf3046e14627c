"""`make backfill`: takes everything, or the GA4 export tables of some dates, from the source again.

    python -m include.run_backfill (--full | [--start YYYY-MM-DD] [--end YYYY-MM-DD])

Exit code 0 when the run ended well, 1 when it failed, 2 when it could not start.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from typing import Any

from rich.console import Console

from include.backfill import END, FULL, START, BackfillError, read_request
from include.reported_run import command, reported_run, show_figures
from include.settings import Settings

DAG_ID = "attribution_backfill"
INSTEAD = f"Where Airflow runs on this home, trigger {DAG_ID} in its UI, which has a form for it."


def read_arguments(arguments: list[str]) -> dict[str, Any]:
    """The command line as params of the DAG; ends the process with code 2 where they make no request."""
    parser = argparse.ArgumentParser(prog="python -m include.run_backfill", description=__doc__.split("\n")[0])
    parser.add_argument("--full", action="store_true", dest=FULL, help="take everything again")
    parser.add_argument("--start", metavar="DATE", dest=START, help="first date of the export tables to read again")
    parser.add_argument("--end", metavar="DATE", dest=END, help="last date of the export tables to read again")
    params = vars(parser.parse_args(arguments))
    try:
        read_request(params)
    except BackfillError as error:
        parser.error(f"{error} As in: make backfill START=2026-01-01 END=2026-01-07, or make backfill FULL=1")
    return params


def run(params: dict[str, Any], settings: Settings, console: Console, lock: int) -> int:
    """Do the run and report it; the exit code."""
    outcome = reported_run(settings, console, lock, DAG_ID, params)
    if not outcome.good:
        return 1
    tables = outcome.returned["mark_tables"]
    console.print("Everything was taken again." if params[FULL] else f"{tables} export tables were read again.")
    show_figures(console, settings)
    return 0


if __name__ == "__main__":
    sys.exit(command("make backfill", partial(run, read_arguments(sys.argv[1:])), instead=INSTEAD))
