"""L4: what is too old goes from tables and files, and nothing that readers still see changes.

A random world, then named cases: which old rows something younger needs, which files go, and what is refused.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from include import landed_rows, retention
from include.history import History, HistoryError, read_history
from include.retention import Retained, apply_retention
from include.settings import SettingError
from tests.dbt.nights import (
    DAY,
    MINUTE,
    START,
    TICK,
    event,
    export,
    full_refresh,
    link_export,
    order,
    send,
)
from tests.dbt.project import Project, unequal
from tests.dbt.replayed import Replayed
from tests.dbt.strategies import SETTINGS
from tests.dbt.worlds import land, random_arrivals

#: The horizon of these tests is the tenth day after the start, a look-back before it the seventh.
NIGHT, DAYS, LOOKBACK = date(2026, 2, 9), 20, 3
YOUNG, OLD = 12 * DAY, DAY
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


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A home to land in, its export empty; the look-back is short."""
    (tmp_path / "landing" / "ga4").mkdir(parents=True)
    return Replayed(tmp_path, variables={"lookback_days": LOOKBACK})


def retain(project: Project, days: int | None = DAYS, night: date = NIGHT) -> Retained:
    retained = apply_retention(project.settings, day=night, retention_days=days, lookback_days=LOOKBACK)
    assert retained.problems == ()
    project.build()
    assert project.differences_from(project.oracle()) == {}
    return retained


def kept(project: Project) -> set[str]:
    return {row["event_key"] for row in project.rows("select event_key from int_events")}


def seen(project: Project, since: date = date(1970, 1, 1)) -> dict[str, Counter[tuple[Any, ...]]]:
    """What readers see (from a day on), but what follows the horizon (C4), as the oracle says."""
    return {
        table: Counter(
            tuple(value for name, value in row.items() if name not in FOLLOWING)
            for row in project.rows(f"select * from {table} where {column} >= '{since}'")
        )
        for table, column in SEEN.items()
    }


def test_what_the_window_needs_is_kept(project: Project) -> None:
    needed = [
        event(2 * DAY, "a", "ann"),  # the last login of a device still used: its order is ann's
        order(YOUNG, "a", None, "t0"),
        event(2 * DAY, "shared", "cat"),  # of several users the last
        event(YOUNG, "shared"),
        order(OLD, "e", "eve", "t1"),  # an old order, sent again: no new one
        order(YOUNG, "e", "eve", "t1"),
        event(OLD, "r", "rob", "refund", transaction_id="t2", value=4),  # refunded before it was bought
        order(YOUNG, "r", "rob", "t2"),
        event(OLD, "told", "bob"),  # says that the next one is bob's order, not cat's
        order(OLD + MINUTE, "told", None, "t9"),
        event(2 * DAY, "told", "cat"),
        order(YOUNG, "elsewhere", "bob", "t9"),
        event(7 * DAY - 20 * MINUTE, "x"),  # a session that ends inside starts outside
        event(7 * DAY, "x"),
        event(7 * DAY - 20 * MINUTE, "y"),  # no older than that
        event(OLD, "copied", event_id="c"),  # arrived first, so it counts; its copy must not come up
        event(YOUNG, "copied", event_id="c"),
        order(YOUNG, "n", None, "(not set)"),  # no id: the old one is another order
    ]
    gone = [
        event(OLD, "a", "ann"),
        event(OLD, "shared", "bob"),
        event(OLD, "unused", "dan"),
        order(OLD, "n", None, "(not set)"),
        order(2 * DAY, "o", None, "t5"),
        event(7 * DAY - 20 * MINUTE - 1, "y"),
    ]
    send(project, "mixed", *needed, *gone)
    project.build()
    last = "select * exclude (customer_type) from mart_attribution_last"  # new or returning, by what is seen (L4)
    before = project.rows(f"{last} where converted_at >= '2026-01-20' order by all")
    assert {(row["person_id"], row["net_revenue"]) for row in before} == {("ann", 10), ("rob", 6), ("n", 10)}
    sessions = project.rows("select * from mart_sessions where started_at >= '2026-01-20' order by all")
    assert len(sessions) == 6
    retained = retain(project)
    assert (retained.kept_from, retained.landing_rows, retained.landing_files) == ("2026-01-20", len(gone), 1)
    assert kept(project) == {e["event_id"] for e in needed}
    assert project.rows(f"{last} order by all") == before
    assert project.rows("select * from mart_sessions order by all") == sessions


