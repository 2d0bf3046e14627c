"""L4: what is too old goes from tables and files, and nothing that readers still see changes."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from include.retention import Retained, apply_retention
from tests.dbt.nights import TICK, full_refresh, last_versions, link_export
from tests.dbt.project import Project, unequal
from tests.dbt.replayed import Replayed
from tests.dbt.worlds import land, random_arrivals

LOOKBACK = 3
FOLLOWING = ("customer_type", "new_customers", "cac")
SEEN = {
    "mart_attribution": "converted_at",
    "mart_attribution_first": "converted_at",
    "mart_attribution_last": "converted_at",
    "mart_sessions": "started_at",
    "mart_journeys": "converted_at",  # without a conversion a journey is what is left of its sessions
    "mart_item_attribution": "conversion_date",
    "mart_channel_daily": "conversion_date",
}


def seen(project: Project, since: date) -> dict[str, Counter[tuple[Any, ...]]]:
    """What readers see from a day on, but what follows the horizon (C4), as the oracle says."""
    return {
        table: Counter(
            tuple(value for name, value in row.items() if name not in FOLLOWING)
            for row in project.rows(f"select * from {table} where {column} >= '{since}'")
        )
        for table, column in SEEN.items()
    }


def everything(project: Project) -> dict[str, Counter[tuple[Any, ...]]]:
    """All that readers see."""
    return seen(project, date(1970, 1, 1))


def retain(project: Project, day: date, days: int) -> Retained:
    """A night: retention, then the tables are built again."""
    retained = apply_retention(project.settings, day=day, retention_days=days, lookback_days=LOOKBACK)
    assert retained.problems == ()
    project.build()
    return retained


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.rehearsal) for seed in (11, 35))])
def test_nothing_that_is_still_seen_changes(tmp_path: Path, seed: int) -> None:
    """Nights of a random world; the old rows land once more before the last of them. The export is the user's."""
    project = Replayed(tmp_path / "home", variables={"lookback_days": LOOKBACK})
    (project.home / "landing" / "ga4").mkdir(parents=True)
    link_export(project, tmp_path / "shop")
    world = last_versions(random_arrivals(seed))
    for arrival in world:
        land(project.home / "landing", arrival, TICK)
    project.build()
    all_events = len(project.rows("select * from int_events"))
    moments = [row["event_at"] for row in project.rows("select event_at from int_events order by 1")]
    middle = datetime.fromtimestamp(moments[len(moments) // 2] / 1_000_000, UTC).date()
    for days in (0, 1):
        since = middle + timedelta(days=days)
        before = seen(project, since)
        assert retain(project, since + timedelta(days=10), 10).kept_from == f"{since}"
        assert everything(project) == before
        assert project.differences_from(project.oracle()) == {}
    assert len(project.rows("select * from int_events")) < all_events
    for arrival in world:
        land(project.home / "landing", arrival, TICK + 1)
    theirs = {path: path.read_bytes() for path in (tmp_path / "shop").iterdir()}
    project.build()
    assert everything(project) == before
    assert project.differences_from(project.oracle()) == {}
    retained = retain(project, since + timedelta(days=10), 10)
    assert {one.statement.split()[0] for one in retained.outside} == {"rm", "ERASE_FROM_EXPORT=true"}
    assert {path: path.read_bytes() for path in (tmp_path / "shop").iterdir()} == theirs
    assert everything(project) == before
    full = full_refresh(project, tmp_path / "full")
    assert unequal(project, full) == {}
    for settings in (replace(project.settings, erase_from_export=True), project.settings):
        erased = apply_retention(settings, day=since + timedelta(days=10), retention_days=10, lookback_days=LOOKBACK)
        assert (erased.landing_rows > 0, erased.outside) == (settings.erase_from_export, ())
    project.build()
    assert unequal(project, full) == {}
