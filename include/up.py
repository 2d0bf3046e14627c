"""`make up`: Airflow's UI and the five-minute schedule on this machine, until Ctrl-C.

    python -m include.up [--demo]

An empty home stays empty until files land in it; with --demo it becomes a demo home.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from functools import partial

from rich.console import Console
from rich.markup import escape

from include.airflow_env import USER
from include.alerts import deliver
from include.demo_data import set_up_home
from include.home import full
from include.home_kind import Asked
from include.local_airflow import LocalAirflow, local_airflow
from include.reported_run import command
from include.settings import CONTINUOUS, Settings


def look_at_disk(settings: Settings, console: Console, known: str | None) -> str | None:
    """Say and tell that the disk is full, or has room again, where that is news; what is known now."""
    found = full(settings.home)
    if (found is None) != (known is None):
        console.print(found or "The disk has room again.", highlight=False, markup=False)
        deliver.tell_disk(settings, found)
    return found


def watch(airflow: LocalAirflow, console: Console) -> int:
    """Say where the UI is once it answers, then stay until a component ends; the exit code."""
    airflow.wait_until_healthy()
    console.print(f"Airflow is at {airflow.url}  user: {USER}  password: {escape(airflow.password)}", highlight=False)
    console.print(f"The dashboard: {airflow.url}/attribution/, or Attribution in its navigation", highlight=False)
    schedule = airflow.settings.schedule
    when = {CONTINUOUS: "when something lands", None: "when it is triggered"}.get(schedule, f"by {schedule} (UTC)")
    console.print(
        f"attribution_microbatch runs {when}, attribution_upkeep at 02:15 UTC. Ctrl-C stops everything.",
        highlight=False,
    )
    known = None
    while (ended := airflow.ended()) is None:
        known = look_at_disk(airflow.settings, console, known)
        time.sleep(1)
    look_at_disk(airflow.settings, console, known)
    deliver.finish()
    console.print(f"[red]{ended} ended[/]; see {airflow.settings.home / 'logs' / f'{ended}.log'}. Stopping the rest.")
    return 1


def run(demo: bool, settings: Settings, console: Console, lock: int) -> int:
    """Start, watch, stop; the exit code: 0 when the user stopped it, 1 when a component ended.

    Raises HomeKindError where demo data is asked for on data of one's own.
    """
    if set_up_home(settings, console, Asked(demo=demo)).kind is None:
        console.print(
            f"{settings.home} holds no data yet, so runs are skipped until files land in {settings.ga4_export} or "
            f"{settings.streamed_events}. For demo data stop this and start it with `DEMO=1 make up`.",
            highlight=False,
        )
    console.print("Starting Airflow; this takes about half a minute.")
    try:
        with local_airflow(settings, keep=(lock,)) as airflow:
            return watch(airflow, console)
    except (KeyboardInterrupt, SystemExit):  # Ctrl-C, SIGTERM
        console.print("Stopped.")
        return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Do so while this command holds the home; the exit code, 2 where it cannot start."""
    parser = argparse.ArgumentParser(prog="python -m include.up", description=__doc__.split("\n")[0])
    parser.add_argument("--demo", action="store_true", help="make an empty home a demo home")
    return command("make up", partial(run, parser.parse_args(arguments).demo))


if __name__ == "__main__":
    sys.exit(main())
