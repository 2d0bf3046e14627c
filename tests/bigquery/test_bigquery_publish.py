"""What counts as new on BigQuery (L1), and what its readers get; stopped midway, each table says whose it is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from google.cloud import bigquery

from include.bigquery_publish import run_of
from include.dashboard.marts import NotPublishedError, OutdatedError, open_marts
from include.journal import STAGING, read_again
from include.publish import project_version, publish, published_shards
from include.sensing import News, news
from include.settings import Settings
from include.store import Versions
from include.store_bigquery import BigQueryStore
from include.warehouse import WarehouseError
from tests.bigquery.conftest import stand_in
from tests.bigquery.double.engine import Engine
from tests.bigquery.double.errors import Fault
from tests.bigquery.double.service import Service
from tests.bigquery.double.warehouse import Warehouse
from tests.unit.airflow.test_publish import PUBLISHED

GA4, STREAMED = STAGING
#: A warehouse as dbt leaves it, made small.
WAREHOUSE = """
create table int_journal (
    batch_id string, entry string, model string, touched_key string, version string, seq int64, detail string,
    from_at int64, until_at int64
);
create table int_events (shard string, event_at int64, event_date date) partition by event_date;
create table int_conversions (person_id string, transaction_id string, conversion_date date)
partition by conversion_date;
create table int_refunds (is_matched bool);
create table mart_sessions partition by started_on as
select 's1' as session_id, date '2026-01-31' as started_on;
create table mart_attribution_first as select 'c1' as conversion_id, 'Email' as channel, numeric '12.50' as revenue;
create table mart_attribution_last as select 'c1' as conversion_id, 'Direct' as channel, numeric '12.50' as revenue;
create table mart_channel_daily as
select 'linear' as model, 'Email' as channel, numeric '5' as spend;
create table rejected (shard string, source string, reason string, payload string);
create view int_quarantine as select * from `test-project.attribution.rejected`;
create table streamed_events (batch_id string, line_number int64, payload string, received_at timestamp)
partition by timestamp_trunc(received_at, day)
"""
MORE = "insert into mart_sessions values ('s2', date '2026-01-31')"
#: Rows of a shard, the days of which are noted, and one of another shard, on one of them and on another day.
LANDED = [
    "insert into int_events select $shard, t, date(timestamp_micros(t)) from unnest($times) as t",
    """
    insert into int_journal (entry, touched_key, from_at)
    select 'shard_day', $shard, unix_micros(timestamp_trunc(timestamp_micros(t), day)) from unnest($times) as t
    """,
    "insert into int_events values ('other', 7, '1970-01-01'), ('other', 86400000007, '1970-01-02')",
]


#: A table that staging can read (E4).
EXPORT = """
create or replace table {} as select 1 as event_timestamp, 'page_view' as event_name, 'd1' as user_pseudo_id,
    [struct('page_title' as key, struct('Home' as string_value) as value)] as event_params
