"""`make clean-demo`: remove what the simulator wrote in this home, and everything derived from it.

    python -m include.clean_demo

Files of the user's own stay, and so do folders outside the home. Exit code 0, 2 where it cannot.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from rich.console import Console

from include.home_kind import DEMO, OWN, TRIAL, HomeKindError, kind_of, mark
from include.reported_run import command
from include.settings import Settings
from include.simulator.own_files import own_batches, own_spend, own_tables


def landed_by_simulator(settings: Settings) -> tuple[list[Path], list[Path]]:
    """The simulator's landed files: those in the home, and those in a folder elsewhere."""
    found = [*own_tables(settings), *own_batches(settings), *own_spend(settings)]
    home = settings.home.resolve()
    inside = [path for path in found if path.resolve().is_relative_to(home)]
    return inside, [path for path in found if path not in inside]


def derived(settings: Settings, kind: str) -> list[Path]:
    """What runs made of it; where the user's own data is there too, who was deleted and what was dropped stays."""
    outlives = [] if kind == TRIAL else [settings.tombstones, settings.history]
    return [
        settings.warehouse,
        settings.warehouse.with_suffix(".duckdb.wal"),
        settings.published.parent,
        settings.simulated.parent,
        settings.outbox,
        settings.home / "proof",
        settings.home / "report.html",
        *outlives,
    ]


def clean(settings: Settings, console: Console, lock: int) -> int:
    """Remove it and say what; the exit code.

    Raises HomeKindError where there is no demo data to remove.
    """
    if settings.bigquery is not None:
        raise HomeKindError("DBT_TARGET is bigquery; drop the datasets there. clean-demo removes files of a home.")
    kind = kind_of(settings)
    if kind not in {DEMO, TRIAL}:
        held = "your own data" if kind == OWN else "nothing"
        raise HomeKindError(f"{settings.home} holds {held}, and no demo data; nothing was removed.")
    inside, outside = landed_by_simulator(settings)
    settings.home_kind.unlink(missing_ok=True)
    for path in (*inside, *derived(settings, str(kind))):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    left = kind_of(settings)
    mark(settings, left)
    console.print(f"Removed {len(inside)} files of demo data and what was derived from them.", highlight=False)
    if outside:
        console.print(f"{len(outside)} stay, which lie outside the home: {outside[0].parent}", highlight=False)
    console.print("Your own data stayed; the next run takes it in." if left else "The home is empty.")
    return 0


if __name__ == "__main__":
    sys.exit(command("make clean-demo", clean))
