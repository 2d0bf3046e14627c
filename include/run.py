"""`make run`: one whole run of attribution_microbatch through Airflow, ending with the attribution table.

    python -m include.run [--ga4 FOLDER] [--events N] [--seed N] [--people N] [--days N]

Exit code 0 when the run ended well (also when nothing was new), 1 when it failed, 2 when it could not start.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import duckdb
from rich.console import Console
from rich.markup import escape

from include.airflow_env import airflow_env, deployment_secrets
from include.attribution_table import as_table, read_credits
from include.home import HomeInUseError, hold_home
from include.landing import exported_tables, streamed_batches
from include.settings import PROJECT, SettingError, Settings

SEEDED_END = datetime(2026, 1, 31, 12, tzinfo=UTC)
WAIT_SECONDS = 5
PATIENCE_SECONDS = 5
DAY_SECONDS = 86_400
TABLE_WIDTH = 110


class StartError(RuntimeError):
    """The run cannot start; the message says what to change."""


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
    if not path.is_dir() or not any(path.glob("*.parquet")):
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
    """Fill an empty landing zone with generated GA4 export files; leave any other as it is.

    With a seed the history ends on SEEDED_END, so that the same seed gives the same files; without, it ends now.
    """
    if not settings.ga4_export.is_relative_to(settings.home) or settings.ga4_export.is_symlink():
        return
    settings.ga4_export.mkdir(parents=True, exist_ok=True)
    if exported_tables(settings.ga4_export) or streamed_batches(settings.streamed_events):
        return
    from include.simulator.history import write_history  # noqa: PLC0415 - only a fresh home needs the generator
    from include.stream_events import HISTORY_SEED  # noqa: PLC0415

    seed, end = (HISTORY_SEED, datetime.now(UTC)) if options.seed is None else (options.seed, SEEDED_END)
    console.print(f"No data yet: generating {options.days} days of {options.people:,} people (seed {seed})")
    write_history(
        settings.ga4_export, seed=seed, end=end, days=options.days, people=options.people, truth=settings.truth
    )


@contextmanager
def child(arguments: list[str], lock: int, log: IO[bytes]) -> Iterator[tuple[subprocess.Popen[bytes], IO[str]]]:
    """The process that runs the DAG, in a session of its own, and its progress; gone when the block ends."""
    reading, writing = os.pipe()
    process = subprocess.Popen(  # noqa: S603 - a fixed command
        [sys.executable, "-m", "include.one_run", str(writing), *arguments],
        cwd=PROJECT,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        pass_fds=(writing, lock),
        start_new_session=True,
    )
    os.close(writing)
    try:
        with os.fdopen(reading) as progress:
            yield process, progress
            process.wait()
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End the process and all it started: politely, then for good; a model's transaction is either in or not."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)  # while a task runs, Airflow takes SIGTERM for the task's own
        try:
            process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def show(console: Console, event: dict[str, Any]) -> None:
    """One line a task, with the cause where it failed."""
    colour = {"success": "green", "failed": "red", "skipped": "yellow"}[event["state"]]
    console.print(f"  {event['task']:<40} [{colour}]{event['state']:<8}[/] {event['seconds']:>6.1f} s", highlight=False)


def explain_failure(console: Console, events: list[dict[str, Any]]) -> None:
    """What failed and why, in plain words."""
    for event in (one for one in events if one["state"] == "failed" and one.get("error")):
        console.print(f"[red]{event.get('task', 'The run')} failed[/]: {escape(event['error'])}", highlight=False)
        if event.get("detail"):
            console.print(escape(event["detail"]), highlight=False)


def show_figures(console: Console, settings: Settings) -> None:
    """The attribution table and the figures of the last published run; the lag where events keep real time.

    Events streamed after generated or older history go on from its clock, which says nothing about the lag.
    """
    # a narrow terminal may wrap the table's lines, but no amount is ever cut short
    Console(file=console.file, width=max(console.width, TABLE_WIDTH)).print(as_table(read_credits(settings)))
    with duckdb.connect(str(settings.published), read_only=True) as published:
        last = published.execute("from pipeline_runs order by published_at desc, run_id limit 1")
        figures = dict(zip([column[0] for column in last.description or []], last.fetchall()[0], strict=True))
    lag = figures["lag_p50_seconds"]
    console.print(
        f"{figures['events']:,} events, {figures['sessions']:,} sessions, {figures['conversions']:,} conversions, "
        f"${figures['revenue']:,} revenue; {figures['batch_events']:,} distinct events in this batch, "
        f"{figures['rejected_rows']:,} rows and {figures['rejected_files']:,} files in quarantine"
        + (
            ""
            if lag is None or not 0 <= lag < DAY_SECONDS
            else f"; event to published {lag:.1f} s (median), {figures['lag_max_seconds']:.1f} s (most)"
        ),
        highlight=False,
    )


def run(settings: Settings, console: Console, options: argparse.Namespace, lock: int) -> int:
    """Do the run in a child process and report it; the exit code."""
    generate_history(settings, console, options)
    os.environ.update(airflow_env(settings, deployment_secrets(settings)))
    log = settings.home / "logs" / f"run_{datetime.now(UTC):%Y%m%dT%H%M%S%f}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    params = {"events": options.events, "seed": options.seed, "wait_seconds": WAIT_SECONDS}
    console.print("Running attribution_microbatch")
    started = time.monotonic()
    events = []
    with log.open("wb") as file, child([json.dumps(params)], lock, file) as (process, progress):
        for line in progress:
            events.append(json.loads(line))
            if "task" in events[-1]:
                show(console, events[-1])
    last: dict[str, Any] = events[-1] if events and "run" in events[-1] else {"state": "failed"}
    idle = any(event.get("task") == "await_streamed_rows" and event["state"] == "skipped" for event in events)
    state = "skipped" if idle else last["state"]
    console.print(f"Ended {state} after {time.monotonic() - started:.1f} s; log: {log.relative_to(settings.home)}")
    if process.returncode != 0 or last["state"] != "success":
        explain_failure(console, events)
        if not any(event.get("error") for event in events):
            console.print(f"[red]The run ended without a word (exit code {process.returncode}); see the log.[/]")
        console.print("The published marts are as they were before this run.")
        return 1
    if idle:
        console.print("Nothing new has landed since the last run; the marts are up to date.")
    if settings.published.exists():
        show_figures(console, settings)
    return 0


def _terminated(number: int, frame: object) -> None:
    raise SystemExit(128 + number)


def main(arguments: list[str]) -> int:
    """Run and report; the exit code."""
    console = Console(soft_wrap=True)
    options = read_arguments(arguments)
    signal.signal(signal.SIGTERM, _terminated)
    try:
        settings = Settings.from_env()
        with hold_home(settings, "make run") as lock:
            if options.ga4:
                settings = with_export(settings, options.ga4)
            return run(settings, console, options, lock)
    except (StartError, SettingError, HomeInUseError, OSError) as error:
        console.print(f"[red]Cannot run[/]: {escape(str(error))}", highlight=False)
        return 2
    except KeyboardInterrupt:
        console.print("Stopped; the published marts are as they were before this run.")
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
