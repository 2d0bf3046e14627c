"""L3: whoever asks to be deleted is gone from every table and file, stays gone, and leaves all others as they were."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from include.deletion import confirm_removed, take_requests
from include.publish import publish
from tests.dbt.nights import TICK, ask, full_refresh, last_versions
from tests.dbt.project import Project, unequal_tables
from tests.dbt.worlds import land, random_arrivals

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PERSONAL = (
    "int_events",
    "int_sessions",
    "int_conversions",
    "mart_attribution",
    "mart_attribution_first",
    "mart_attribution_last",
    "mart_item_attribution",
    "mart_journeys",
)


def bag(project: Project, table: str, where: str) -> Counter[tuple[Any, ...]]:
    """The rows of a table, counted."""
    return Counter(tuple(row.values()) for row in project.rows(f"select * from {table} where {where}"))


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.rehearsal) for seed in (1, 2))])
def test_others_stay_and_a_re_export_brings_nothing_back(tmp_path: Path, seed: int) -> None:
    """In a random world: a user, a device that is a person, and a device go; afterwards all of it lands once more."""
    project = Project(tmp_path / "home")
    (project.home / "landing" / "ga4").mkdir(parents=True)
    world = last_versions(random_arrivals(seed))
    for arrival in world:
        land(project.home / "landing", arrival, TICK)
    project.build()
    chance = random.Random(seed)  # noqa: S311 (no secret)
    people = sorted(row["person_id"] for row in project.rows("select distinct person_id from int_sessions"))
    named = [person for person in people if not person.startswith("event:")]
    gone = chance.sample(named, 2)
    device = chance.choice(
        project.rows("select distinct user_pseudo_id as d from int_events where d is not null order by 1")
    )["d"]
    theirs = (
        "person_id in ('"
        + "', '".join(gone)
        + f"') or person_id in (select person_id from int_events where user_pseudo_id = '{device}')"
    )
    before = {table: bag(project, table, f"not ({theirs})") for table in PERSONAL}
    rest = bag(project, "int_events", f"not ({theirs.split(' or ')[0]}) and user_pseudo_id is distinct from '{device}'")
    others = [
        row["person_id"] for row in project.rows(f"select distinct person_id from int_events where not ({theirs})")
    ]
    ask(project, *(f"person,{person}" for person in gone), f"device,{device}")
    taken = take_requests(project.settings, now=NOW)
    assert taken.problems == taken.refused == taken.unknown == ()
    project.build()
    publish(project.settings, run_id="after")
    assert confirm_removed(project.settings).removed == 3
    assert bag(project, "int_events", "true") == rest
    kept = "person_id in ('" + "', '".join(others) + "')"
    assert {table: bag(project, table, kept) for table in PERSONAL} == before
    assert project.differences_from(project.oracle()) == {}
    after = full_refresh(project, tmp_path / "full")
    assert unequal_tables(project.settings.warehouse, after.settings.warehouse) == {}

    for arrival in world:
        land(project.home / "landing", arrival, TICK + 1)
    project.build()
    assert project.differences_from(project.oracle()) == {}
    assert bag(project, "int_events", "true") == rest
    assert take_requests(project.settings, now=NOW).landing_rows > 0
    assert take_requests(project.settings, now=NOW).landing_rows == 0
