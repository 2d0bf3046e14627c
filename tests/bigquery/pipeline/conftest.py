"""The pipeline on the stand-in, as it runs on BigQuery: the same settings, connection and clients."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.cloud import bigquery

from include.settings import Settings
from include.store import Store, open_store
from include.store_bigquery import BigQueryStore
from tests.bigquery.conftest import DATASET, PROJECT
from tests.dbt.project import environment

#: A connection that asks nobody who he is.
ANONYMOUS = json.dumps({"conn_type": "google_cloud_platform", "extra": {"is_anonymous": True, "project": PROJECT}})


def deployment(home: Path, endpoint: str) -> dict[str, str]:
    """The environment of a deployment on the stand-in."""
    return {
        "ATTRIBUTION_HOME": str(home),
        "DBT_TARGET": "bigquery",
        "GCP_PROJECT": PROJECT,
        "GA4_DATASET": f"{PROJECT}.{DATASET}",
        "BIGQUERY_EMULATOR_HOST": endpoint,
        "AIRFLOW_CONN_GOOGLE_CLOUD_DEFAULT": ANONYMOUS,
    }


@pytest.fixture
def settings(tmp_path: Path, endpoint: str) -> Iterator[Settings]:
    """A deployment on the stand-in whose datasets are not there yet, but for the export's, which is empty."""
    with environment(deployment(tmp_path, endpoint)):
        yield Settings.from_env()


@pytest.fixture
def store(settings: Settings, client: bigquery.Client) -> Iterator[BigQueryStore]:
    """The deployment's warehouse, with its two datasets, empty."""
    for name in ("attribution", "attribution_published"):
        client.create_dataset(name)
    with open_store(settings) as opened:
        assert isinstance(opened, BigQueryStore)
        yield opened


@pytest.fixture(params=["local", "bigquery"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty warehouse of each engine."""
    if request.param == "bigquery":
        yield request.getfixturevalue("store")
    else:
        with open_store(Settings(home=tmp_path, ga4_export=tmp_path)) as opened:
            yield opened


#: A warehouse as dbt leaves it, made small.
WAREHOUSE = """
create table int_journal (
    batch_id string, entry string, model string, touched_key string, version string, seq int64, detail string
);
create table int_events (shard string, event_at int64, device_key string, bucket int64)
partition by range_bucket(bucket, generate_array(0, 1024, 1)) options (require_partition_filter = true);
create table int_lookup (kind string, key string, device_key string, bucket int64)
partition by range_bucket(bucket, generate_array(0, 1024, 1)) options (require_partition_filter = true);
create table int_conversions (person_id string, transaction_id string, bucket int64)
partition by range_bucket(bucket, generate_array(0, 1024, 1)) options (require_partition_filter = true);
create table int_refunds (is_matched bool, bucket int64)
partition by range_bucket(bucket, generate_array(0, 1024, 1)) options (require_partition_filter = true);
create table mart_sessions partition by started_on as
select 's1' as session_id, date '2026-01-31' as started_on;
create table mart_attribution_first as select 'c1' as conversion_id, 'Email' as channel, numeric '12.50' as revenue;
create table mart_attribution_last as select 'c1' as conversion_id, 'Direct' as channel, numeric '12.50' as revenue;
create table mart_channel_daily as
select 'linear' as model, 'Email' as channel, numeric '5' as spend;
create table rejected (shard string, source string, reason string, payload string);
create view int_quarantine as select * from `test-project.attribution.rejected`;
create table streamed_events (batch_id string, line_number int64, payload string, received_at timestamp)
partition by timestamp_trunc(received_at, day);
"""


@pytest.fixture
def small(store: BigQueryStore) -> BigQueryStore:
    """That warehouse."""
    for statement in WAREHOUSE.strip().removesuffix(";").split(";"):
        store.run(statement)
    return store
