"""A full refresh through dbt beside the floor, over the same export files."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

from benchmarks.dbt_build import dbt_build, read_by_node, row_counts
from benchmarks.floor import run_floor
from benchmarks.history import Export
from benchmarks.measure import RATIOS, Report, compared, medians
from include.settings import Settings
from include.transform import MODELS_ONLY

log = logging.getLogger(__name__)

REFRESH = ("--full-refresh", *MODELS_ONLY)


def measure_full_refresh(export: Export, scratch: Path, runs: int) -> Iterator[Report]:
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
    builds, floors = builds[1:], floors[1:]
    rows = [
        compared("in DuckDB, s", [sum(one.models.values()) for one in builds], [inside for inside, _ in floors]),
        compared("process, s", [one.usage.wall for one in builds], [usage.wall for _, usage in floors]),
        compared("processor, s", [one.usage.cpu for one in builds], [usage.cpu for _, usage in floors]),
    ]
    yield Report(f"Full refresh of {export.what}: dbt beside the floor", ("", "dbt", "floor", *RATIOS), rows)

    written = row_counts(settings)
    settings.warehouse.unlink()
    read = read_by_node(settings, *REFRESH)
    by_model = medians([one.models for one in builds])
    total = sum(by_model.values())
    rows = [
        [name, f"{s:.2f}", f"{s / total:.0%}", f"{read[name]:,}", f"{written[name]:,}" if name in written else "view"]
        for name, s in by_model.items()
    ]
    yield Report("Where the time of dbt goes", ("model", "s", "share", "rows read", "rows written"), rows)
