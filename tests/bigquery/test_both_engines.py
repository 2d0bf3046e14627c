"""What Python asks of its warehouse means the same on DuckDB and on BigQuery: rows, the journal, deletion, proof."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from include.data_driven.upkeep import FitSettings, add_fit
from include.deletion.confirm import STALE_DAYS
from include.deletion.requests import Request as Deletion
from include.deletion.requests import resolve
from include.deletion.tombstones import BIGQUERY, DUCKDB, EVER, NEVER, Tombstone, key_hash
from include.journal import READ_AGAIN, is_pending, read_again, touch, trim_journal
from include.proof_compare import Sides, compare
from include.publish import MARK_PUBLISHED
from include.store import Kind, Store, Table
from include.store_bigquery import BigQueryStore

NOON = datetime(2026, 1, 31, 12, 0, 0, 1)
KEPT = Table(
    "kept",
    {"name": "text", "n": "integer", "x": "number", "paid": "money", "seen_at": "timestamp", "good": "boolean"},
    key=("name",),
)


def test_a_row_comes_back_as_it_was_put_in_place_of_the_one_with_its_key(either: Store) -> None:
    values = {"x": 0.5, "paid": Decimal("12.50"), "seen_at": NOON, "good": True}
    for name, n, more in (("a", 1, {}), ("b", 2, {}), ("a", None, values)):
        either.put(KEPT, {**dict.fromkeys(KEPT.columns), "name": name, "n": n, **more})
    assert either.rows("select name, n, x, paid, seen_at, good from kept order by name") == [
        ("a", None, *values.values()),
        ("b", 2, None, None, None, None),
    ]
    for value in ("old", "new"):
        either.put(Table("single", {"checksum": "text"}), {"checksum": value})
    assert either.rows("select checksum from single") == [("new",)], "without a key there is one row"


def test_values_in_a_query(either: Store) -> None:
    either.make(KEPT)
    either.append("kept", [{"name": "a", "n": 1}, {"n": 2, "name": "it's"}, {"name": "c"}])
    query = "select name from kept where n >= $least and name in (select * from unnest($names)) order by name"
    assert either.rows(query, least=1, names=["it's", "a", "c"]) == [("a",), ("it's",)]
    assert either.rows(query, least=1, names=[]) == []


def test_statements_and_rows_are_taken_together_or_not_at_all(either: Store) -> None:
    either.make(KEPT)
    either.run("insert into kept (name) values ($a)", "insert into kept (name, n) values ($b, $n)", a="a", b="b", n=1)
    with pytest.raises(Exception, match="planted"):
        either.run("delete from kept where true", "insert into kept (name, n) select 'c', cast('planted' as integer)")
    with pytest.raises(Exception, match=r"no such|No such|not exist|does not have"):
        either.append("kept", [{"name": "a"}, {"name": "b", "unknown": 1}])
    either.append("kept", [])
    assert either.rows("select name, n from kept order by name") == [("a", None), ("b", 1)]


def test_which_tables_are_there(either: Store) -> None:
    either.run("create table mart_b as select 1 as x")
    either.run("create view mart_a as select 1 as x")
    either.run("create table other as select 1 as x")
    if isinstance(either, BigQueryStore):  # what dbt keeps there while it builds is no mart
        either.run("create table mart_b__dbt_tmp as select 1 as x")
    assert (either.has("mart_b", "other"), either.has("mart_b", "missing")) == (True, False)
    assert either.marts("mart_") == ["mart_a", "mart_b"]
    if isinstance(either, BigQueryStore):  # a night drops it
        either.drop_temporary()
        assert (either.has("mart_a", "mart_b", "other"), either.has("mart_b__dbt_tmp")) == (True, False)


def test_a_fit_is_made_of_the_journeys(either: Store) -> None:
    """Added up by path in the warehouse; its rows come back as they were added."""
    columns: dict[str, Kind] = {"path": "text", "touchpoints": "integer", "conversion_id": "text"}
    either.make(Table("mart_journeys", {**columns, "converted_at": "timestamp", "last_touched_at": "timestamp"}))
    lost = {"touchpoints": 1, "last_touched_at": str(NOON)}
    won = {**lost, "conversion_id": "c", "converted_at": str(NOON)}
    either.append(
        "mart_journeys", [{"path": "Email > Social", **won}, {"path": "Email", **lost}, {"path": "Social", **won}]
    )
    done = add_fit(either, FitSettings(fit_least_conversions=2), "first", NOON)
    assert done.fit_id == "20260201-20260131T120000000001"
    assert either.rows("select model, channel, weight, effective_from, journeys from model_fits order by 1, 2") == [
        ("markov", "Email", 333_333_333, date(2026, 2, 1), 3),
        ("markov", "Social", 666_666_667, date(2026, 2, 1), 3),
        ("shapley", "Email", 0, date(2026, 2, 1), 3),
        ("shapley", "Social", 1_000_000_000, date(2026, 2, 1), 3),
    ]
    assert add_fit(either, FitSettings(), "first", NOON).fit_id is None


GA4, STREAMED = "stg_ga_events", "stg_streamed_events"
DAY = 86_400_000_000
JOURNAL: dict[str, Kind] = {
    **dict.fromkeys(("batch_id", "entry", "model", "touched_key", "version", "detail"), "text"),
    **dict.fromkeys(("seq", "from_at", "until_at"), "integer"),
}


def model(name: str, replaces: str, *parents: str) -> dict[str, Any]:
    """A model of a manifest."""
    config = {"materialized": "replace_keys", "meta": {"replaces": replaces}}
    return {"name": name, "resource_type": "model", "config": config, "depends_on": {"nodes": list(parents)}}


MANIFEST = {
    "nodes": {
        GA4: model(GA4, "shard"),
        STREAMED: model(STREAMED, "shard"),
        "int_events": model("int_events", "device_key", GA4, STREAMED),
        "int_sessions": model("int_sessions", "person_id", "int_events"),
    }
}


@pytest.fixture
def journal(either: Store) -> Store:
    """A warehouse with an empty journal."""
    either.make(Table("int_journal", JOURNAL))
    return either


def loaded(store: Store, *shards: str, version: str = "v1", seq: int = 1) -> None:
    """Journal shards as loaded."""
    entry = {"batch_id": f"load {version}", "entry": "shard", "model": GA4, "version": version, "seq": seq}
    store.append("int_journal", [{**entry, "touched_key": shard} for shard in shards])


def done(store: Store, batch: str, *models: str) -> None:
    """Mark a batch as taken in, with a key that it touched."""
    store.append("int_journal", [{"batch_id": batch, "entry": "done", "model": name} for name in models])
    store.append("int_journal", [{"batch_id": batch, "entry": "device_key", "model": GA4, "touched_key": "d"}])


def shards(store: Store) -> list[tuple[Any, ...]]:
    """The shard entries, in order."""
    return store.rows("select model, touched_key, version, seq from int_journal where entry = 'shard' order by 1, 2, 4")


def test_shards_to_be_read_again_are_marked_once(journal: Store) -> None:
    tables = "events_20260101", "events_intraday_20260102", "events_20260103"
    loaded(journal, *tables)
    wanted = [(GA4, tables[0]), (STREAMED, "never")]
    assert read_again(journal, wanted) == 2
    assert read_again(journal, wanted) == 0
    assert shards(journal) == [
        (GA4, tables[0], "v1", 1),
        (GA4, tables[0], READ_AGAIN, 2),
        (GA4, tables[2], "v1", 1),
        (GA4, tables[1], "v1", 1),
        (STREAMED, "never", READ_AGAIN, 1),
    ]


def test_touched_people_are_a_batch_of_their_own(journal: Store) -> None:
    touch(journal, [])
    touch(journal, ["it's", "it's"])
    assert journal.rows("select entry, model, touched_key from int_journal order by entry, model") == [
        ("done", GA4, None),
        ("done", STREAMED, None),
        ("person_id", "upkeep", "it's"),
    ]
    assert journal.rows("select count(distinct batch_id) from int_journal") == [(1,)]


def test_the_journal_forgets_batches_that_every_model_and_the_readers_have(journal: Store) -> None:
    done(journal, "whole", GA4, "int_events", "int_sessions")
    for _ in range(2):
        journal.run(MARK_PUBLISHED)
    assert journal.rows("select batch_id from int_journal where model = 'publish'") == [("whole",)]
    done(journal, "waiting", GA4, "int_events")
    done(journal, "unpublished", GA4, "int_events", "int_sessions")
    loaded(journal, "events_20260101")
    loaded(journal, "events_20260101", version="v2", seq=2)
    noted = [{"entry": "shard_day", "model": GA4, "touched_key": "events_20260101", "from_at": n * DAY} for n in (0, 1)]
    noted += [{"entry": "longest_session", "model": "int_sessions", "seq": seq} for seq in (5, 7)]
    journal.append("int_journal", noted)
    assert is_pending(journal, MANIFEST)
    # five rows of `whole`, the old shard and the shorter session, less the mark of trimming
    assert trim_journal(journal, MANIFEST) == 6
    assert shards(journal) == [(GA4, "events_20260101", "v2", 2)]
    kept = journal.rows("select entry, seq, from_at from int_journal where batch_id is null order by 1, 3")
    assert kept == [("longest_session", 7, None), ("shard_day", None, 0), ("shard_day", None, DAY)]
    kept = journal.rows("select distinct batch_id from int_journal where entry = 'done' order by 1")
    assert kept == [("trimmed",), ("unpublished",), ("waiting",)]
    assert trim_journal(journal, MANIFEST) == 0
    done(journal, "waiting", "int_sessions")
    assert not is_pending(journal, MANIFEST)


STAGED: dict[str, Kind] = {
    **dict.fromkeys(("shard", "event_key", "user_id", "user_pseudo_id", "reject_reason"), "text"),
    **dict.fromkeys(("event_at", "received_at"), "integer"),
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


def test_a_deletion_means_the_same_rows(either: Store) -> None:
    """Of events that were all streamed, and a copy of the second that names bob."""
    for name, columns in {"int_events": EVENTS, GA4: STAGED, STREAMED: STAGED}.items():
        either.make(Table(name, columns))
    names = ("event_key", "user_pseudo_id", "user_id", "event_at")
    rows = [{**dict(zip(names, row, strict=False)), "shard": "b", "received_at": row[3]} for row in ROWS]
    either.append("int_events", [{**row, "person_id": one[-1]} for row, one in zip(rows, ROWS, strict=True)])
    either.append(STREAMED, [*rows, {**rows[1], "user_id": "bob"}])
    dialect = BIGQUERY if isinstance(either, BigQueryStore) else DUCKDB
    asked = [
        Deletion(kind, key, Path("a.csv"), 2, "v")
        for kind, key in (("person", "ann"), ("device", "tablet"), ("person", "kiosk"))
    ]
    found = resolve(either, dialect, asked, 3)
    laptop, tablet, ann, kiosk = (key_hash(one) for one in ("laptop", "tablet", "ann", "kiosk"))
    assert set(found[0].tombstones) == {
        Tombstone("user", ann, deleted_at=6),  # past the last row that is here
        Tombstone("anonymous", laptop, EVER, NEVER, 3),
        Tombstone("anonymous", tablet, 5, 9, 3),
        Tombstone("anonymous", ann, EVER, NEVER, 3),
        Tombstone("event", key_hash("2"), EVER, NEVER, 3),
    }
    assert found[1].tombstones == (Tombstone("device", tablet, deleted_at=10),)
    assert {(one.kind, one.key_hash) for one in found[2].tombstones} == {("user", kiosk), ("anonymous", kiosk)}
    assert [one.rows for one in found] == [5, 3, 1]
    assert [one.rows for one in resolve(either, dialect, asked[1:2], 3)] == [3]


def test_a_day_of_a_deleted_device_or_login_that_no_event_stands_behind_is_found(either: Store) -> None:
    named: dict[str, Kind] = {"device_key": "text", "event_date": "date"}
    either.make(Table("int_device_days", {**named, "first_user": "text", "last_user": "text"}))
    either.make(Table("int_events", {**named, "user_id": "text"}))
    days = (
        ("tablet", "2026-01-01", None, None),  # no event is left
        ("tablet", "2026-01-02", None, None),  # it came back
        ("laptop", "2026-01-02", "bob", "ann"),  # her login is not left, as one that came back is
        ("laptop", "2026-01-03", "ann", "ann"),
        ("laptop", "2026-01-04", "bob", "bob"),  # nobody asked
        ("user:ann", "2026-01-05", None, None),
    )
    columns = ("device_key", "event_date", "first_user", "last_user")
    either.append("int_device_days", [dict(zip(columns, day, strict=True)) for day in days])
    events = (("tablet", "2026-01-02", "bob"), ("laptop", "2026-01-02", "bob"), ("laptop", "2026-01-03", "ann"))
    either.append("int_events", [dict(zip((*columns[:2], "user_id"), one, strict=True)) for one in events])
    found = either.rows(f"select * from {STALE_DAYS} as r", keys=["ann", "tablet", "user:ann"], ids=["ann", "tablet"])
    assert sorted(found) == [
        ("laptop", date(2026, 1, 2), "ann"),
        ("tablet", date(2026, 1, 1), None),
        ("user:ann", date(2026, 1, 5), None),
    ]


def test_rows_are_compared_with_how_often_they_are_there(either: Store) -> None:
    text = "to_json_string(struct(a, b))" if isinstance(either, BigQueryStore) else "cast(to_json(t) as varchar)"
    live, rebuilt = (f"(select 1 as a, '{b}' as b union all select 2, null)" for b in "xy")
    rows, (one,) = compare(either, [("equal", Sides(live, live, text)), ("t", Sides(live, rebuilt, text))])
    assert (rows, one.table, one.only_live, one.only_rebuilt, one.differing) == (4, "t", 1, 1, ("b",))
    left = either.rows("select table_name, found_in, copies from differences order by found_in")
    assert left == [("t", "live", 1), ("t", "rebuilt", 1)]
