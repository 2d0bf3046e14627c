"""`make run`: one whole run of attribution_microbatch through Airflow, ending with the attribution table.

    python -m include.run [--ga4 FOLDER] [--events N] [--demo] [--seed N] [--people N] [--days N]

A home that holds nothing becomes a demo home, unless --ga4 names data of one's own (include/home_kind.py).

Exit code 0 when the run ended well (also when nothing was new), 1 when it failed, 2 when it could not start.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

from rich.console import Console

from include.demo_data import Size, set_up_home
from include.home import StartError
from include.home_kind import Asked
from include.landing import GA4, all_shards
from include.reported_run import command, reported_run, show_figures
from include.settings import Settings, read_variables

WAIT_SECONDS = 5


def read_arguments(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m include.run", description=__doc__.split("\n")[0])
    parser.add_argument(
        "--ga4", metavar="FOLDER", help="read the GA4 export files of this folder (events_YYYYMMDD.parquet)"
    )
    parser.add_argument(
        "--events",
        type=int,
        metavar="N",
        help="simulated events to stream (20 in a demo home, else none); on data of your own it takes --demo",
    )
    parser.add_argument("--demo", action="store_true", help="demo data is wanted, beside data of your own too")
    parser.add_argument(
        "--seed", type=int, metavar="N", help="fix the simulator; generated history then ends on 2026-01-31"
    )
    parser.add_argument("--people", type=int, default=3000, metavar="N", help="people in generated history (3000)")
    parser.add_argument("--days", type=int, default=30, metavar="N", help="days of generated history (30)")
    parsed = parser.parse_args(arguments)
    for name, least in (("events", 0), ("people", 1), ("days", 1)):
        if (value := getattr(parsed, name)) is not None and value < least:
            parser.error(f"--{name} must be at least {least}")
    return parsed


def with_export(settings: Settings, folder: str) -> Settings:
    """The settings with this folder as the GA4 export, which reported_run keeps in the home for later runs.

    Raises StartError where it is not there or holds no export file.
    """
    path = Path(folder).expanduser().absolute()
    files = [file for shard in all_shards(path, GA4).values() for file in shard.path]
    if not any(file.lower().endswith(".parquet") for file in files):
        missing = "holds no Parquet file" if path.is_dir() else "does not exist"
        raise StartError(
            f"the GA4 folder {path} {missing}. Expected: one file a table of GA4's BigQuery export, named "
            "events_YYYYMMDD.parquet or events_intraday_YYYYMMDD.parquet."
        )
    there = settings.ga4_export.is_dir() and path.samefile(settings.ga4_export)
    return settings if there else replace(settings, ga4_export=path)


def set_up(settings: Settings, console: Console, options: argparse.Namespace) -> tuple[Settings, int]:
    """Decide what the home holds, keep that, and fill a new demo home; the settings, and how many events to simulate.

    Raises StartError where the folder of --ga4 does not do, HomeKindError where demo data and one's own would mix.
    """
    if settings.bigquery is not None and options.ga4:
        raise StartError("--ga4 names a folder, and DBT_TARGET=bigquery reads the dataset GA4_DATASET. Leave it out.")
    after = with_export(settings, options.ga4) if options.ga4 else settings
    asked = Asked(
        own="GA4=" if options.ga4 else "",
        events=options.events,
        demo=options.demo,
        fresh=settings.ga4_export.is_relative_to(settings.home),  # else GA4_EXPORT names where one's own will be
    )
    decision = set_up_home(settings, console, asked, Size(options.seed, options.days, options.people))
    return after, decision.events


def run(options: argparse.Namespace, settings: Settings, console: Console, lock: int) -> int:
    """Do the run and report it; the exit code."""
    settings, events = set_up(settings, console, options)
    params = {"events": events, "seed": options.seed, "wait_seconds": WAIT_SECONDS}
    outcome = reported_run(settings, console, lock, "attribution_microbatch", params)
    while outcome.good and not outcome.idle and read_variables(settings).get("max_new_days"):
        console.print("Going on with the export tables of later dates (max_new_days).")
        outcome = reported_run(settings, console, lock, "attribution_microbatch", {**params, "events": 0})
    if not outcome.good:
        return 1
    if outcome.idle:
        console.print("Nothing new has landed since the last run; the marts are up to date.")
    show_figures(console, settings)
    return 0


if __name__ == "__main__":
    sys.exit(command("make run", partial(run, read_arguments(sys.argv[1:]))))
