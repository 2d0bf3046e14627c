"""L2: any split of the same arrivals into micro-batches, in any order, ends as one full refresh, row for row."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given

from tests.dbt.project import Project, copy_landing, unequal
from tests.dbt.prove import hold, script
from tests.dbt.replay import Warehouse
from tests.dbt.stories import Story
from tests.dbt.strategies import stories
from tests.dbt.worlds import land, random_arrivals

pytestmark = pytest.mark.proof


@given(story=stories())
def test_runs_end_as_one_full_refresh(story: Story) -> None:
    """Micro-batches, rebuilt and killed runs between them, one full refresh and the oracle agree on every table."""
    hold(story, script(story.settings))


def test_dbt_itself_ends_there_and_so_does_its_replay(tmp_path: Path) -> None:
    """A random world through dbt, in five runs: what the replay makes of the same files is what dbt makes."""
    project = Project(tmp_path / "batches")
    replayed = Warehouse(script("as shipped"), project.settings)
    tick = 1_800_000_000_000_000_000
    batches = random_arrivals(3)
    for number, batch in enumerate(batches, start=1):
        for arrival in batch:
            tick += 1
            land(project.home / "landing", arrival, tick)
        if number % 3 == 0 or number == len(batches):
            project.build()
            replayed.run()
    full = Project(tmp_path / "full")
    copy_landing(project.home, full.home)
    full.build("--full-refresh")
    assert unequal(project, full) == {}
    assert project.differences_from(project.oracle()) == {}
    with closing(Warehouse(script("as shipped"), project.settings, in_memory=False)) as built:
        assert unequal(replayed, built, built.script.tables) == {}
