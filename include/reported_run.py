"""A run of one of the DAGs at the command line: starts it in a process of its own and tells what becomes of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, Any

from rich.console import Console
from rich.markup import escape

from include.airflow_env import airflow_env, clean, deployment_secrets
from include.attention import LAST_RUN, Attention, needs_attention
from include.attribution_table import as_models_table, credits_table, read_models
from include.dashboard.health import CHECKS
from include.dashboard.marts import MartsError, NotPublishedError, open_marts
from include.home import HomeInUseError, StartError, full, hold_home, in_words
from include.home_kind import badge, keep
from include.settings import PROJECT, SettingError, Settings
from include.watchdog import watchdog
from include.wording import counted

PATIENCE_SECONDS = 5
TABLE_WIDTH = 130


@dataclass(frozen=True)
class Outcome:
    """How a run ended. idle: nothing new had landed. returned: task -> what it returned, of a run that ended well."""

    good: bool
    idle: bool
    returned: dict[str, Any]


@contextmanager
def child(arguments: list[str], lock: int, log: IO[bytes]) -> Iterator[tuple[subprocess.Popen[bytes], IO[str]]]:
    """The process that runs the DAG, in a session of its own, and its progress; gone when the block ends.

    It is stopped by SIGINT: while a task runs, Airflow takes SIGTERM for the task's own. A model's transaction is
    either in or not.
    """
    reading, writing = os.pipe()
    with watchdog(signal.SIGINT, PATIENCE_SECONDS) as watched:
        process = subprocess.Popen(  # noqa: S603 - a fixed command
            [sys.executable, "-m", "include.one_run", str(writing), *arguments],
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            pass_fds=(writing, lock),
            start_new_session=True,
        )
        print(process.pid, file=watched)
        os.close(writing)
        with os.fdopen(reading) as progress:
            yield process, progress
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
    """The attribution tables and the figures of the last published run, if any."""
    marts = open_marts(settings)
    try:
        (figures,) = marts.ask(LAST_RUN)
    except (NotPublishedError, ValueError):  # no run has published yet
        return
    except MartsError as error:
        console.print(escape(str(error)), highlight=False)
        return
    # a narrow terminal may wrap the table's lines, but no amount is ever cut short
    wide = Console(file=console.file, width=max(console.width, TABLE_WIDTH))
    shown = badge(settings)
    for table in (credits_table(marts), as_models_table(read_models(marts))):
        table.title = f"{shown.upper()} · {table.title}" if shown else table.title
        wide.print(table)
    half = figures.get("landed_p50_seconds")  # not in what an earlier version published
    console.print(
        f"{figures['events']:,} events, {figures['sessions']:,} sessions, {figures['conversions']:,} conversions, "
        f"${figures['revenue']:,} revenue; {figures['batch_events']:,} distinct events in this batch"
        + (
            ""
            if half is None
            else f"; landed to published {half:.1f} s (p50), {figures['landed_p95_seconds']:.1f} s (p95)"
        ),
        highlight=False,
    )
    checks = marts.ask(CHECKS, run=figures["run_id"])
    warned = [check for check in checks if check["status"] != "pass"]
    console.print(f"{len(checks) - len(warned)} checks passed, {len(warned)} warned", highlight=False)
    for check in warned:
        count = "did not run" if check["failures"] is None else counted(check["failures"], "row")
        detail = "".join(f"\n{line}" for line in (check["detail"] or "").splitlines())
        said = f"{check['name']} ({check['stage']}): {count}{detail}"
        console.print(f"[yellow]warning[/]: {escape(said)}", highlight=False)
    show_attention(console, settings, needs_attention(marts))


def show_attention(console: Console, settings: Settings, found: Sequence[Attention]) -> None:
    """Print what needs a person, with what shows all of it and what to do; nothing where nothing does."""
    if not found:
        return
    place = settings.published if settings.bigquery is None else f"the dataset {settings.bigquery.published}"
    console.print(f"[yellow]Needs attention[/] (dashboard: Operations; SQL on {escape(str(place))}):", highlight=False)
    for one in found:
        console.print(f"  {escape(one.what)}", highlight=False)
        console.print(f"    {escape(one.show)}  (docs/{one.page})", highlight=False)


def reported_run(settings: Settings, console: Console, lock: int, dag_id: str, params: dict[str, Any]) -> Outcome:
    """Run the DAG once with these params in a child process, a line a task, and say why where it failed.

    lock: the file descriptor of the home's lock, which the child inherits.
    """
    os.environ.update(airflow_env(settings, deployment_secrets(settings)))
    for change in keep(settings):
        console.print(f"[yellow]{escape(change)}[/]", highlight=False)
    log = settings.home / "logs" / f"run_{datetime.now(UTC):%Y%m%dT%H%M%S%f}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    console.print(f"Running {dag_id}")
    started = time.monotonic()
    events = []
    with log.open("wb") as file, child([dag_id, json.dumps(params)], lock, file) as (process, progress):
        for line in progress:
            events.append(json.loads(line))
            if "task" in events[-1]:
                show(console, events[-1])
    last: dict[str, Any] = events[-1] if events and "run" in events[-1] else {"state": "failed"}
    idle = any(event.get("task") == "await_streamed_rows" and event["state"] == "skipped" for event in events)
    state = "skipped" if idle else last["state"]
    console.print(f"Ended {state} after {time.monotonic() - started:.1f} s; log: {log.relative_to(settings.home)}")
    good = process.returncode == 0 and last["state"] == "success"
    if not good:
        explain_failure(console, events)
        if not any(event.get("error") for event in events):
            console.print(f"[red]The run ended without a word (exit code {process.returncode}); see the log.[/]")
        if found := full(settings.home):
            console.print(found, highlight=False, markup=False)
        published = any(event.get("task") == "publish" and event["state"] == "success" for event in events)
        console.print(
            "The marts of this run were published before it failed."
            if published
            else "The published marts are as they were before this run."
        )
    return Outcome(good, idle, last.get("returned") or {})


def _terminated(number: int, frame: object) -> None:
    raise SystemExit(128 + number)


def command(what: str, work: Callable[[Settings, Console, int], int], *, instead: str = "") -> int:
    """Do the work of the command `what` while it holds the home; the exit code.

    instead: what to do where the home is in use. Exit code 2 where it cannot start, 130 where it was stopped.
    """
    console = Console(soft_wrap=True)
    signal.signal(signal.SIGTERM, _terminated)
    os.umask(0o077)
    try:
        settings = Settings.from_env()
        if unused := clean(os.environ):
            console.print(f"Not used here, see docs/settings.md: {', '.join(unused)}", highlight=False, markup=False)
        with hold_home(settings, what) as lock:
            return work(settings, console, lock)
    except (StartError, SettingError, OSError) as error:
        console.print(f"[red]Cannot run[/]: {escape(in_words(error))}", highlight=False)
        if isinstance(error, HomeInUseError) and instead:
            console.print(instead, highlight=False, markup=False)
        return 2
    except KeyboardInterrupt:
        console.print("Stopped; the published marts are as they were before this run.")
        return 130
