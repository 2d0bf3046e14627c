"""What counts as new on BigQuery (L1): metadata of the export's tables, and the batches of the last days."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from google.cloud import bigquery

from include.journal import STAGING, read_again
from include.publish import publish
from include.sensing import News, news
from include.settings import Settings
from include.store import Versions
from include.store_bigquery import BigQueryStore
from tests.bigquery.double.service import Service

GA4, STREAMED = STAGING


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


def test_a_table_that_changes_late_is_seen_by_its_last_modified_time(
    settings: Settings, loaded: BigQueryStore, client: bigquery.Client
) -> None:
    client.query_and_wait("insert into events_20260129 (event_timestamp) values (2)")
    assert news(settings) == News(changed=(f"{GA4}/events_20260129",))


def test_a_daily_table_hides_the_fresh_and_that_the_intraday_table_of_its_date(
    settings: Settings, loaded: BigQueryStore, client: bigquery.Client
) -> None:
    for table in ("events_fresh_20260131", "events_20260131"):
        export(client, table)
        hidden = News(new=(f"{GA4}/{table}",), removed=(f"{GA4}/events_intraday_20260131",))
        assert news(settings) == hidden


def test_a_table_that_is_withdrawn_is_news(settings: Settings, loaded: BigQueryStore, client: bigquery.Client) -> None:
    client.delete_table("shop.events_20260129")
    assert news(settings) == News(removed=(f"{GA4}/events_20260129",))


def test_a_batch_that_grows_is_news(settings: Settings, loaded: BigQueryStore) -> None:
    stream(loaded, "b1", 0)
    assert news(settings) == News(changed=(f"{STREAMED}/b1",))


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


def test_nothing_is_read_that_no_constant_limits(settings: Settings, loaded: BigQueryStore, service: Service) -> None:
    before = len(service.statements)
    news(settings)
    looked = service.statements[before:]
    assert [read.table for one in looked for read in one.reads if read.table.endswith("streamed_events")] != []
    assert [read for one in looked for read in one.unpruned] == []
    assert not any(read.table.startswith("test-project.shop.") for one in looked for read in one.reads)
