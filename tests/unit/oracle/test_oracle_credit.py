"""X1 to X2 and T1 to T4: sessions, touchpoints, credit, and the marts of them."""

from datetime import date
from decimal import Decimal
from hashlib import md5
from typing import Any

import pytest

from tests.unit.oracle.world import DAY, MINUTE, NOON, World, bought, exported, streamed


@pytest.mark.parametrize(("gap", "sessions"), [(30 * MINUTE, 1), (30 * MINUTE + 1, 2)])
def test_exactly_the_timeout_is_one_session_and_a_microsecond_more_two(world: World, gap: int, sessions: int) -> None:
    world.stream(streamed("1"), streamed("2", gap))
    assert len(world.tables().sessions) == sessions
    assert len(world.tables(session_timeout_minutes=31).sessions) == 1


def test_neither_midnight_nor_a_campaign_nor_the_source_of_data_splits_a_session(world: World) -> None:
    world.stream(streamed("1", 12 * 60 * MINUTE - 1, source="a"), streamed("2", 12 * 60 * MINUTE, source="b"))
    world.table([exported(12 * 60 * MINUTE + 1, device={"category": "mobile"})])
    (session,) = world.tables().sessions
    assert (session.events, session.ended_at - session.started_at, session.device_category) == (3, 2, "mobile")
    assert session.session_id == md5(b"d\x1f1", usedforsecurity=False).hexdigest()


def test_a_late_event_bridges_two_sessions(world: World) -> None:
    world.stream(streamed("1"), streamed("2", 40 * MINUTE))
    assert len(world.tables().sessions) == 2
    world.stream(streamed("3", 20 * MINUTE), batch="late")
    assert [session.events for session in world.tables().sessions] == [3]


def test_both_ends_of_the_lookback_count(world: World) -> None:
    world.stream(
        streamed("too old", -14 * DAY - 1 - 40 * MINUTE, source="old"),
        streamed("edge", -14 * DAY, source="edge"),
        streamed("stranger", -DAY, user_pseudo_id="other", source="x"),
        bought("own"),
        streamed("after", 40 * MINUTE, source="after"),
    )
    tables = world.tables()
    assert [(touch.position, touch.touched_at - NOON) for touch in tables.touchpoints] == [(1, -14 * DAY), (2, 0)]
    assert [(row.source, row.touchpoints) for row in tables.first + tables.last] == [("edge", 2), ("edge", 2)]


def test_a_microsecond_before_the_window_does_not_count(world: World) -> None:
    world.stream(streamed("old", -14 * DAY - 1, source="old"), bought("own"))
    assert [touch.source for touch in world.tables().touchpoints] == ["(direct)"]


def test_the_own_session_counts_however_early_it_began(world: World) -> None:
    steps = range(-DAY - 25 * MINUTE, 0, 25 * MINUTE)
    world.stream(*(streamed(f"{step}", step, source="start") for step in steps), bought("own"))
    (touch,) = world.tables(lookback_days=1).touchpoints
    assert (touch.touched_at - NOON, touch.source) == (-DAY - 25 * MINUTE, "start")


def test_first_click_takes_direct_and_last_click_the_last_that_is_not(world: World) -> None:
    world.stream(
        streamed("1", -4 * DAY),
        streamed("2", -3 * DAY, source="news", medium="email"),
        streamed("3", -2 * DAY, source="(not set)", medium="(not set)"),
        bought("4"),
    )
    tables = world.tables()
    assert [(row.source, row.channel, row.touchpoints) for row in tables.first] == [("(direct)", "Direct", 4)]
    assert [(row.source, row.channel, row.touchpoints) for row in tables.last] == [("(not set)", "Other", 4)]


def test_last_click_is_the_latest_when_every_touch_is_direct(world: World) -> None:
    world.stream(streamed("1", -DAY), bought("2"))
    tables = world.tables()
    assert [row.touched_at - NOON for row in tables.first + tables.last] == [-DAY, 0]


def test_the_lookback_is_complete_from_the_first_event_of_the_warehouse_on(world: World) -> None:
    world.stream(streamed("first", -14 * DAY, user_pseudo_id="other"), bought("1", -1), bought("2"))
    tables = world.tables()
    assert [(row.converted_at - NOON, row.lookback_complete) for row in tables.last] == [(-1, False), (0, True)]


LONE: dict[str, Any] = {"user_pseudo_id": "lone", "received_at": NOON}


@pytest.mark.parametrize(
    ("landed", "complete"),
    [
        ([streamed("lone", -5000 * DAY, **LONE), streamed("lone too", -4999 * DAY, **LONE)], False),
        ([streamed("edge", -14 * DAY, received_at=NOON - 11 * DAY)], True),
        ([streamed("late", -14 * DAY, received_at=NOON - 11 * DAY + 1)], False),
        ([streamed("1", -17 * DAY, received_at=NOON), streamed("2", -14 * DAY, **LONE)], True),
        ([streamed("1", -17 * DAY - 1, received_at=NOON), streamed("2", -14 * DAY, **LONE)], False),
        ([streamed("1", -14 * DAY, received_at=NOON, user_pseudo_id=None), streamed("2", -14 * DAY, **LONE)], False),
        ([exported(-5000 * DAY), exported(-5000 * DAY, user_pseudo_id="lone")], False),
        ([exported(-3 * DAY // 2)], False),
    ],
)
def test_the_history_begins_with_a_timely_event(world: World, landed: list[dict[str, object]], complete: bool) -> None:
    of_stream = [row for row in landed if "event_params" not in row]
    world.table([row for row in landed if "event_params" in row])
    world.stream(*of_stream, batch="late")
    world.stream(bought("own"))
    assert [row.lookback_complete for row in world.tables().last] == [complete]


def test_without_a_timely_event_the_history_begins_with_the_first(world: World) -> None:
    world.stream(streamed("1", -14 * DAY, received_at=NOON + 4 * DAY), bought("own", received_at=NOON + 4 * DAY))
    assert [row.lookback_complete for row in world.tables().last] == [True]


def test_marts(world: World) -> None:
    world.stream(
        streamed("1", -DAY, source="google", medium="organic"),
        bought("2", transaction_id="T"),
        bought("3", 1, value=5),
        streamed("4", 2, "refund", transaction_id="T", value=4),
        bought("5", user_pseudo_id="other", value=None),
    )
    tables = world.tables()
    sessions = {(row.person_id, row.started_at - NOON): (row.conversions, row.revenue) for row in tables.mart_sessions}
    zero = Decimal("0.00")
    assert sessions == {("d", -DAY): (0, zero), ("d", 0): (2, Decimal("15.00")), ("other", 0): (1, zero)}
    today, ten = date(2026, 3, 10), Decimal("11.00")
    assert sorted(row[:6] for row in tables.channel_daily if row.model in ("first_click", "last_click")) == [
        (today, "first_click", "Direct", Decimal(1), zero, zero),
        (today, "first_click", "Organic Search", Decimal(2), Decimal("15.00"), ten),
        (today, "last_click", "Direct", Decimal(1), zero, zero),
        (today, "last_click", "Organic Search", Decimal(2), Decimal("15.00"), ten),
    ]


def test_an_empty_landing_folder_is_empty_tables(world: World) -> None:
    tables = world.tables()
    assert not any((tables.events, tables.quarantine, tables.sessions, tables.conversions, tables.channel_daily))
