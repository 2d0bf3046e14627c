"""The floor of a full refresh: floor.sql over the export files, in one DuckDB process, into one DuckDB file.

python -m benchmarks.floor TARGET FILE...
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import duckdb

from benchmarks.measure import Usage, timed
from include.settings import PROJECT

FLOOR_SQL = Path(__file__).with_name("floor.sql")


def compute(target: Path, files: Sequence[Path]) -> float:
    """Write the tables of floor.sql into a new DuckDB file at `target`; the seconds it took.

    Raises duckdb.IOException where a file cannot be read.
    """
    target.unlink(missing_ok=True)
    started = time.perf_counter()
    with duckdb.connect(str(target)) as connection:
        connection.execute("set preserve_insertion_order = false")  # no order is promised, and keeping one costs time
        connection.execute("set variable files = ?", [[str(file) for file in files]])
        connection.execute(FLOOR_SQL.read_text())
    return time.perf_counter() - started


def run_floor(folder: Path, files: Sequence[Path]) -> tuple[float, Usage]:
    """Compute the floor in a process of its own, with its files in `folder`: seconds inside DuckDB, and of the process.

    Raises BenchmarkError when it fails.
    """
    log = folder / "floor.log"
    command = [sys.executable, "-m", "benchmarks.floor", str(folder / "floor.duckdb"), *map(str, files)]
    usage = timed(command, log, cwd=PROJECT, variables={})
    return float(log.read_text()), usage


if __name__ == "__main__":
    sys.stdout.write(str(compute(Path(sys.argv[1]), [Path(file) for file in sys.argv[2:]])))
