"""L2: any split of the same arrivals into micro-batches, in any order, ends as one full refresh, row for row."""

from __future__ import annotations

from hypothesis import given

from tests.dbt.prove import hold, script
from tests.dbt.stories import Story
from tests.dbt.strategies import stories


@given(story=stories())
def test_runs_end_as_one_full_refresh(story: Story) -> None:
    """Micro-batches, rebuilt and killed runs between them, one full refresh and the oracle agree on every table."""
    hold(story, script(story.settings))
