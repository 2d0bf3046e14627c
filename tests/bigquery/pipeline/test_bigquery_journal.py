"""What upkeep and backfill write to the journal, and what they forget, is the same on DuckDB and on BigQuery."""

from __future__ import annotations

from typing import Any

import pytest

from include.journal import READ_AGAIN, is_pending, read_again, touch, trim_journal
from include.publish import MARK_PUBLISHED
from include.store import Store, Table

JOURNAL = Table(
    "int_journal",
    {
        "batch_id": "text",
        "entry": "text",
        "model": "text",
        "touched_key": "text",
        "version": "text",
        "seq": "integer",
        "detail": "text",
    },
)
GA4, STREAMED = "stg_ga_events", "stg_streamed_events"


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
    either.make(JOURNAL)
    return either


def loaded(store: Store, *shards: str, version: str = "v1", seq: int = 1, model: str = GA4) -> None:
    """Journal shards as loaded."""
    entry = {"batch_id": f"load {version}", "entry": "shard", "model": model, "version": version, "seq": seq}
    store.append("int_journal", [{**entry, "touched_key": shard} for shard in shards])


def done(store: Store, batch: str, *models: str) -> None:
    """Mark a batch as taken in, with a key that it touched."""
    store.append("int_journal", [{"batch_id": batch, "entry": "done", "model": name} for name in models])
    store.append("int_journal", [{"batch_id": batch, "entry": "device_key", "model": GA4, "touched_key": "d"}])


def shards(store: Store) -> list[tuple[Any, ...]]:
    """The shard entries, in order."""
    return store.rows("select model, touched_key, version, seq from int_journal where entry = 'shard' order by 1, 2, 4")


def test_shards_to_be_read_again_are_marked_once(journal: Store) -> None:
    loaded(journal, "events_20260101", "events_20260102")
    wanted = [(GA4, "events_20260101"), (STREAMED, "never")]
    assert read_again(journal, wanted) == 2
    assert read_again(journal, wanted) == 0
    assert shards(journal) == [
        (GA4, "events_20260101", "v1", 1),
        (GA4, "events_20260101", READ_AGAIN, 2),
        (GA4, "events_20260102", "v1", 1),
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
    for batch, models in {
        "whole": (GA4, "int_events", "int_sessions", "publish"),
        "waiting": (GA4, "int_events"),
        "unpublished": (GA4, "int_events", "int_sessions"),
    }.items():
        done(journal, batch, *models)
    loaded(journal, "events_20260101")
    loaded(journal, "events_20260101", version="v2", seq=2)
    assert is_pending(journal, MANIFEST)
    assert trim_journal(journal, MANIFEST) == 5  # five rows of `whole` and the old shard, less the mark of trimming
    assert shards(journal) == [(GA4, "events_20260101", "v2", 2)]
    kept = journal.rows("select distinct batch_id from int_journal where entry = 'done' order by 1")
    assert kept == [("trimmed",), ("unpublished",), ("waiting",)]
    assert trim_journal(journal, MANIFEST) == 0
    done(journal, "waiting", "int_sessions")
    assert not is_pending(journal, MANIFEST)


def test_publishing_marks_each_batch_once(journal: Store) -> None:
    done(journal, "one", GA4, "int_events")
    journal.run(MARK_PUBLISHED)
    done(journal, "two", GA4)
    journal.run(MARK_PUBLISHED)
    marked = journal.rows("select batch_id from int_journal where model = 'publish' and entry = 'done' order by 1")
    assert marked == [("one",), ("two",)]
