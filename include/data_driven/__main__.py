"""`make fit`: a fit of the data-driven models now, by the journeys of the last build; the next build follows it.

    python -m include.data_driven

Exit code 0 when a fit was made, 1 where the journeys allow none, 2 when it could not start.
"""

from __future__ import annotations

import sys

from rich.console import Console

from include.data_driven.upkeep import fit_models
from include.reported_run import command
from include.settings import Settings
from include.warehouse import WarehouseError


def run(settings: Settings, console: Console, lock: int) -> int:
    """Make the fit and say what it weighs; the exit code."""
    try:
        done = fit_models(settings, "now")
    except WarehouseError as error:
        console.print(str(error), highlight=False, markup=False)
        return 2
    console.print(done.what, highlight=False, markup=False)
    return 0 if done.fit_id else 1


if __name__ == "__main__":
    sys.exit(
        command("make fit", run, instead="Where Airflow runs on this home, attribution_upkeep fits when it is time.")
    )
