"""E1 to E4, I1 to I4: which rows are events, which are copies, which are set aside, and who an event belongs to."""

from collections import Counter
from hashlib import md5
from typing import Any

import pytest

from tests.unit.oracle.world import NOON, SHARD, World, exported, streamed


@pytest.mark.parametrize(
    ("columns", "scalars"),
    [
        (
            {
                "user_id": "  ",
                "event_bundle_sequence_id": 7,
                "batch_ordering_id": 3,
                "ecommerce": {"transaction_id": "(not set)", "refund_value": -1.005},
                "event_value_in_usd": 5.0,
            },
            ["7", "\0", "3", "\0", "https://a.example/", "(not set)", "-101"],
        ),
        *(
            ({"event_value_in_usd": value}, ["\0", "\0", "\0", "\0", "https://a.example/", "\0", text])
            for value, text in (
                (float("-inf"), "-Infinity"),
                (1e15, "large"),
                (0.005, "1"),
            )
        ),
    ],
)
def test_the_key_of_an_exported_row_is_the_md5_of_its_scalars(
    world: World, columns: dict[str, Any], scalars: list[str]
) -> None:
    world.table([exported(params={"page_location": " https://a.example/ "}, **columns)])
    text = "\x1f".join(["d", "\0", str(NOON), "page_view", *scalars])
    assert [event.event_key for event in world.tables().events] == [
        md5(text.encode(), usedforsecurity=False).hexdigest()
    ]


def test_copies_are_one_event_and_the_first_to_arrive_counts(world: World) -> None:
    """Of those that arrive together the least by shard, then by content, counts."""
    world.stream(streamed("a", source="late", received_at=NOON + 2, user_pseudo_id="other"), batch="b0")
    world.stream(streamed("a", source="second", received_at=NOON + 1), batch="b2")
    world.stream(streamed("a", source="first", received_at=NOON + 1), batch="b1")
    world.stream(streamed(None), streamed(None), streamed(None, 1), batch="b3")
    world.stream(streamed("c", source="z"), streamed("c", source="b"), batch="b4")
    world.stream(streamed("n", source="z"), streamed("n"), batch="b5")
    events = {event.event_key: event for event in world.tables().events}
    assert len(events) == 5
    assert (events["a"].source, events["a"].shard, events["a"].user_pseudo_id) == ("first", "b1", "d")
    assert (events["c"].source, events["n"].source) == ("b", None)


def test_order_inside_a_microsecond_is_batch_then_name_then_key_nulls_first(world: World) -> None:
    world.table(
        [
            exported(event_name="e", batch_page_id=1, batch_ordering_id=2, batch_event_index=1),
            exported(event_name="d", batch_page_id=1, batch_ordering_id=1, batch_event_index=9),
            exported(event_name="c", batch_page_id=1, batch_ordering_id=2, batch_event_index=1),
            exported(event_name="b", event_bundle_sequence_id=1),
            exported(event_name="z"),
            exported(-1, event_name="last"),
            exported(event_name="Z"),
        ]
    )
    assert [event.event_name for event in world.tables().events] == ["last", "Z", "z", "b", "d", "c", "e"]


def test_intraday_counts_until_a_readable_daily_table_of_its_date_lands(world: World) -> None:
    world.table([exported(event_name="early")], "events_intraday_20260310")
    world.table([exported(2, event_name="other_day")], "events_intraday_20260311")
    (world.ga4 / f"{SHARD}.parquet").write_bytes(b"half a file")
    tables = world.tables()
    assert {event.event_name for event in tables.events} == {"early", "other_day"}
    assert [tuple(row) for row in tables.quarantine] == [(SHARD, "ga4", "unreadable")]
    world.table([exported(event_name="daily")])
    assert {event.event_name for event in world.tables().events} == {"daily", "other_day"}


def test_whole_files_are_set_aside_with_their_reason(world: World) -> None:
    for name in ("events_20261301", "events_late_20260310", "orders"):
        world.table([exported()], name)
    world.table([{**exported(), "event_timestamp": "soon"}], "events_20260311")
    world.table([{**exported(), "ecommerce": 5}], "events_20260312")
    world.table([{**exported(), "event_params": [{"key": "source", "value": "x"}]}], "events_20260313")
    world.table([exported()], ".events_20260314")
    world.stream(streamed("1"), b'{"event_name": "caf\xe9"}', batch="latin")
    tables = world.tables()
    assert tables.events == []
    assert Counter(row.reason for row in tables.quarantine) == {"unknown_name": 3, "wrong_type": 3, "unreadable": 1}


def test_a_streamed_event_without_arrival_arrived_when_its_file_was_written(world: World) -> None:
    world.stream(streamed("a", received_at=None))
    written = (world.streamed / "b1.ndjson").stat().st_mtime_ns // 1000
    assert [event.received_at for event in world.tables().events] == [written]


ANONYMOUS: dict[str, Any] = {"user_pseudo_id": None}


@pytest.mark.parametrize(
    ("events", "people"),
    [
        # the only user a device ever had owns what came before too (I1, I3)
        ([streamed("a", -5), streamed("b", user_id="ada"), streamed("c", 5)], {"a": "ada", "b": "ada", "c": "ada"}),
        # without a user, or with an ignored one, the device; without a device the event alone (I4)
        (
            [streamed("a", user_id=" NULL "), streamed("b", user_id="0", **ANONYMOUS), streamed("c", **ANONYMOUS)],
            {"a": "d", "b": "event:b", "c": "event:c"},
        ),
        ([streamed("a", user_id="nullable", **ANONYMOUS)], {"a": "nullable"}),
        # a shared device: the last user seen there, with none before the first to come (I2)
        (
            [
                streamed("0", -1),
                streamed("1", 0, user_id="ada"),
                streamed("2", 0),
                streamed("3", 9),
                streamed("4", 10, user_id="bob"),
                streamed("5", 10),
            ],
            {"0": "ada", "1": "ada", "2": "ada", "3": "ada", "4": "bob", "5": "bob"},
        ),
        # of two logins in one microsecond the last in order E2
        (
            [streamed("k2", user_id="bob"), streamed("k1", user_id="ada"), streamed("a", -1), streamed("z", 1)],
            {"k1": "ada", "k2": "bob", "a": "ada", "z": "bob"},
        ),
        # a user is one person on all devices, and devices do not merge
        (
            [
                streamed("1", user_id="ada", user_pseudo_id="phone"),
                streamed("2", 1, user_id="ada", user_pseudo_id="shared"),
                streamed("3", 2, user_id="bob", user_pseudo_id="shared"),
                streamed("4", 3, user_pseudo_id="phone"),
            ],
            {"1": "ada", "2": "ada", "3": "bob", "4": "ada"},
        ),
    ],
)
def test_who_an_event_belongs_to(world: World, events: list[dict[str, object]], people: dict[str, str]) -> None:
    world.stream(*events)
    assert {event.event_key: event.person_id for event in world.tables().events} == people
