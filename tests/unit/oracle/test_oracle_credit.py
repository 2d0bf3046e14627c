"""X1 to X2 and T1 to T5: sessions, touchpoints and what each earns.

Journeys (T6) and the sums of the marts are worked by hand in the dbt unit tests of theirs, and the oracle agrees there.
"""

from decimal import Decimal
from fractions import Fraction
from hashlib import md5
from typing import Any

import pytest

from tests.oracle.models import apportion
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


def test_both_ends_of_the_lookback_count(world: World) -> None:
    world.stream(
        streamed("too old", -14 * DAY - 1 - 40 * MINUTE, source="old"),
        streamed("edge", -14 * DAY, source="edge"),
        streamed("stranger", -DAY, user_pseudo_id="other", source="x"),
        bought("own"),
        streamed("after", 40 * MINUTE, source="after"),
    )
    tables = world.tables()
    assert [(touch["position"], touch["touched_at"] - NOON) for touch in tables.touchpoints] == [(1, -14 * DAY), (2, 0)]
    assert [(row["source"], row["touchpoints"]) for row in tables.first + tables.last] == [("edge", 2), ("edge", 2)]


def test_the_own_session_counts_however_early_it_began(world: World) -> None:
    steps = range(-DAY - 25 * MINUTE, 0, 25 * MINUTE)
    world.stream(*(streamed(f"{step}", step, source="start") for step in steps), bought("own"))
    (touch,) = world.tables(lookback_days=1).touchpoints
    assert (touch["touched_at"] - NOON, touch["source"]) == (-DAY - 25 * MINUTE, "start")


@pytest.mark.parametrize(
    ("between", "last"),
    [
        ([streamed("2", -3 * DAY, source="news", medium="email")], ("news", "Email")),
        ([streamed("2", -3 * DAY, source="(not set)", medium="(not set)")], ("(not set)", "Other")),
        ([], ("(direct)", "Direct")),
    ],
)
def test_first_click_takes_direct_and_last_click_the_last_that_is_not(
    world: World, between: list[dict[str, object]], last: tuple[str, str]
) -> None:
    world.stream(streamed("1", -4 * DAY), *between, bought("4"))
    tables = world.tables()
    assert [(row["source"], row["touched_at"] - NOON) for row in tables.first] == [("(direct)", -4 * DAY)]
    assert [(row["source"], row["channel"], row["touchpoints"]) for row in tables.last] == [(*last, len(between) + 2)]


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
    assert [row["lookback_complete"] for row in world.tables().last] == [complete]


def test_the_lookback_is_complete_from_the_first_event_of_the_warehouse_on(world: World) -> None:
    """Where none is timely, from the first of all."""
    world.stream(streamed("first", -14 * DAY, user_pseudo_id="other"), bought("1", -1), bought("2"))
    tables = world.tables()
    assert [(row["converted_at"] - NOON, row["lookback_complete"]) for row in tables.last] == [(-1, False), (0, True)]
    world.stream(streamed("1", -14 * DAY, received_at=NOON + 4 * DAY), bought("own", received_at=NOON + 4 * DAY))
    assert [row["lookback_complete"] for row in world.tables().last] == [True]


THREE = [
    streamed("1", -14 * DAY, source="a", medium="email"),
    streamed("2", -7 * DAY, source="b", medium="email"),
    bought("3"),
]
TWO = [streamed("1", -DAY), bought("2")]
HOURLY = [*(streamed(str(hour), -hour * 60 * MINUTE) for hour in range(3, 0, -1)), bought("4")]
UNEVEN = {"position_weights": {"first": 0.6, "middle": 0.1, "last": 0.3}}


@pytest.mark.parametrize(
    ("model", "events", "settings", "expected"),
    [
        ("first_click", THREE, {}, [("1", "10.00"), ("0", "0.00"), ("0", "0.00")]),
        ("last_click", THREE, {}, [("0", "0.00"), ("1", "10.00"), ("0", "0.00")]),
        ("last_touch", THREE, {}, [("0", "0.00"), ("0", "0.00"), ("1", "10.00")]),
        ("linear", THREE, {}, [("0.333333334", "3.34"), ("0.333333333", "3.33"), ("0.333333333", "3.33")]),
        ("time_decay", THREE, {}, [("0.142857143", "1.43"), ("0.285714286", "2.86"), ("0.571428571", "5.71")]),
        ("time_decay", TWO, {"half_life_days": 1}, [("0.333333333", "3.33"), ("0.666666667", "6.67")]),
        ("time_decay", TWO, {"half_life_days": 0.01}, [("0", "0.00"), ("1", "10.00")]),
        ("position_based", HOURLY, {}, [("0.4", "4.00"), ("0.1", "1.00"), ("0.1", "1.00"), ("0.4", "4.00")]),
        ("position_based", TWO, UNEVEN, [("0.666666667", "6.67"), ("0.333333333", "3.33")]),
        ("position_based", [bought("1")], {}, [("1", "10.00")]),
    ],
)
def test_what_each_touch_earns(
    world: World, model: str, events: list[dict[str, object]], settings: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    world.stream(*events)
    rows = world.tables(attribution_models=(model,), **settings).attribution
    assert [(str(row["credit"].normalize()), str(row["revenue"])) for row in rows] == expected


@pytest.mark.parametrize(
    ("amount", "weights", "parts"),
    [
        ("0.03", [6, 1, 1, 1, 6], ["0.02", "0", "0", "0", "0.01"]),
        ("0.02", [6, 1, 1, 1, 6], ["0.01", "0", "0", "0", "0.01"]),
        ("1.00", [1, 1, 1], ["0.34", "0.33", "0.33"]),
    ],
)
def test_what_is_left_over_goes_to_the_largest_remainders_and_of_equals_to_the_earliest(
    amount: str, weights: list[int], parts: list[str]
) -> None:
    assert apportion(Decimal(amount), 2, [Fraction(weight) for weight in weights]) == [Decimal(part) for part in parts]


def test_an_empty_landing_folder_is_empty_tables(world: World) -> None:
    tables = world.tables()
    assert not any((tables.events, tables.quarantine, tables.sessions, tables.conversions, tables.channel_daily))
