"""L2: any split of the same arrivals into micro-batches, in any order, ends as one full refresh, row for row."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given

from tests.dbt.project import Project, copy_landing, unequal_tables
from tests.dbt.prove import hold, script
from tests.dbt.replay import Warehouse, unequal
from tests.dbt.stories import Story
from tests.dbt.strategies import stories
from tests.dbt.worlds import land, random_arrivals

pytestmark = pytest.mark.proof


@given(story=stories())
def test_runs_end_as_one_full_refresh(story: Story) -> None:
    """Micro-batches, rebuilt and killed runs between them, one full refresh and the oracle agree on every table."""
    hold(story, script(story.settings))


@pytest.mark.parametrize("seed", range(1))
def test_dbt_itself_ends_there_and_so_does_its_replay(tmp_path: Path, seed: int) -> None:
    """A random world through dbt, batch by batch: what the replay makes of the same batches is what dbt makes."""
    project = Project(tmp_path / "batches")
    replayed = Warehouse(script("as shipped"), project.settings)
    tick = 1_800_000_000_000_000_000
    for batch in random_arrivals(seed):
        for arrival in batch:
            tick += 1
            land(project.home / "landing", arrival, tick)
        project.build()
        replayed.run()
    full = Project(tmp_path / "full")
    copy_landing(project.home, full.home)
    full.build("--full-refresh")
    assert unequal_tables(project.settings.warehouse, full.settings.warehouse) == {}
    assert project.differences_from(project.oracle()) == {}
    with closing(Warehouse(script("as shipped"), project.settings, in_memory=False)) as built:
        assert unequal(replayed, built) == {}
