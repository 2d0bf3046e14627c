"""Arrivals that change what was settled in a way that few random stories show (test_incremental.py has the others)."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from include.simulator.history import write_history
from include.transform import MODELS_ONLY
from tests.dbt.nights import DAY, MINUTE, START, event, send
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


def test_a_long_history_comes_in_slices_of_days(tmp_path: Path) -> None:
    """L1: the tables of the first dates that are not known yet; one that is known and changed waits for none."""
    project = Project(tmp_path, variables={"max_new_days": 2})
    export = project.settings.ga4_export
    export.mkdir(parents=True)
    write_history(export, seed=3, end=datetime(2026, 1, 31, 12, tzinfo=UTC), days=5, people=20)
    first = min(export.iterdir())
    taken = f"select count(distinct right(shard, 8)) as days, count_if(shard = '{first.stem}') as of_first from {{}}"
    found = []
    for _ in range(4):
        project.dbt("build", "--select", "+stg_ga_events", *MODELS_ONLY)
        found += [tuple(row.values()) for row in project.rows(taken.format("stg_ga_events"))]
        pq.write_table(pq.read_table(first).slice(0, 5), first)
    assert [days for days, _ in found] == [2, 4, 5, 5]
    assert found[0][1] > 5
    assert [rows for _, rows in found[1:]] == [5, 5, 5]


def told(project: Project, query: str) -> list[tuple[object, ...]]:
    """What a query says once the tables are built and are the oracle's."""
    project.build()
    assert project.differences_from(project.oracle()) == {}
    return [tuple(row.values()) for row in project.rows(query)]


def test_a_batch_knows_who_used_the_device_before_it(project: Project) -> None:
    """I1: the last user of a shared device, ten months before; and a first login that reaches back as far."""
    people = "select user_pseudo_id, person_id from int_events order by user_pseudo_id, event_at"
    send(project, "b0", event(0, "d", "ann"), event(DAY, "d", "bob"), event(0, "e"))
    assert told(project, people) == [("d", "ann"), ("d", "bob"), ("e", "e")]
    send(project, "b1", event(300 * DAY, "d"), event(300 * DAY, "e", "ann"))
    assert told(project, people) == [("d", "ann"), ("d", "bob"), ("d", "bob"), ("e", "ann"), ("e", "ann")]
    send(project, "b2", event(301 * DAY, "d", "ann"), event(301 * DAY, "e"))
    assert told(project, people)[3:] == [("d", "ann"), *[("e", "ann")] * 3]
    (project.settings.streamed_events / "b1.ndjson").unlink()
    assert told(project, people) == [("d", "ann"), ("d", "bob"), ("d", "ann"), ("e", "e"), ("e", "e")]


def test_an_order_is_refunded_and_told_again_ten_months_later(project: Project) -> None:
    """C1, C3: a batch that holds nothing but the refund, or but a copy of the order, finds the order."""
    orders = "select converted_at, net_revenue, customer_type from int_conversions order by converted_at"
    send(project, "b0", event(-DAY, "d", source="news", medium="email"), order(0, transaction_id="t1"))
    assert told(project, orders) == [(START, 5, "new")]
    send(project, "b1", event(300 * DAY, "d", None, "refund", value=2, transaction_id="t1"))
    assert told(project, orders) == [(START, 3, "new")]
    send(project, "b2", order(301 * DAY, transaction_id="t1"), order(302 * DAY, transaction_id="t2"))
    assert told(project, orders) == [(START, 3, "new"), (START + 302 * DAY, 5, "returning")]
    (project.settings.streamed_events / "b0.ndjson").unlink()
    assert told(project, orders) == [(START + 301 * DAY, 3, "new"), (START + 302 * DAY, 5, "returning")]


#: By table a column that its own rows have and no other table takes from it.
MARKED = {"int_events": "received_at", "int_sessions": "self_referral", "mart_sessions": "device_category"}


def derived_again(project: Project, batch: str, *events: dict[str, object]) -> dict[str, int]:
    """Rows of each table that a batch of these events writes, told by a mark on those that were there before."""
    with duckdb.connect(str(project.settings.warehouse)) as warehouse:
        for table, column in MARKED.items():
            warehouse.execute(f"update {table} set {column} = '1'")
    send(project, batch, *events)
    project.build()
    written = "select count(*) as n from {} where {} is distinct from '1'"
    return {table: project.rows(written.format(table, column))[0]["n"] for table, column in MARKED.items()}


def test_a_batch_derives_again_what_is_near_it_and_no_long_history(project: Project) -> None:
    """A device of 400 sessions: an event takes its own day again, a first login what has no user before it."""
    gap = 40 * MINUTE
    end = 400 * gap
    send(project, "b0", *(event(number * gap, "bot") for number in range(400)))
    project.build()
    next_one = derived_again(project, "b1", event(end, "bot"))
    of_the_day = DAY // gap + 1
    # the mark is a change too, so that all of a day's events count as changed
    assert all(1 <= rows <= of_the_day for rows in next_one.values()), next_one
    late = derived_again(project, "b2", event(end - 100 * gap + MINUTE, "bot"))
    assert all(1 <= rows <= of_the_day for rows in late.values()), late
    assert derived_again(project, "b3", event(end + MINUTE, "bot", "ann"))["int_events"] == 403
    assert derived_again(project, "b4", event(end + 2 * MINUTE, "bot"))["int_events"] <= of_the_day
    assert project.rows("select count(distinct person_id) as people from int_events") == [{"people": 1}]