"""


def export(client: bigquery.Client, *tables: str) -> None:
    """Make tables of the export."""
    for table in tables:
        client.query_and_wait(EXPORT.format(table))


def stream(store: BigQueryStore, batch: str, *days_ago: float) -> None:
    """Stream a batch, one row for each of these times."""
    for days in days_ago:
        at = datetime.now(UTC) - timedelta(days=days)
        store.run("insert into streamed_events values ($batch, 1, '{}', $at)", batch=batch, at=at)


def load(store: BigQueryStore, days_ago: int = 0) -> None:
    """Journal everything that has landed, as dbt does; the batches as begun so many days ago."""
    found: Versions = store.landed(None, None)
    day = str((datetime.now(UTC) - timedelta(days=days_ago)).date())
    rows = [
        {"batch_id": "b", "entry": "shard", "model": model, "touched_key": shard, "version": version, "seq": 1}
        | ({"detail": day} if model == STREAMED else {})
        for model, shards in found.items()
        for shard, version in shards.items()
    ]
    store.append("int_journal", rows)


@pytest.fixture(scope="module")
def made(engine: Engine) -> Iterator[Warehouse]:
    """That warehouse, made once."""
    with stand_in(engine) as (service, client, _):
        for name in ("attribution", "attribution_published"):
            client.create_dataset(name)
        config = bigquery.QueryJobConfig(default_dataset="test-project.attribution")
        client.query_and_wait(WAREHOUSE, job_config=config)
        yield service.warehouse


@pytest.fixture
def small(store: BigQueryStore, service: Service, made: Warehouse) -> BigQueryStore:
    """A copy of it."""
    service.warehouse.restore(made.snapshot())
    return store


@pytest.fixture
def loaded(settings: Settings, small: BigQueryStore, client: bigquery.Client) -> BigQueryStore:
    """A warehouse that has taken in and published three tables and a batch."""
    export(client, "events_20260129", "events_20260130", "events_intraday_20260131", "other", "events_2026")
    stream(small, "b1", 0.001, 0)
    load(small)
    publish(settings, "run")
    return small


def test_tables_and_batches_are_new_until_they_are_loaded_and_published(
    settings: Settings, small: BigQueryStore, client: bigquery.Client
) -> None:
    assert not news(settings)
    export(client, "events_20260130", "other")
    stream(small, "b1", 0)
    assert news(settings) == News(new=(f"{GA4}/events_20260130", f"{STREAMED}/b1"))
    load(small)
    assert news(settings) == News(unpublished=True)
    publish(settings, "run")
    assert not news(settings)


def test_each_change_of_what_has_landed_is_news(
    settings: Settings, loaded: BigQueryStore, client: bigquery.Client
) -> None:
    """A table that changes late is seen by its last modified time."""
    client.query_and_wait("insert into events_20260129 (event_timestamp) values (2)")
    stream(loaded, "b1", 0)
    client.delete_table("shop.events_20260130")
    changed = (f"{GA4}/events_20260129", f"{STREAMED}/b1")
    assert news(settings) == News(changed=changed, removed=(f"{GA4}/events_20260130",))


def test_a_daily_table_hides_the_fresh_and_that_the_intraday_table_of_its_date(
    settings: Settings, loaded: BigQueryStore, client: bigquery.Client
) -> None:
    for table in ("events_fresh_20260131", "events_20260131"):
        export(client, table)
        hidden = News(new=(f"{GA4}/{table}",), removed=(f"{GA4}/events_intraday_20260131",))
        assert news(settings) == hidden


def test_a_batch_that_was_streamed_long_ago_is_neither_listed_nor_withdrawn(
    settings: Settings, small: BigQueryStore
) -> None:
    stream(small, "old", 30)
    assert news(settings) == News(new=(f"{STREAMED}/old",))
    load(small, days_ago=30)
    stream(small, "new", 0)
    load(small)
    stream(small, "unknown", 20)
    publish(settings, "run")
    assert not news(settings)
    assert read_again(small, [(STREAMED, "old")]) == 1
    assert news(settings) == News(new=(f"{STREAMED}/unknown",), changed=(f"{STREAMED}/old",), unpublished=True)


def test_the_edge_of_the_days_cuts_no_batch_in_two(settings: Settings, small: BigQueryStore) -> None:
    """Of rows on both sides of the edge the later ones alone would look like a version of their own."""
    stream(small, "new", 0)
    load(small)
    publish(settings, "run")
    stream(small, "across", 3.999, 0)
    assert not news(settings)


@pytest.mark.usefixtures("loaded")
def test_nothing_is_read_that_no_constant_limits(settings: Settings, service: Service) -> None:
    """Also by publishing, which `loaded` did."""
    before = len(service.statements)
    news(settings)
    looked = {read.table for one in service.statements[before:] for read in one.reads}
    assert "test-project.attribution.streamed_events" in looked
    assert not any(table.startswith("test-project.shop.") for table in looked)
    assert [read for one in service.statements for read in one.unpruned if read.size] == []


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


def test_figures_are_those_of_what_readers_see_and_read_the_days_of_the_batch(
    settings: Settings, small: BigQueryStore, service: Service
) -> None:
    at = datetime.now(UTC) - timedelta(minutes=1)
    age = int(at.timestamp() * 1e6)
    for shard, times in {"b1": [age, age], "events_20260131": [age, 5]}.items():
        small.run(*LANDED, shard=shard, times=times)
        entry(small, "shard", touched_key=shard, version="v1", seq=1)
    before = len(service.statements)
    found = publish(settings, "run 1")
    reads = [read for one in service.statements[before:] for read in one.reads if read.table.endswith(".int_events")]
    assert {(read.parts, read.of_parts) for read in reads} == {(("19700101", f"{at:%Y%m%d}"), 3)}
    counts = ("events", "sessions", "conversions", "revenue", "batch_shards", "batch_events", "rejected_rows")
    assert [found[name] for name in counts] == [8, 1, 1, "12.50", 2, 4, 0]
    assert found["rejected_files"] == 0
    assert found["lag_max_seconds"] >= 60
    assert publish(settings, "run 2")["batch_events"] == 0
    assert small.published_rows("select run_id, batch_events from pipeline_runs order by 1") == [
        ("run 1", 4),
        ("run 2", 0),
    ]


@pytest.mark.parametrize("name", ["report_sessions", "mart_conversion_paths"])
def test_a_view_on_published_tables_shows_what_is_published_and_nothing_newer(
    settings: Settings, small: BigQueryStore, client: bigquery.Client, name: str
) -> None:
    small.run(f"create view {name} as select session_id from `test-project`.`attribution`.`mart_sessions`")
    publish(settings, "run 1")
    small.run(MORE)
    shown = f"select session_id from {name} order by 1"
    assert small.published_rows(shown) == [("s1",)]
    assert client.get_table(f"attribution_published.{name}").table_type == "VIEW"
    publish(settings, "run 2")
    assert small.published_rows(shown) == [("s1",), ("s2",)]


def test_stopped_midway_each_table_is_whole_and_a_rerun_repairs(
    settings: Settings, small: BigQueryStore, client: bigquery.Client, service: Service
) -> None:
    publish(settings, "run 1")
    small.run(MORE)
    entry(small, "done")
    for statement in ("clone .*mart_attribution_last", "clone .*pipeline_runs", r"\.shards` options"):
        service.faults.append(Fault("quotaExceeded", statement=statement))
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
    service.faults.append(Fault("quotaExceeded", statement="quarantine` options"))
    with pytest.raises(WarehouseError, match="quotaExceeded"):
        publish(settings, "run 2")
    assert runs(client) == dict.fromkeys(PUBLISHED, "run 1")
    assert small.rows("select run_id from pipeline_runs") == [("run 1",)]


def test_a_mart_may_go_or_change_its_layout_and_other_tables_stay(
    settings: Settings, small: BigQueryStore, client: bigquery.Client
) -> None:
    client.query_and_wait("create table attribution_published.theirs as select 1 as x")
    small.run("create table mart_old as select 1 as x")
    publish(settings, "run 1")
    assert runs(client) == {**dict.fromkeys([*PUBLISHED, "mart_old"], "run 1"), "theirs": None}
    small.run("drop table mart_old")
    small.run("drop table mart_sessions")
    small.run("create table mart_sessions cluster by session_id as select 's3' as session_id")
    publish(settings, "run 2")
    assert runs(client) == {**dict.fromkeys(PUBLISHED, "run 2"), "theirs": None}
    assert client.get_table("attribution_published.mart_sessions").clustering_fields == ["session_id"]
    assert small.published_rows("select session_id from mart_sessions") == [("s3",)]


def test_what_the_dashboard_misses_is_named(settings: Settings, store: BigQueryStore, client: bigquery.Client) -> None:
    with pytest.raises(NotPublishedError, match="Run attribution_microbatch once"):
        open_marts(settings).version()
    client.query_and_wait("create table attribution_published.shards as select 1 as x")
    client.query_and_wait("create table attribution_published.mart_attribution as select 'linear' as model")
    for query in ("select customer_type from mart_attribution", "select 1 from mart_journeys"):
        with pytest.raises(OutdatedError):
            open_marts(settings).ask(query)
