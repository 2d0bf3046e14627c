"""Named small journeys whose arrivals change what was settled, or must not."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from include.publish import publish
from include.quality import check
from include.transform import GATE
from tests.dbt.project import Project, environment
from tests.dbt.stream import DAY, MINUTE, START, Stream


@pytest.fixture
def stream(tmp_path: Path) -> Stream:
    """A fresh project that takes batches."""
    return Stream(Project(tmp_path))


def test_a_late_event_in_a_session_leaves_its_id(stream: Stream) -> None:
    """X2: the id follows the first event; one that comes late into the middle or the end does not move it."""
    stream.send({"at": 0}, {"at": 20 * MINUTE})
    (before,) = stream.rows("select session_id from int_sessions")
    stream.send({"at": 10 * MINUTE}, {"at": 45 * MINUTE})
    assert stream.rows("select session_id, events from int_sessions") == [(*before, 4)]
    stream.send({"at": -MINUTE})
    assert stream.rows("select session_id, events from int_sessions") != [(*before, 5)]


def test_an_event_that_bridges_two_sessions_leaves_one(stream: Stream) -> None:
    """A session that no longer exists disappears from every table."""
    stream.send(
        {"at": 0, "source": "news", "medium": "email"}, {"at": 50 * MINUTE, "event_name": "purchase", "value": 5}
    )
    assert len(stream.rows("select 1 from mart_sessions")) == 2
    stream.send({"at": 25 * MINUTE})
    assert len(stream.rows("select 1 from mart_sessions")) == 1
    assert stream.rows("select source, touchpoints from mart_attribution_last") == [("news", 1)]


def test_a_login_that_comes_late_re_attributes_the_past(stream: Stream) -> None:
    """I3: an order on one device finds the touch on the other once both are known to be one user's."""
    stream.send(
        {"at": 0, "user_pseudo_id": "phone", "source": "news", "medium": "email"},
        {
            "at": DAY,
            "user_pseudo_id": "laptop",
            "user_id": "ann",
            "event_name": "purchase",
            "value": 5,
            "transaction_id": "t",
        },
    )
    assert stream.rows("select channel, touchpoints from mart_attribution_last") == [("Direct", 1)]
    assert stream.rows("select count(*) from mart_attribution where channel = 'Direct' and credit = 1") == [(6,)]
    stream.send({"at": 2 * DAY, "user_pseudo_id": "phone", "user_id": "ann"})
    assert stream.rows("select channel, touchpoints, person_id from mart_attribution_last") == [("Email", 2, "ann")]
    assert stream.rows("select distinct channel from mart_channel_daily where model like '%_click'") == [("Email",)]


def test_the_same_batch_again_changes_nothing(stream: Stream) -> None:
    """E1: copies of an event are one event, whatever batch brings them."""
    purchase = {"at": 0, "event_name": "purchase", "value": 5, "transaction_id": "t"}
    stream.send(dict(purchase))
    before = stream.rows("select * from mart_attribution_last")
    stream.send(dict(purchase), dict(purchase))
    assert stream.rows("select * from mart_attribution_last") == before
    assert stream.rows("select count(*) from stg_streamed_events") == [(3,)]


def test_history_that_arrives_later_completes_the_look_back(stream: Stream) -> None:
    """T4: a flag follows the first event of all, also for people whom the rows that come or go do not touch."""
    stream.send({"at": 0, "event_name": "purchase", "value": 5})
    assert stream.rows("select lookback_complete from mart_attribution_first") == [(False,)]
    stream.send({"at": -14 * DAY, "user_pseudo_id": "other"})
    assert stream.rows("select lookback_complete from mart_attribution_first") == [(True,)]
    assert stream.rows("select lookback_complete from mart_attribution_last") == [(True,)]
    (stream.project.settings.streamed_events / "b1.ndjson").unlink()
    stream.project.build()
    assert stream.rows("select lookback_complete from mart_attribution_first") == [(False,)]
    assert stream.rows("select lookback_complete from mart_attribution_last") == [(False,)]


def test_a_clock_years_behind_begins_no_history(stream: Stream) -> None:
    """T4: a timely event takes over from a late one, whatever comes first, and gives way where it is withdrawn."""
    flags = "select distinct lookback_complete from mart_attribution_first"
    lone = {"at": -5000 * DAY, "received_at": START, "user_pseudo_id": "lone"}
    order = {"at": 0, "event_name": "purchase", "value": 5, "received_at": START + 4 * DAY}
    stream.send(dict(lone), dict(order))
    assert stream.rows(flags) == [(True,)]  # there is nothing else
    stream.send({"at": -DAY, "user_pseudo_id": "other"})
    assert stream.rows(flags) == [(False,)]
    past = {"at": -14 * DAY, "received_at": START}
    stream.send({**past, "at": -15 * DAY, "user_pseudo_id": "a"}, {**past, "at": -12 * DAY + 1, "user_pseudo_id": "b"})
    assert stream.rows(flags) == [(False,)]
    stream.send({**past, "user_pseudo_id": "a"}, {**past, "at": -11 * DAY, "user_pseudo_id": "b"})
    assert stream.rows(flags) == [(True,)]  # two devices vouch for each other
    for batch in ("b3", "b1"):
        (stream.project.settings.streamed_events / f"{batch}.ndjson").unlink()
        stream.project.build()
        assert stream.rows(flags) == [(batch == "b1",)]
    stream.project.build("--full-refresh")
    assert stream.rows(flags) == [(True,)]


