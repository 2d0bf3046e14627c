"""The promise itself: however arrivals are cut into runs, the tables end as one full refresh and as the oracle's."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from tests.dbt import replayed
from tests.dbt.project import Project, differences_from, fits_of, unequal
from tests.dbt.replay import Script
from tests.dbt.stories import Story, World
from tests.dbt.strategies import SETTINGS


def script(settings: str) -> Script:
    """What dbt sends under one of SETTINGS."""
    return replayed.script(SETTINGS[settings])


def hold(story: Story, sent: Script) -> None:
    """Raises AssertionError, with what differs, where the promise does not hold for a story."""
    with TemporaryDirectory() as home:
        world = World(sent, Path(home))
        for step in story.steps:
            step.happen(world)
        world.warehouse.run()
        full = world.refreshed()
        assert unequal(world.warehouse, full, sent.tables) == {}
        project = Project(Path(home), variables=dict(SETTINGS[story.settings]))
        assert differences_from(full.rows, project.oracle(fits_of(full.rows))) == {}
