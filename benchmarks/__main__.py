"""`make bench`: a full refresh beside the floor, a batch beside a bare `dbt build`, fits, and the dashboard's answers.

Prints tables and writes the same figures as JSON into the folder `benchmarks` of ATTRIBUTION_HOME. Exit code 0 when all
was measured, 1 when something failed, 2 when it could not start.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import platform
import shutil
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass, is_dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
from rich.console import Console
from rich.markup import escape

from benchmarks.dashboard import Answers, measure_dashboard
from benchmarks.fitting import Fitting, measure_fitting
from benchmarks.full_refresh import FullRefresh, measure_full_refresh
from benchmarks.history import find_export, repeat
from benchmarks.measure import BenchmarkError, Comparison
from benchmarks.microbatch import MicroBatch, measure_microbatch
from benchmarks.report import show
from include.home import HomeInUseError, StartError, hold_home
from include.settings import SettingError, Settings


def _positive(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is too small; the least is 1")
    return number


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    options = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.split("\n")[0])
    options.add_argument("--only", choices=("full", "models", "microbatch", "dashboard"), help="measure one of them")
    options.add_argument(
        "--ga4",
        type=Path,
        metavar="FOLDER",
        help="GA4 export files (default: ../shared/ga4_sample if it is there, else a generated history)",
    )
    options.add_argument(
        "--scale", type=_positive, default=1, metavar="N", help="the micro-batch on N times the history too (1)"
    )
    options.add_argument("--runs", type=_positive, default=5, metavar="N", help="pairs of runs that count (5)")
    return options


def as_json(value: object) -> object:
    """A measurement as plain JSON values."""
    if isinstance(value, Comparison):
        return value.as_json()
    if is_dataclass(value) and not isinstance(value, type):
        return {name: as_json(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, dict):
        return {name: as_json(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(one) for one in value]
    return value


@dataclass(frozen=True)
class Measured:
    """What was measured; None or none where it was not asked for."""

    full_refresh: FullRefresh | None
    models: Fitting | None
    microbatch: list[MicroBatch]
    dashboard: Answers | None


def measure(given: argparse.Namespace, scratch: Path) -> Measured:
    """All that was asked for, one after another."""
    full, models, batches, answers = None, None, [], None
    export = find_export(given.ga4, scratch) if given.only != "dashboard" else None
    if export and given.only in {None, "full"}:
        full = measure_full_refresh(export, scratch / "full", given.runs)
    if export and given.only in {None, "models"}:
        models = measure_fitting(export, scratch / "models", given.runs)
    if export and given.only in {None, "microbatch"}:
        for times in dict.fromkeys((1, given.scale)):
            history = repeat(export, times, scratch / f"history_{times}")
            batches.append(measure_microbatch(history, scratch / f"microbatch_{times}", given.runs))
            shutil.rmtree(scratch / f"microbatch_{times}")
    if given.only in {None, "dashboard"}:
        answers = measure_dashboard(scratch / "dashboard", runs=20)
    return Measured(full, models, batches, answers)


def write_result(folder: Path, given: argparse.Namespace, measured: Measured) -> Path:
    """Write the figures, and what they were measured with, to a new JSON file; its path."""
    now = datetime.now(UTC)
    result: dict[str, Any] = {
        "measured_at": now.isoformat(timespec="seconds"),
        "runs": given.runs,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "duckdb": duckdb.__version__,
        **{name: as_json(getattr(measured, name)) for name in Measured.__dataclass_fields__},
    }
    path = folder / f"{now:%Y%m%dT%H%M%S}.json"
    path.write_text(json.dumps(result, indent=2) + "\n")
    return path


def _terminated(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and report; the exit code."""
    given = parser().parse_args(arguments)
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
            measured = measure(given, scratch)
            show(console, measured.full_refresh, measured.models, measured.microbatch, measured.dashboard)
            console.print(f"Figures: {write_result(folder, given, measured)}", soft_wrap=True, highlight=False)
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
