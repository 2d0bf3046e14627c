"""Readers of BigQuery get the marts of a run after its checks; stopped midway, each table says whose it is."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from google.cloud import bigquery

from include.bigquery_publish import run_of
from include.publish import project_version, publish, published_shards
from include.sensing import News, news
from include.settings import Settings
from include.store_bigquery import BigQueryStore
from include.warehouse import WarehouseError
from tests.bigquery.double.faults import Fault
from tests.bigquery.double.service import Service
from tests.unit.airflow.test_publish import PUBLISHED

MORE = "insert into mart_sessions values ('s2', date '2026-01-31')"
#: Rows of a shard, on one device.
LANDED = [
    "insert into int_events values ($shard, $first, 'd', 7), ($shard, $second, 'd', 7)",
    "insert into int_events values ('other', 5, 'd', mod(farm_fingerprint('d'), 512) + 511)",
    "update int_events set bucket = mod(farm_fingerprint(device_key), 512) + 511 where bucket = 7",
    "insert into int_lookup values ('shard', $shard, 'd', mod(farm_fingerprint($shard), 512) + 511)",
]


def runs(client: bigquery.Client) -> dict[str, str | None]:
    """Which run each published table is of."""
    listed = client.list_tables("attribution_published")
    return {item.table_id: run_of(client.get_table(item.reference)) for item in listed}


def entry(store: BigQueryStore, kind: str, **more: object) -> None:
    """A row of the journal."""
    store.append("int_journal", [{"batch_id": "b", "entry": kind, "model": "stg_ga_events", **more}])


def test_readers_get_every_table_and_each_says_which_run_it_is_of(
    settings: Settings, small: BigQueryStore, client: bigquery.Client
) -> None:
    small.run("insert into rejected values ('b1', 'streamed', 'not_json', 'oops')")
    entry(small, "shard", touched_key="events_20260131", version="v1", seq=1)
    entry(small, "done")
    publish(settings, "manual__2026-01-31T12:00:00+00:00")
    assert runs(client) == dict.fromkeys(PUBLISHED, "manual__2026-01-31T12:00:00+00:00")
    assert small.published_rows("select * from quarantine") == [("b1", "streamed", "not_json", "oops")]
    assert published_shards(small) == {"stg_ga_events": {"events_20260131": "v1"}, **project_version(settings)}
    assert client.get_table("attribution_published.mart_sessions").time_partitioning.field == "started_on"
    assert small.rows("select batch_id from int_journal where entry = 'done' and model = 'publish'") == [("b",)]
    assert small.published_rows("select sum(revenue) from mart_attribution_last") == [(Decimal("12.50"),)]


def test_figures_are_those_of_what_readers_see(settings: Settings, small: BigQueryStore) -> None:
    age = int(datetime.now(UTC).timestamp() * 1e6) - 60_000_000
    for shard, times in {"b1": (age, age + 1), "events_20260131": (age, 5)}.items():
        small.run(*LANDED, shard=shard, first=times[0], second=times[1])
        entry(small, "shard", touched_key=shard, version="v1", seq=1)
    found = publish(settings, "run 1")
    counts = ("events", "sessions", "conversions", "revenue", "batch_shards", "batch_events", "rejected_rows")
    assert [found[name] for name in counts] == [6, 1, 1, "12.50", 2, 4, 0]
    assert found["rejected_files"] == 0
    assert found["lag_max_seconds"] >= 60
    assert publish(settings, "run 2")["batch_events"] == 0
    assert small.published_rows("select run_id, batch_events from pipeline_runs order by 1") == [
        ("run 1", 4),
        ("run 2", 0),
    ]


def test_a_view_for_reports_shows_what_is_published_and_nothing_newer(
    settings: Settings, small: BigQueryStore, client: bigquery.Client
) -> None:
    small.run("create view report_sessions as select session_id from `test-project`.`attribution`.`mart_sessions`")
    publish(settings, "run 1")
    small.run(MORE)
    shown = "select session_id from report_sessions order by 1"
    assert small.published_rows(shown) == [("s1",)]
    assert client.get_table("attribution_published.report_sessions").table_type == "VIEW"
    publish(settings, "run 2")
    assert small.published_rows(shown) == [("s1",), ("s2",)]


@pytest.mark.parametrize("statement", ["clone .*mart_attribution_last", "clone .*pipeline_runs", r"\.shards` options"])
def test_stopped_midway_each_table_is_whole_and_a_rerun_repairs(
    settings: Settings, small: BigQueryStore, client: bigquery.Client, service: Service, statement: str
) -> None:
    publish(settings, "run 1")
    small.run(MORE)
    entry(small, "done")
    service.faults.add(Fault("quotaExceeded", statement=statement))
    with pytest.raises(WarehouseError, match="have it raised"):
        publish(settings, "run 2")
    found = runs(client)
    assert set(found.values()) == {"run 1", "run 2"}
    assert (found["quarantine"], found["mart_attribution_first"], found["shards"]) == ("run 2", "run 2", "run 1")
    assert small.rows("select count(*) from int_journal where model = 'publish'") == [(0,)]
    assert news(settings) == News(unpublished=True)
    publish(settings, "run 2")
    assert runs(client) == dict.fromkeys(PUBLISHED, "run 2")
    assert small.published_rows("select run_id from pipeline_runs order by 1") == [("run 1",), ("run 2",)]
    assert not news(settings)


def test_stopped_before_the_first_table_readers_have_what_they_had(
    settings: Settings, small: BigQueryStore, client: bigquery.Client, service: Service
) -> None:
    publish(settings, "run 1")
    small.run(MORE)
    service.faults.add(Fault("quotaExceeded", statement="quarantine` options"))
    with pytest.raises(WarehouseError, match="quotaExceeded"):
        publish(settings, "run 2")
    assert runs(client) == dict.fromkeys(PUBLISHED, "run 1")
    assert small.rows("select run_id from pipeline_runs") == [("run 1",)]


def test_a_mart_of_another_layout_takes_the_old_ones_place(
    settings: Settings, small: BigQueryStore, client: bigquery.Client
) -> None:
    publish(settings, "run 1")
    small.run("drop table mart_sessions")
    small.run("create table mart_sessions cluster by session_id as select 's3' as session_id")
    publish(settings, "run 2")
    assert client.get_table("attribution_published.mart_sessions").clustering_fields == ["session_id"]
    assert small.published_rows("select session_id from mart_sessions") == [("s3",)]


def test_a_mart_that_is_no_more_goes_and_other_tables_stay(
    settings: Settings, small: BigQueryStore, client: bigquery.Client
) -> None:
    client.query_and_wait("create table attribution_published.theirs as select 1 as x")
    small.run("create table mart_old as select 1 as x")
    publish(settings, "run 1")
    assert runs(client) == {**dict.fromkeys([*PUBLISHED, "mart_old"], "run 1"), "theirs": None}
    small.run("drop table mart_old")
    publish(settings, "run 2")
    assert runs(client) == {**dict.fromkeys(PUBLISHED, "run 2"), "theirs": None}


def test_nothing_partitioned_is_read_whole(settings: Settings, small: BigQueryStore, service: Service) -> None:
    publish(settings, "run 1")
    assert [read for one in service.statements for read in one.unpruned if read.size] == []
