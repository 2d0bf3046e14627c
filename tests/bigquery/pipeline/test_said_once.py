"""Statements that both engines take: what a deletion request means, and how live tables are compared with a rebuild."""

from __future__ import annotations

from pathlib import Path

import pytest

from include.deletion.requests import Request, resolve
from include.deletion.tombstones import BIGQUERY, DUCKDB, EVER, NEVER, Tombstone, key_hash
from include.proof_compare import Sides, compare
from include.store import Kind, Store, Table
from include.store_bigquery import BigQueryStore

STAGED: dict[str, Kind] = {
    **dict.fromkeys(("shard", "event_key", "user_id", "user_pseudo_id", "reject_reason"), "text"),
    **dict.fromkeys(("event_at", "received_at", "bucket"), "integer"),
}
ORDER = ("batch_page_id", "batch_ordering_id", "batch_event_index", "event_bundle_sequence_id")
EVENTS: dict[str, Kind] = {**STAGED, "person_id": "text", "event_name": "text", **dict.fromkeys(ORDER, "integer")}

#: event_key, device, user, time, person: ann's laptop, and a tablet that is bob's, ann's and bob's again.
ROWS = (
    ("1", "laptop", None, 1, "ann"),
    ("2", "laptop", "ann", 2, "ann"),
    ("3", "tablet", "bob", 1, "bob"),
    ("4", "tablet", "ann", 5, "ann"),
    ("5", "tablet", "bob", 9, "bob"),
    ("6", "kiosk", None, 1, "kiosk"),
)


@pytest.fixture
def events(either: Store) -> Store:
    """A warehouse with these events, all streamed, and a copy of the second that names bob."""
    tables = {"int_events": EVENTS, "stg_ga_events": STAGED, "stg_streamed_events": STAGED}
    for name, columns in tables.items():
        either.make(Table(name, columns))
    rows = [
        {"shard": "b", "event_key": key, "user_pseudo_id": device, "user_id": user, "event_at": at, "received_at": at}
        for key, device, user, at, _ in ROWS
    ]
    either.append(
        "int_events", [{**row, "person_id": one[-1], "bucket": 1} for row, one in zip(rows, ROWS, strict=True)]
    )
    either.append("stg_streamed_events", [{**row, "bucket": 1} for row in [*rows, {**rows[1], "user_id": "bob"}]])
    return either


def test_a_request_means_the_same_rows(events: Store) -> None:
    dialect = BIGQUERY if isinstance(events, BigQueryStore) else DUCKDB
    asked = [
        Request(kind, key, Path("a.csv"), 2, "v")
        for kind, key in (("person", "ann"), ("device", "tablet"), ("person", "kiosk"))
    ]
    found = resolve(events, dialect, asked, 3)
    laptop, tablet, ann, kiosk = (key_hash(one) for one in ("laptop", "tablet", "ann", "kiosk"))
    assert set(found[0].tombstones) == {
        Tombstone("user", ann, deleted_at=6),  # past the last row that is here
        Tombstone("anonymous", laptop, EVER, NEVER, 3),
        Tombstone("anonymous", tablet, 5, 9, 3),
        Tombstone("anonymous", ann, EVER, NEVER, 3),
        Tombstone("event", key_hash("2"), EVER, NEVER, 3),
    }
    assert found[1].tombstones == (Tombstone("device", tablet, deleted_at=10),)
    assert {one.kind for one in found[2].tombstones} == {"user", "anonymous"}
    assert {one.key_hash for one in found[2].tombstones} == {kiosk}
    assert [one.rows for one in found] == [5, 3, 1]
    assert [one.rows for one in resolve(events, dialect, asked[1:2], 3)] == [3]


def test_rows_are_compared_with_how_often_they_are_there(either: Store) -> None:
    text = "to_json_string(struct(a, b))" if isinstance(either, BigQueryStore) else "cast(to_json(t) as varchar)"
    live, rebuilt = (f"(select 1 as a, '{b}' as b union all select 2, null)" for b in "xy")
    rows, (one,) = compare(either, [("equal", Sides(live, live, text)), ("t", Sides(live, rebuilt, text))])
    assert (rows, one.table, one.only_live, one.only_rebuilt, one.differing) == (4, "t", 1, 1, ("b",))
    left = either.rows("select table_name, found_in, copies from differences order by found_in")
    assert left == [("t", "live", 1), ("t", "rebuilt", 1)]