def test_files_that_are_all_old_go_and_the_folders_never_look_lost(project: Project) -> None:
    for day in ("20260111", "20260112", "20260113"):
        stamp = START + (int(day[-2:]) - 10) * DAY
        export(project, day, {"event_timestamp": stamp, "user_pseudo_id": f"daily{day}"})
        export(project, f"intraday_{day}", {"event_timestamp": stamp, "user_pseudo_id": f"intraday{day}"})
    for name in ("b1", "b2"):
        send(project, name, event(OLD, name))
    project.build()
    retained = retain(project)
    assert retained.people == 5
    files = {path.name for path in (project.home / "landing").rglob("*") if path.is_file()}
    assert files == {"events_20260113.parquet", "b2.ndjson"}
    for table in ("stg_ga_events", "stg_streamed_events", "int_events", "int_sessions", "mart_sessions"):
        assert project.rows(f"select * from {table}") == []
    assert retain(project).landing_rows == 0


def test_set_aside_rows_go_by_their_arrival(project: Project) -> None:
    seconds, future = 1768000000, START + 900 * DAY
    send(
        project,
        "b1",
        event(YOUNG, "now"),
        event(OLD, "late no name", name=""),
        event(YOUNG, "no name", name=""),
        event(0, "seconds", event_timestamp=seconds),
        event(0, "seconds, new", event_timestamp=seconds, received_at=START + YOUNG),
        event(0, "future", event_timestamp=future, received_at=START + OLD),
        event(0, "future, new", event_timestamp=future, received_at=START + YOUNG),
    )
    project.build()
    assert len(project.rows("select * from int_quarantine")) == 6
    retain(project)
    left = project.rows("select user_pseudo_id from stg_streamed_events where reject_reason is not null")
    assert {row["user_pseudo_id"] for row in left} == {"no name", "seconds, new", "future, new"}


def test_the_first_event_ever_stays_the_first(project: Project) -> None:
    """T4: a window that was complete stays so when its first days go, and one that was not stays not."""
    send(project, "b1", event(OLD, "first"), order(10 * DAY, "p", None, "t"))
    project.build()
    flags = "select lookback_complete from mart_attribution_first"
    assert project.rows(flags) == [{"lookback_complete": True}]
    retain(project)
    assert "first@" not in " ".join(kept(project))
    assert project.rows(flags) == [{"lookback_complete": True}]
    assert read_history(project.settings) == History(START + OLD, START + 10 * DAY, START + 7 * DAY)


def test_the_horizon_never_moves_back(project: Project) -> None:
    send(project, "b1", event(OLD, "a"), event(9 * DAY, "a"), event(YOUNG, "a"))
    project.build()
    assert retain(project, None).kept_from is None
    assert len(project.rows("select * from mart_sessions")) == 3
    assert retain(project).kept_from == "2026-01-20"
    assert retain(project, DAYS + 5).kept_from == "2026-01-20"
    assert retain(project, None).kept_from == "2026-01-20"
    assert len(project.rows("select * from mart_sessions")) == 1
    assert retain(project, DAYS, date(2026, 2, 12)).kept_from == "2026-01-23"
    assert project.rows("select * from mart_sessions") == []


def test_what_no_file_touches_goes_out_of_sight_too(project: Project) -> None:
    """Between the look-back and the horizon rows stay, but readers see nothing of them."""
    send(project, "b1", order(8 * DAY, "a", None, "t"), event(YOUNG, "b"))
    project.build()
    assert len(project.rows("select * from mart_channel_daily")) == 6
    retained = retain(project)
    assert (retained.people, retained.landing_rows) == (1, 0)
    assert len(kept(project)) == 2
    assert [row["person_id"] for row in project.rows("select person_id from mart_sessions")] == ["b"]
    for table in ("mart_attribution_first", "mart_attribution_last", "mart_channel_daily"):
        assert project.rows(f"select * from {table}") == []


