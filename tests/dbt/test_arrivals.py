"""Arrivals that change what was settled in a way that few random stories show (test_incremental.py has the others)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dbt.nights import DAY, START, event, send
from tests.dbt.project import Project
from tests.dbt.replayed import Replayed

FLAGS = "select distinct lookback_complete as complete from mart_attribution_{}"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Replayed(tmp_path)


def order(at: int, **more: float | str) -> dict[str, object]:
    return event(at, "d", None, "purchase", value=5, **more)


def lookback_complete(project: Project) -> bool:
    """What both marts say of all orders, once the tables are built and are the oracle's."""
    project.build()
    assert project.differences_from(project.oracle()) == {}
    (first,), (last,) = (project.rows(FLAGS.format(click)) for click in ("first", "last"))
    assert first == last
    return bool(first["complete"])


def test_history_that_arrives_later_completes_the_look_back(project: Project) -> None:
    """T4: a flag follows the first event of all, also for people whom the rows that come or go do not touch."""
    send(project, "b0", order(0))
    assert not lookback_complete(project)
    send(project, "b1", event(-14 * DAY, "other"))
    assert lookback_complete(project)
    (project.settings.streamed_events / "b1.ndjson").unlink()
    assert not lookback_complete(project)


def test_a_clock_years_behind_begins_no_history(project: Project) -> None:
    """T4: a timely event takes over from a late one, whatever comes first, and gives way where it is withdrawn."""
    send(
        project, "b0", event(-5000 * DAY, "lone", received_at=START), order(0, received_at=START + 4 * DAY)
    )  # there is nothing else
    assert lookback_complete(project)
    send(project, "b1", event(-DAY, "other"))
    assert not lookback_complete(project)
    send(
        project,
        "b2",
        event(-15 * DAY, "a", received_at=START),
        event(-12 * DAY + 1, "b", received_at=START),
    )
    assert not lookback_complete(project)
    send(
        project, "b3", event(-14 * DAY, "a", received_at=START), event(-11 * DAY, "b", received_at=START)
    )  # two devices vouch for each other
    assert lookback_complete(project)
    for batch in ("b3", "b1"):
        (project.settings.streamed_events / f"{batch}.ndjson").unlink()
        assert lookback_complete(project) == (batch == "b1")


def test_spend_that_comes_late_or_changes_moves_its_days_alone(project: Project) -> None:
    """A2, A3: a file that lands, is restated or is withdrawn moves the days that it named before and names now."""
    send(project, "b0", order(0, source="news", medium="email"))
    project.settings.ga4_export.mkdir(parents=True)
    linear = (
        "select cast(conversion_date as text) as day, channel, spend from mart_channel_daily where model = 'linear'"
    )

    def spend(name: str, *rows: str) -> set[tuple[object, ...]]:
        (project.settings.ad_spend / f"{name}.csv").write_text("\n".join(("day,source,medium,cost", *rows)))
        project.build()
        assert project.differences_from(project.oracle()) == {}
        return {tuple(row.values()) for row in project.rows(linear)}

    project.build()
    earned = ("2026-01-10", "Email")
    assert spend("b", "2026-01-10,news,email,4", "2026-01-20,news,email,1") == {
        (*earned, 4),
        ("2026-01-20", "Email", 1),
    }
    written = "select touched_key from int_journal where entry = 'conversion_date' and model = 'stg_ad_spend'"
    assert {row["touched_key"] for row in project.rows(written)} == {"2026-01-10", "2026-01-20"}
    # an earlier export of the same day: the file of the later name counts
    assert (*earned, 4) in spend("a", "2026-01-10,news,email,5")
    assert spend("b", "2026-01-21,news,email,1") == {(*earned, 5), ("2026-01-21", "Email", 1)}
    (project.settings.ad_spend / "a.csv").unlink()
    assert spend("b", "2026-01-21,news,email,-1") == {(*earned, None)}
