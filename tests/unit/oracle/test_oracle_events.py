"""E1 to E4: which rows are events, which are copies, which are set aside."""

from collections import Counter
from hashlib import md5

import pytest

from tests.unit.oracle.world import DAY, MINUTE, NOON, SHARD, World, exported, streamed


def test_the_key_of_an_exported_row_is_the_md5_of_its_scalars(world: World) -> None:
    world.table(
        [
            exported(
                params={"page_location": " https://a.example/ "},
                user_id="  ",
                event_bundle_sequence_id=7,
                batch_ordering_id=3,
                ecommerce={"transaction_id": "(not set)", "refund_value": -1.005},
                event_value_in_usd=5.0,
            )
        ]
    )
    scalars = ["d", "\0", str(NOON), "page_view", "7", "\0", "3", "\0", "https://a.example/", "(not set)", "-101"]
    expected = md5("\x1f".join(scalars).encode(), usedforsecurity=False).hexdigest()
    assert [event.event_key for event in world.tables().events] == [expected]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (float("nan"), "NaN"),
        (float("inf"), "Infinity"),
        (float("-inf"), "-Infinity"),
        (1e15, "large"),
        (0.005, "1"),
        (-0.001, "0"),
        (None, "\0"),
    ],
)
def test_the_amount_in_the_key_is_whole_cents_or_the_name_of_no_number(world: World, value: float, text: str) -> None:
    world.table([exported(event_value_in_usd=value, ecommerce={"refund_value": None})])
    scalars = ["d", "\0", str(NOON), "page_view", "\0", "\0", "\0", "\0", "\0", "\0", text]
    expected = md5("\x1f".join(scalars).encode(), usedforsecurity=False).hexdigest()
    assert world.tables().events[0].event_key == expected


def test_copies_are_one_event_and_the_first_to_arrive_counts(world: World) -> None:
    world.stream(streamed("a", source="late", received_at=NOON + 2, user_pseudo_id="other"), batch="b0")
    world.stream(streamed("a", source="second", received_at=NOON + 1), batch="b2")
    world.stream(streamed("a", source="first", received_at=NOON + 1), batch="b1")
    world.stream(streamed(None), streamed(None), streamed(None, 1), batch="b3")
    events = {event.event_key: event for event in world.tables().events}
    assert len(events) == 3
    assert (events["a"].source, events["a"].shard, events["a"].user_pseudo_id) == ("first", "b1", "d")


def test_copies_that_arrive_together_are_told_apart_by_content(world: World) -> None:
    world.stream(streamed("a", source="z"), streamed("a", source="b"), streamed("a"))
    assert world.tables().events[0].source is None
    world.stream(streamed("a", source="z"), streamed("a", source="b"))
    assert world.tables().events[0].source == "b"


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


def test_intraday_counts_until_the_daily_table_of_its_date_lands(world: World) -> None:
    world.table([exported(event_name="early"), exported(1, event_name="early")], "events_intraday_20260310")
    world.table([exported(2, event_name="other_day")], "events_intraday_20260311")
    assert len(world.tables().events) == 3
    world.table([exported(event_name="daily")])
    assert {event.event_name for event in world.tables().events} == {"daily", "other_day"}


def test_an_unreadable_daily_table_replaces_nothing(world: World) -> None:
    world.table([exported()], "events_intraday_20260310")
    (world.ga4 / f"{SHARD}.parquet").write_bytes(b"half a file")
    tables = world.tables()
    assert len(tables.events) == 1
    assert [tuple(row) for row in tables.quarantine] == [(SHARD, "ga4", "unreadable")]


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


def test_reasons_to_set_a_row_aside_in_their_order(world: World) -> None:
    hour = 60 * MINUTE
    world.stream(
        "{not json",
        '["a list"]',
        '{"event_name": "\\ud800", "event_timestamp": 1}',
        "",
        streamed("1", event_name="  ", event_timestamp="x"),
        streamed("2", event_timestamp="1.5"),
        streamed("3", event_timestamp=True),
        streamed("4", event_timestamp=946_684_799_999_999),
        streamed("5", event_timestamp=NOON + hour + 1, received_at=NOON),
        streamed("6", event_timestamp=NOON + hour, received_at=NOON),
        streamed("7", event_timestamp=946_684_800_000_000),
        streamed("8", event_timestamp=str(NOON)),
        '{"event_id": "9", "event_name": "x", "event_timestamp": 1.7e15}',
        streamed("10", event_timestamp=2**63),
        batch="bad",
    )
    tables = world.tables()
    assert Counter(row.reason for row in tables.quarantine) == {
        "not_json": 3,
        "no_event_name": 1,
        "no_event_timestamp": 4,
        "event_timestamp_before_2000": 1,
        "event_in_future": 1,
    }
    assert {(row.shard, row.source) for row in tables.quarantine} == {("bad", "streamed")}
    assert {event.event_key for event in tables.events} == {"6", "7", "8"}


def test_an_exported_row_arrives_at_noon_utc_of_the_day_after(world: World) -> None:
    world.table([exported(DAY + 60 * MINUTE), exported(DAY + 60 * MINUTE + 1)])
    tables = world.tables()
    assert [event.received_at for event in tables.events] == [NOON + DAY]
    assert [tuple(row) for row in tables.quarantine] == [(SHARD, "ga4", "event_in_future")]


def test_a_streamed_event_without_arrival_arrived_when_its_file_was_written(world: World) -> None:
    world.stream(streamed("a", received_at=None))
    written = (world.streamed / "b1.ndjson").stat().st_mtime_ns // 1000
    assert [event.received_at for event in world.tables().events] == [written]
