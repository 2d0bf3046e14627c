"""The floor of a full refresh: floor.sql over the export files, in one DuckDB process, into one DuckDB file.

python -m benchmarks.floor TARGET REPORT FILE...
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from benchmarks.measure import Usage, timed
from include.settings import PROJECT

FLOOR_SQL = Path(__file__).with_name("floor.sql")
TABLES = ("sessions", "first_click", "last_click")


@dataclass(frozen=True)
class FloorRun:
    """usage: of the whole process; seconds: inside DuckDB; rows: read (`events`) and written, by table."""

    usage: Usage
    seconds: float
    rows: dict[str, int]


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


def count_rows(target: Path, files: Sequence[Path]) -> dict[str, int]:
    """The rows that were there to read, as `events`, and those written, by table."""
    with duckdb.connect(str(target), read_only=True) as connection:
        counts = {"events": _count(connection, "read_parquet($files)", {"files": [str(file) for file in files]})}
        return counts | {table: _count(connection, table) for table in TABLES}


def _count(connection: duckdb.DuckDBPyConnection, relation: str, values: dict[str, object] | None = None) -> int:
    return int(connection.execute(f"select count(*) from {relation}", values).fetchall()[0][0])  # noqa: S608 - ours


def run_floor(folder: Path, files: Sequence[Path]) -> FloorRun:
    """Compute the floor in a process of its own, with its files in `folder`.

    Raises BenchmarkError when it fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target, report = folder / "floor.duckdb", folder / "floor.json"
    command = [sys.executable, "-m", "benchmarks.floor", str(target), str(report), *map(str, files)]
    usage = timed(command, folder / "floor.log", cwd=PROJECT, variables={})
    return FloorRun(usage, json.loads(report.read_text())["seconds"], count_rows(target, files))


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(json.dumps({"seconds": compute(Path(sys.argv[1]), [Path(f) for f in sys.argv[3:]])}))
