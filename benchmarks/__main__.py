"""`make bench`: a full refresh beside the floor, a batch through Airflow beside `dbt build`, a stream, publishing.

Prints tables. Exit code 0 when all was measured, 1 when something failed, 2 when it could not start.
"""

from __future__ import annotations

import argparse
import logging
import shutil
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks.airflow_run import measure_microbatch, measure_stream
from benchmarks.bigquery_bill import measure_bigquery
from benchmarks.full_refresh import measure_full_refresh
from benchmarks.history import find_export, repeat
from benchmarks.measure import BenchmarkError, Report
from benchmarks.publishing import measure_publishing
from include.home import HomeInUseError, StartError, hold_home
from include.settings import SettingError, Settings

PARTS = ("full", "microbatch", "stream", "publish", "bigquery")


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    options = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.split("\n")[0])
    options.add_argument("--only", choices=PARTS, help="measure one of them")
    options.add_argument(
        "--ga4",
        type=Path,
        metavar="FOLDER",
        help="GA4 export files (default: ../shared/ga4_sample if it is there, else a generated history)",
    )
    options.add_argument(
        "--scale", type=int, default=1, metavar="N", help="the micro-batch on N times the history too (1)"
    )
    options.add_argument("--runs", type=int, default=5, metavar="N", help="pairs of runs that count (5)")
    options.add_argument("--batches", type=int, default=60, metavar="N", help="batches of the stream (60)")
    return options


def measure(given: argparse.Namespace, scratch: Path) -> Iterator[Report]:
    """All that was asked for, one after another."""
    export = find_export(given.ga4, scratch)
    if given.only in {None, "full"}:
        yield from measure_full_refresh(export, scratch / "full", given.runs)
    if given.only in {None, "microbatch"}:
        for times in dict.fromkeys((1, given.scale)):
            history = repeat(export, times, scratch / f"history_{times}")
            yield from measure_microbatch(history, scratch / f"microbatch_{times}", given.runs)
    if given.only in {None, "stream"}:
        yield from measure_stream(export, scratch / "stream", given.batches)
    if given.only in {None, "publish"}:
        yield from measure_publishing(scratch / "publish", given.runs)
    if given.only in {None, "bigquery"}:
        yield from measure_bigquery(scratch / "bigquery")


def printed(report: Report) -> Table:
    """The report as a table for a person."""
    table = Table(title=report.title, title_justify="left")
    for number, column in enumerate(report.columns):
        table.add_column(column, justify="right" if number else "left", no_wrap=True)
    for row in report.rows:
        table.add_row(*row)
    return table


def _terminated(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and report; the exit code."""
    options = parser()
    given = options.parse_args(arguments)
    if min(given.scale, given.runs, given.batches) < 1:
        options.error("--scale, --runs and --batches are at least 1")
    console = Console()
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    logging.getLogger("benchmarks").setLevel(logging.INFO)
    signal.signal(signal.SIGTERM, _terminated)
    try:
        settings = Settings.from_env()
        folder = settings.home / "benchmarks"
        scratch = folder / "work"
        with hold_home(replace(settings, home=folder), "make bench"):
            shutil.rmtree(scratch, ignore_errors=True)
            scratch.mkdir()
            for report in measure(given, scratch):
                console.print(printed(report), "", highlight=False)
            shutil.rmtree(scratch)
    except (SettingError, HomeInUseError) as error:
        console.print(f"[red]Cannot start[/]: {escape(str(error))}", highlight=False)
        return 2
    except (BenchmarkError, StartError, OSError) as error:
        console.print(f"[red]Stopped[/]: {escape(str(error))}", highlight=False)
        return 1
    except KeyboardInterrupt:
        console.print("Stopped.")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
