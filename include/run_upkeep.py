"""`make upkeep`: the nightly work once, now: deletions, retention, the proof, the dbt docs.

    python -m include.run_upkeep

Exit code 0 when the run ended well, 1 when it failed, 2 when it could not start.
"""

from __future__ import annotations

import sys

from rich.console import Console

from include.reported_run import command, reported_run
from include.settings import Settings
from include.upkeep import summary

DAG_ID = "attribution_upkeep"
INSTEAD = f"Where Airflow runs on this home, it does the upkeep at night; trigger {DAG_ID} in its UI to have it now."


def run(settings: Settings, console: Console, lock: int) -> int:
    """Do the run and report it; the exit code."""
    outcome = reported_run(settings, console, lock, DAG_ID, {})
    if not outcome.good:
        return 1
    for line in summary(outcome.returned):
        console.print(line, highlight=False, markup=False)
    return 0


if __name__ == "__main__":
    sys.exit(command("make upkeep", run, instead=INSTEAD))
