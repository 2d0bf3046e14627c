"""A full refresh through dbt beside the floor, over the same export files."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from benchmarks.dbt_build import dbt_build, read_by_node, row_counts
from benchmarks.floor import run_floor
from benchmarks.history import Export
from benchmarks.measure import Comparison, medians
from include.settings import Settings
from include.transform import MODELS_ONLY

log = logging.getLogger(__name__)

REFRESH = ("--full-refresh", *MODELS_ONLY)


@dataclass(frozen=True)
class FullRefresh:
    """What was measured, seconds: ours dbt, floor the script.

    models: all models inside dbt beside the statements inside DuckDB; wall and cpu: of the whole processes.
    by_model: the median of each model. read, written: rows by model.
    """

    export: str
    models: Comparison
    wall: Comparison
    cpu: Comparison
    by_model: dict[str, float]
    read: dict[str, int]
    written: dict[str, int]


def measure_full_refresh(export: Export, scratch: Path, runs: int) -> FullRefresh:
    """Run both sides in turn, each into a new file, after one run of each that does not count.

    Raises BenchmarkError when one of them fails.
    """
    settings = Settings(home=scratch / "home", ga4_export=export.folder)
    builds, floors = [], []
    for number in range(runs + 1):
        log.info("full refresh: %s", f"pair {number} of {runs}" if number else "warming up")
        settings.warehouse.unlink(missing_ok=True)
        builds.append(dbt_build(settings, *REFRESH))
        floors.append(run_floor(scratch / "floor", export.files))
    written = row_counts(settings)
    settings.warehouse.unlink()
    builds, floors = builds[1:], floors[1:]
    usages = [usage for _, usage in floors]
    return FullRefresh(
        export=export.what,
        models=Comparison(tuple(sum(b.models.values()) for b in builds), tuple(seconds for seconds, _ in floors)),
        wall=Comparison(tuple(b.usage.wall for b in builds), tuple(usage.wall for usage in usages)),
        cpu=Comparison(tuple(b.usage.cpu for b in builds), tuple(usage.cpu for usage in usages)),
        by_model=medians([b.models for b in builds]),
        read=read_by_node(settings, *REFRESH),
        written=written,
    )
