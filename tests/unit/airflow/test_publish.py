"""Readers get every mart of a run at once, or none; the run's figures go with them."""

from __future__ import annotations

import multiprocessing
import resource
import stat
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from include.figures import PIPELINE_RUNS, Figures, as_json, measure
from include.landing import streamed_batches
from include.publish import project_version, publish, published_shards
from include.settings import Settings
from include.store import open_store

Run = Callable[[str], None]
#: Of the small warehouse of these tests.
PUBLISHED = [
    "checks",
    "mart_attribution_first",
    "mart_attribution_last",
    "mart_channel_daily",
    "mart_sessions",
    "model_fits",
    "pipeline_runs",
    "proofs",
    "quarantine",
    "rules",
    "shards",
]
#: A megabyte of rows that do not compress, and half of it as room on the disk.
ROWS = "insert into mart_attribution_last select md5(i::text), md5((-i)::text), 1 from range(30000) as t(i);"
ROOM = 500_000
DAYS = """
insert into int_journal (entry, touched_key, from_at)
select distinct 'shard_day', shard, epoch_us(cast(event_date as timestamp)) from int_events;
"""
EVENT = f"insert into int_events values ('{{}}', {{}}); {DAYS}"
ENTRY = """
insert into int_journal (batch_id, entry, model, touched_key, version, seq)
values ('b', 'shard', 'stg_streamed_events', '{}', '{}', {});
"""


def query(path: Path, sql: str) -> list[tuple[Any, ...]]:
    """Rows of a query on a DuckDB file."""
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_the_published_file_holds_marts_quarantine_runs_and_shards(settings: Settings, warehouse: Run) -> None:
    warehouse("insert into rejected values ('b1', 'streamed', 'not_json', 'oops')")
    warehouse(ENTRY.format("b1", "v1", 1))
    publish(settings, "run 1")
    names = query(settings.published, "select table_name from duckdb_tables() order by 1")
    assert [name for (name,) in names] == PUBLISHED
    assert query(settings.published, "from quarantine") == [("b1", "streamed", "not_json", "oops")]
    assert query(settings.published, "select run_id from pipeline_runs") == [("run 1",)]
    with open_store(settings, read_only=True) as store:
        assert published_shards(store) == {"stg_streamed_events": {"b1": "v1"}, **project_version(settings)}


def test_a_failure_leaves_the_published_file_byte_for_byte(settings: Settings, warehouse: Run) -> None:
    publish(settings, "run 1")
    before = settings.published.read_bytes()
    warehouse(
        "insert into mart_sessions values ('s2');"
        "create view mart_broken as select reason, error('planted') as x from rejected right join mart_sessions on true"
    )
    with pytest.raises(duckdb.Error, match="planted"):
        publish(settings, "run 2")
    assert settings.published.read_bytes() == before
    assert [path.name for path in settings.published.parent.iterdir()] == [settings.published.name]
    assert query(settings.warehouse, "select run_id from pipeline_runs") == [("run 1",)]