def test_a_withdrawn_batch_takes_its_order_along(stream: Stream) -> None:
    """Rows that are no longer there leave every table, also the day's total."""
    stream.send({"at": 0})
    stream.send({"at": DAY, "event_name": "purchase", "value": 5})
    (stream.project.settings.streamed_events / "b1.ndjson").unlink()
    stream.project.build()
    for table in ("int_conversions", "mart_attribution_last", "mart_channel_daily"):
        assert stream.rows(f"select count(*) from {table}") == [(0,)]


def test_items_follow_what_comes_late(stream: Stream) -> None:
    """C6: an earlier touch takes the items along; an earlier copy of the order has other items, or none to read."""
    mug = {"item_id": "mug", "quantity": 2, "price": 1.5}
    order = {"event_id": "o", "event_name": "purchase", "transaction_id": "t", "value": 5}
    shared = (
        "select channel, item_line, item_id, cast(quantity as int), item_revenue, item_issue"
        " from mart_item_attribution where model = 'first_click' order by all"
    )
    stream.send({"at": DAY, **order, "items": [mug]})
    assert stream.rows(shared) == [("Direct", 0, None, None, 2, None), ("Direct", 1, "mug", 2, 3, None)]
    stream.send({"at": 0, "source": "news", "medium": "email"})
    assert stream.rows(shared) == [("Email", 0, None, None, 2, None), ("Email", 1, "mug", 2, 3, None)]
    stream.send({"at": DAY, **order, "received_at": START + DAY - 1, "items": [{"item_id": "pen", "item_revenue": 5}]})
    assert stream.rows(shared) == [("Email", 1, "pen", 1, 5, None)]
    stream.send({"at": DAY, **order, "received_at": START + DAY - 2, "items": "mug"})
    assert stream.rows(shared) == [("Email", 0, None, None, 5, "not_a_list")]


def test_spend_that_comes_late_or_changes_moves_its_days_alone(stream: Stream) -> None:
    """A2, A3: a file that lands, is restated or is withdrawn moves the days that it named before and names now."""
    newsletter = {"source": "news", "medium": "email"}
    stream.send({"at": 0, "event_name": "purchase", "value": 10, **newsletter})
    folder = stream.project.settings.ad_spend
    linear = "select {}, spend, roas from {} where model = 'linear' order by all"

    def spend(name: str, *rows: str) -> list[tuple[object, ...]]:
        (folder / f"{name}.csv").write_text("\n".join(("day,source,medium,cost", *rows)))
        stream.project.build()
        return stream.rows(linear.format("cast(conversion_date as text), channel", "mart_channel_daily"))

    earned = ("2026-01-09", "Email")
    assert spend("b", "2026-01-09,news,email,4", "2026-01-20,news,email,1") == [
        (*earned, 4, 2.5),
        ("2026-01-20", "Email", 1, 0),
    ]
    written = "select touched_key from int_journal where entry = 'conversion_date' and model = 'stg_ad_spend'"
    assert set(stream.rows(written)) == {("2026-01-09",), ("2026-01-20",)}
    # an earlier export of the same day: the file of the later name counts
    assert spend("a", "2026-01-09,news,email,5")[0] == (*earned, 4, 2.5)
    assert stream.rows("select shard, reason from int_quarantine") == [("a", "duplicate_spend")]
    assert spend("b", "2026-01-21,news,email,1") == [(*earned, 5, 2), ("2026-01-21", "Email", 1, 0)]
    assert stream.rows(linear.format("campaign", "mart_campaign_daily")) == [("(not set)", 1, 0), ("(not set)", 5, 2)]
    (folder / "a.csv").unlink()
    assert spend("b", "2026-01-21,news,email,-1") == [(*earned, None, None)]
    # a rebuild of the staged spend alone is told to the days as well
    (folder / "b.csv").write_text("day,source,medium,cost\n2026-01-22,news,email,2")
    stream.project.build("--full-refresh", "--select", "stg_ad_spend")
    stream.project.build()
    assert stream.rows(linear.format("channel", "mart_channel_daily")) == [("Email", 2, 0), ("Email", None, None)]


def test_people_whom_a_batch_does_not_touch_are_not_written(stream: Stream) -> None:
    """The cost of a batch follows the people it touches: the pin of each model holds these alone."""
    stream.send(*({"at": i, "user_pseudo_id": f"d{i}", "event_name": "purchase", "value": 5} for i in range(50)))
    stream.send({"at": DAY, "user_pseudo_id": "d7"})
    touched = stream.rows(
        "select j.entry, j.touched_key from int_journal as j"
        " join int_journal as b on b.batch_id = j.batch_id and b.entry = 'shard' and b.touched_key = 'b1'"
        " where j.entry in ('device_key', 'person_id')"
    )
    assert set(touched) == {("device_key", "d7"), ("person_id", "d7")}


def test_a_check_looks_at_rows_that_are_not_published_yet(stream: Stream) -> None:
    """A defect among published rows waits for the nightly proof; one among a batch's people stops the batch."""
    stream.send({"at": 0, "user_pseudo_id": "old"})
    settings = stream.project.settings
    with environment(settings.dbt_env()):
        publish(settings, run_id="first")
    stream.send({"at": DAY, "user_pseudo_id": "new"})

    def failing(person: str) -> set[str]:
        with duckdb.connect(str(settings.warehouse)) as warehouse:
            warehouse.execute("update int_sessions set events = 9 where person_id = ?", [person])
        with environment(settings.dbt_env()):
            return {finding.name for finding in check(settings, GATE)}

    assert failing("old") == set()
    assert failing("new") == {"assert_every_event_in_a_session"}