def test_killed_after_any_step_and_run_again_it_ends_the_same(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(project, "b1", event(OLD, "a"), order(YOUNG, "a", None, "t"))
    send(project, "b2", event(OLD, "b"))
    send(project, "b3", event(YOUNG, "b"))
    project.build()
    for step in ("touch", "put_landed_rows", "take_out", "withdraw"):

        def dies(*_: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(retention if step == "touch" else landed_rows, step, dies)
            with pytest.raises(KeyboardInterrupt):
                apply_retention(project.settings, day=NIGHT, retention_days=DAYS, lookback_days=LOOKBACK)
    retain(project)
    assert kept(project) == {f"a@{YOUNG}", f"b@{YOUNG}"}
    assert len(project.rows("select * from mart_sessions")) == 2


@pytest.mark.parametrize("days", [LOOKBACK, 0, -1, "30", True])
def test_a_window_shorter_than_the_look_back_is_refused(project: Project, days: Any) -> None:  # noqa: ANN401
    with pytest.raises(SettingError, match=r"retention_days is .*at least 4 "):
        apply_retention(project.settings, day=NIGHT, retention_days=days, lookback_days=LOOKBACK)


def test_a_damaged_state_file_stops_everything(project: Project) -> None:
    for content in ("{", "[]", '{"kept_events": [1]}', '{"kept_from": "2026"}', '{"other": 1}'):
        project.settings.history.write_text(content)
        with pytest.raises(HistoryError, match=r"history.json is damaged"):
            read_history(project.settings)


@pytest.mark.parametrize(
    ("settings", "kept", "people"), [("as shipped", 1, ["laptop"]), ("most", 2, [])], ids=["person", "shop"]
)
def test_retention_keeps_the_event_that_an_order_is_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: str, kept: int, people: list[str]
) -> None:
    """L4: a young copy of an old order is no new order, by shop also where somebody else reports it."""
    project = Replayed(tmp_path, variables=dict(SETTINGS[settings]))
    scope = project.variables.get("order_scope", "person")
    monkeypatch.setattr(retention, "read_variables", lambda _: {"order_scope": scope})
    bought = ((DAY, "phone", "t1"), (20 * DAY, "laptop", "t1"), (DAY, "tv", "t2"))
    send(project, "b1", *(order(at, device, None, transaction) for at, device, transaction in bought))
    project.build()
    apply_retention(project.settings, day=NIGHT, retention_days=DAYS, lookback_days=LOOKBACK)
    project.build()
    assert len(project.rows("select * from int_events")) == kept
    assert [row["person_id"] for row in project.rows("select person_id from int_conversions")] == people
    assert project.differences_from(project.oracle()) == {}


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.rehearsal) for seed in (11, 35))])
def test_nothing_that_is_still_seen_changes(tmp_path: Path, seed: int) -> None:
    """Nights of a random world; the old rows land once more before the last of them. The export is the user's."""
    project = Replayed(tmp_path / "home", variables={"lookback_days": LOOKBACK})
    (project.home / "landing" / "ga4").mkdir(parents=True)
    link_export(project, tmp_path / "shop")
    last = {arrival.name: arrival for batch in random_arrivals(seed) for arrival in batch}
    world = [arrival for arrival in last.values() if arrival.rows is not None]
    for arrival in world:
        land(project.home / "landing", arrival, TICK)
    project.build()
    all_events = len(project.rows("select * from int_events"))
    moments = [row["event_at"] for row in project.rows("select event_at from int_events order by 1")]
    middle = datetime.fromtimestamp(moments[len(moments) // 2] / 1_000_000, UTC).date()
    for days in (0, 1):
        since = middle + timedelta(days=days)
        before = seen(project, since)
        assert retain(project, 10, since + timedelta(days=10)).kept_from == f"{since}"
        assert seen(project) == before
    assert len(project.rows("select * from int_events")) < all_events
    for arrival in world:
        land(project.home / "landing", arrival, TICK + 1)
    theirs = {path: path.read_bytes() for path in (tmp_path / "shop").iterdir()}
    project.build()
    assert seen(project) == before
    assert project.differences_from(project.oracle()) == {}
    retained = retain(project, 10, since + timedelta(days=10))
    assert {one.statement.split()[0] for one in retained.outside} == {"rm", "ERASE_FROM_EXPORT=true"}
    assert {path: path.read_bytes() for path in (tmp_path / "shop").iterdir()} == theirs
    assert seen(project) == before
    full = full_refresh(project, tmp_path / "full")
    assert unequal(project, full) == {}
    for settings in (replace(project.settings, erase_from_export=True), project.settings):
        erased = apply_retention(settings, day=since + timedelta(days=10), retention_days=10, lookback_days=LOOKBACK)
        assert (erased.landing_rows > 0, erased.outside) == (settings.erase_from_export, ())
    project.build()
    assert unequal(project, full) == {}
