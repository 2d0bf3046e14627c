"""L2: any split of the same arrivals into micro-batches, in any order, ends as one full refresh, row for row."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dbt.project import Project, copy_landing, unequal_tables
from tests.dbt.worlds import land, random_arrivals


@pytest.mark.parametrize("seed", range(6))
def test_micro_batches_end_as_one_full_refresh(tmp_path: Path, seed: int) -> None:
    """Micro-batches of a random world, the full refresh of all of it and the oracle agree on every table."""
    project = Project(tmp_path / "batches")
    tick = 1_700_000_000_000_000_000
    for batch in random_arrivals(seed):
        for arrival in batch:
            tick += 1
            land(project.home / "landing", arrival, tick)
        (project.home / "landing" / "ga4").mkdir(parents=True, exist_ok=True)
        project.build()
    full = Project(tmp_path / "full")
    copy_landing(project.home, full.home)
    full.build("--full-refresh")
    assert unequal_tables(project.settings.warehouse, full.settings.warehouse) == {}
    assert project.differences_from(project.oracle()) == {}
