"""`make run`: one whole run of attribution_microbatch through Airflow, ending with the attribution table.

    python -m include.run [--ga4 FOLDER] [--events N] [--seed N] [--people N] [--days N]

Exit code 0 when the run ended well (also when nothing was new), 1 when it failed, 2 when it could not start.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from rich.console import Console

from include.landing import GA4, all_shards, exported_tables, streamed_batches
from include.reported_run import StartError, command, reported_run, show_figures
from include.settings import Settings

SEEDED_END = datetime(2026, 1, 31, 12, tzinfo=UTC)
WAIT_SECONDS = 5


def read_arguments(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m include.run", description=__doc__.split("\n")[0])
    parser.add_argument(
        "--ga4", metavar="FOLDER", help="read the GA4 export files of this folder (events_YYYYMMDD.parquet)"
    )
    parser.add_argument(
        "--events", type=int, default=20, metavar="N", help="simulated events to stream (20); 0 for none"
    )
    parser.add_argument(
        "--seed", type=int, metavar="N", help="fix the simulator; generated history then ends on 2026-01-31"
    )
    parser.add_argument("--people", type=int, default=3000, metavar="N", help="people in generated history (3000)")
    parser.add_argument("--days", type=int, default=30, metavar="N", help="days of generated history (30)")
    parsed = parser.parse_args(arguments)
    for name, least in (("events", 0), ("people", 1), ("days", 1)):
        if getattr(parsed, name) < least:
            parser.error(f"--{name} must be at least {least}")
    return parsed


def with_export(settings: Settings, folder: str) -> Settings:
    """The settings with this folder as the GA4 export; the home's `landing/ga4` becomes a link to it, for later runs.

    The caller holds the home. One that holds export files of its own, or is told where they are by GA4_EXPORT, reads
    the folder this once.

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
    own = settings.ga4_export
    if own.is_relative_to(settings.home):
        if own.is_symlink():
            own.unlink()
        elif own.is_dir() and not any(own.iterdir()):
            own.rmdir()
        if not own.exists():
            own.parent.mkdir(parents=True, exist_ok=True)
            own.symlink_to(path)
            return settings
    return replace(settings, ga4_export=path)


def generate_history(settings: Settings, console: Console, options: argparse.Namespace) -> None:
    """Fill an empty landing zone with generated GA4 export files and ad spend; leave any other as it is.

    With a seed the history ends on SEEDED_END, so that the same seed gives the same files; without, it ends now.
    """
    if not settings.ga4_export.is_relative_to(settings.home) or settings.ga4_export.is_symlink():
        return
    settings.ga4_export.mkdir(parents=True, exist_ok=True)
    if exported_tables(settings.ga4_export) or streamed_batches(settings.streamed_events):
        return
    from include.simulator.history import write_history  # noqa: PLC0415 - only a fresh home needs the generator
    from include.simulator.spend import write_spend  # noqa: PLC0415
    from include.stream_events import HISTORY_SEED  # noqa: PLC0415

    seed, end = (HISTORY_SEED, datetime.now(UTC)) if options.seed is None else (options.seed, SEEDED_END)
    console.print(f"No data yet: generating {options.days} days of {options.people:,} people (seed {seed})")
    write_history(
        settings.ga4_export, seed=seed, end=end, days=options.days, people=options.people, truth=settings.truth
    )
    write_spend(settings.ad_spend, seed=seed, end=end, days=options.days, people=options.people)


def run(options: argparse.Namespace, settings: Settings, console: Console, lock: int) -> int:
    """Do the run and report it; the exit code."""
    if settings.bigquery is None:
        if options.ga4:
            settings = with_export(settings, options.ga4)
        generate_history(settings, console, options)
    elif options.ga4:
        raise StartError("--ga4 names a folder, and DBT_TARGET=bigquery reads the dataset GA4_DATASET. Leave it out.")
    params = {"events": options.events, "seed": options.seed, "wait_seconds": WAIT_SECONDS}
    outcome = reported_run(settings, console, lock, "attribution_microbatch", params)
    if not outcome.good:
        return 1
    if outcome.idle:
        console.print("Nothing new has landed since the last run; the marts are up to date.")
    show_figures(console, settings)
    return 0


def main(arguments: list[str]) -> int:
    """Run and report; the exit code."""
    return command("make run", partial(run, read_arguments(arguments)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
