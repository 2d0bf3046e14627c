"""What the dashboard says of a dataset that lacks something; its answers are compared in test_attribution_project."""

from __future__ import annotations

import pytest
from google.cloud import bigquery

from include.dashboard.marts import NotPublishedError, OutdatedError, open_marts
from include.settings import Settings
from include.store_bigquery import BigQueryStore


def test_what_is_missing_is_named(settings: Settings, store: BigQueryStore, client: bigquery.Client) -> None:
    with pytest.raises(NotPublishedError, match="Run attribution_microbatch once"):
        open_marts(settings).version()
    client.query_and_wait("create table attribution_published.shards as select 1 as x")
    client.query_and_wait("create table attribution_published.mart_attribution as select 'linear' as model")
    for query in ("select customer_type from mart_attribution", "select 1 from mart_journeys"):
        with pytest.raises(OutdatedError):
            open_marts(settings).ask(query)