def publish_in_little_room(settings: Settings, told: multiprocessing.Queue[str]) -> None:
    """Publish as run 2 in a process that can write no file beyond ROOM bytes, as on a disk that is nearly full."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, ROOM))
    try:
        publish(settings, "run 2")
    except Exception as error:  # whatever it is, the test wants to see it
        told.put(f"{type(error).__name__}: {error}")
    else:
        told.put("published")


def test_on_a_full_disk_readers_keep_what_they_have_and_the_next_run_publishes(
    settings: Settings, warehouse: Run
) -> None:
    publish(settings, "run 1")
    warehouse(ROWS)
    before = settings.published.read_bytes()
    fork = multiprocessing.get_context("fork")
    told: multiprocessing.Queue[str] = fork.Queue()
    process = fork.Process(target=publish_in_little_room, args=(settings, told))
    process.start()
    said = told.get(timeout=60)
    process.join()
    assert "File too large" in said, said
    assert settings.published.read_bytes() == before
    assert [path.name for path in settings.published.parent.iterdir()] == [settings.published.name]
    publish(settings, "run 3")
    assert query(settings.published, "select count(*) from mart_attribution_last") == [(30_001,)]
    assert query(settings.published, "select run_id from pipeline_runs order by 1") == [("run 1",), ("run 3",)]


@pytest.mark.parametrize(("readers", "mode"), [("owner", 0o400), ("group", 0o440), ("all", 0o444)])
def test_the_published_file_is_read_only_for_its_readers(
    settings: Settings, warehouse: Run, readers: str, mode: int
) -> None:
    publish(replace(settings, published_readers=readers), "run 1")
    assert stat.S_IMODE(settings.published.stat().st_mode) == mode


def figures(
    settings: Settings, published_at: datetime, batch: list[str], landed: Mapping[str, datetime] | None = None
) -> Figures:
    """The figures of a run."""
    with open_store(settings) as store:
        return measure(store, run_id="r", published_at=published_at, batch=batch, landed=landed or {})


def test_figures_count_what_readers_see_and_the_lag_of_streamed_events(settings: Settings, warehouse: Run) -> None:
    published_at = datetime(2026, 1, 31, 12)
    micros = round(published_at.replace(tzinfo=UTC).timestamp() * 1e6)
    ages = {"b0": [99], "b1": [2, 4, 9], "events_20260130": [86_400, 190_000]}
    for shard, seconds in ages.items():
        for age in seconds:
            warehouse(EVENT.format(shard, micros - age * 1_000_000))
    warehouse("insert into rejected values ('b1', 's', 'no_event_name', '{}'), ('x', 'g', 'unknown_name', null)")
    warehouse("insert into int_conversions values ('a', 't'), ('b', 't'), ('a', 'u'), ('b', null), ('a', null)")
    warehouse("insert into int_refunds values (true), (false), (false)")
    found = figures(settings, published_at, ["b1", "events_20260130"])
    assert found == {
        "run_id": "r", "published_at": published_at, "events": 6, "sessions": 1, "conversions": 1,
        "revenue": Decimal("12.50"), "batch_shards": 2, "batch_events": 5, "rejected_rows": 1, "rejected_files": 1,
        "unmatched_refunds": 2, "shared_orders": 1,
        "lag_p50_seconds": 4.0, "lag_p95_seconds": 9.0, "lag_max_seconds": 9.0,
        "landed_p50_seconds": None, "landed_p95_seconds": None,
    }  # fmt: skip
    assert found.keys() == PIPELINE_RUNS.columns.keys()
    assert as_json(found)["revenue"] == "12.50"
    assert as_json(found)["published_at"] == "2026-01-31T12:00:00Z"
    exported = figures(settings, published_at, ["events_20260130"])
    assert (exported["batch_events"], exported["lag_p50_seconds"], exported["lag_max_seconds"]) == (2, None, None)


def test_of_twenty_lags_the_second_greatest_is_the_one_that_95_in_100_do_not_exceed(
    settings: Settings, warehouse: Run
) -> None:
    warehouse("insert into int_events select 'b1', -age * 1000000 from range(1, 21) as r (age);" + DAYS)
    found = figures(settings, datetime(1970, 1, 1), ["b1"])
    assert (found["lag_p95_seconds"], found["lag_max_seconds"]) == (19.0, 20.0)


def test_landed_to_published_follows_the_files_and_no_clock_of_an_event(settings: Settings, warehouse: Run) -> None:
    """A file of long ago is history, one of the future a wrong clock: neither counts."""
    at = datetime(2026, 1, 31, 12)
    landed = {
        "b1": timedelta(seconds=30),
        "b2": timedelta(seconds=5),
        "old": timedelta(days=2),
        "odd": -timedelta(hours=1),
    }
    for shard, rows in {"b1": 2, "b2": 18, "old": 50, "odd": 50, "unknown": 50}.items():
        warehouse(f"insert into int_events select '{shard}', 0 from range({rows});" + DAYS)
    times = {shard: at - age for shard, age in landed.items()}
    found = figures(settings, at, [*landed, "unknown"], times)
    assert (found["landed_p50_seconds"], found["landed_p95_seconds"], found["batch_events"]) == (5.0, 30.0, 170)
    found = figures(settings, at, ["old", "odd"], times)
    assert (found["landed_p50_seconds"], found["landed_p95_seconds"]) == (None, None)


def test_a_batch_landed_when_its_file_changed_last(settings: Settings, warehouse: Run) -> None:
    path = settings.streamed_events / "b1.ndjson"
    path.touch()
    (shard,) = streamed_batches(settings.streamed_events)
    before = datetime.fromtimestamp(path.stat().st_mtime, UTC).replace(tzinfo=None)
    warehouse(ENTRY.format("b1", shard.version, 1) + EVENT.format("b1", 0))
    found = publish(settings, "run 1")
    took = datetime.fromisoformat(found["published_at"]).replace(tzinfo=None) - before
    assert found["landed_p50_seconds"] == pytest.approx(took.total_seconds(), abs=1e-3)
    with open_store(settings) as store:
        assert store.landed_at({"stg_ga_events": {"events_20260101": "2-098f6bcd4621d373cade4e832627b4f6"}}) == {}


def test_runs_of_an_earlier_version_get_the_columns_they_lack(settings: Settings, warehouse: Run) -> None:
    publish(settings, "run 1")
    warehouse("alter table pipeline_runs drop column shared_orders")
    publish(settings, "run 2")
    assert query(settings.published, "select run_id, shared_orders from pipeline_runs order by 1") == [
        ("run 1", None),
        ("run 2", 0),
    ]


def test_readers_get_the_settings_that_the_last_build_followed(settings: Settings, warehouse: Run) -> None:
    for seq, days in enumerate((14, 3)):
        detail = f'{{"settings": {{"lookback_days": {days}}}}}'
        entry = f"('b', 'built', 'int_touchpoints', {seq}, '{detail}')"
        warehouse(f"insert into int_journal (batch_id, entry, model, seq, detail) values {entry}")
    publish(settings, "run 1")
    assert query(settings.published, "from rules") == [("int_touchpoints", '{"settings": {"lookback_days": 3}}')]


def test_only_shards_that_came_since_the_last_published_run_are_the_batch(settings: Settings, warehouse: Run) -> None:
    """A run that is tried again replaces its own row, and keeps what it brought."""
    before = datetime.now(UTC).replace(tzinfo=None)
    warehouse(ENTRY.format("b1", "v1", 1) + EVENT.format("b1", 0))
    assert publish(settings, "run 1")["batch_events"] == 1
    warehouse(ENTRY.format("b2", "v1", 1) + EVENT.format("b2", 0) + EVENT.format("b2", 1))
    for _ in range(2):
        assert publish(settings, "run 2")["batch_events"] == 2
    warehouse(ENTRY.format("b1", "v2", 2))
    assert publish(settings, "run 3")["batch_events"] == 1
    runs = query(settings.published, "select run_id, published_at from pipeline_runs order by 1")
    assert [run for run, _ in runs] == ["run 1", "run 2", "run 3"]
    assert all(before <= at <= datetime.now(UTC).replace(tzinfo=None) for _, at in runs)
