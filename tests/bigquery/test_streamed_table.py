"""The streamed table: made as the pipeline reads it, refused where it does not fit."""

from __future__ import annotations

import pytest
from google.cloud import bigquery

from include.bigquery_setup import SCHEMA, ensure_streamed_table
from include.warehouse import WarehouseError
from tests.bigquery.double.faults import Fault
from tests.bigquery.double.service import Service
from tests.bigquery.double.tables import Table
from tests.bigquery.streaming import QUICK, SETTINGS, TABLE

NAME = ".".join(TABLE)


@pytest.fixture(autouse=True)
def _dataset(service: Service) -> None:
    service.warehouse.datasets[TABLE[:2]] = {"location": "US"}


def ensure(client: bigquery.Client) -> bigquery.Table:
    return ensure_streamed_table(client, SETTINGS, QUICK)


def test_it_is_made_once(client: bigquery.Client, service: Service) -> None:
    ensure(client)
    ensure(client)
    table = client.get_table(NAME)
    assert [(f.name, f.field_type, f.mode) for f in table.schema] == [
        ("batch_id", "STRING", "NULLABLE"),
        ("line_number", "INTEGER", "NULLABLE"),
        ("payload", "STRING", "NULLABLE"),
        ("received_at", "TIMESTAMP", "NULLABLE"),
    ]
    assert all(field.description for field in table.schema)
    assert table.description
    assert (table.time_partitioning.type_, table.time_partitioning.field) == ("DAY", "received_at")
    assert table.clustering_fields == ["batch_id"]
    assert table.require_partition_filter is True
    assert table.labels == {"app": "attribution"}
    assert sum(request.startswith("POST") and request.endswith("/tables") for request in service.requests) == 1


def test_two_writers_make_it_at_the_same_time(client: bigquery.Client, service: Service) -> None:
    def other() -> None:
        service.warehouse.add(Table(TABLE, [field.to_api_repr() for field in SCHEMA]))

    service.faults.add(Fault(request="POST .*/tables$", action=other))
    assert ensure(client).table_id == "streamed_events"


def test_the_dataset_is_missing(client: bigquery.Client, service: Service) -> None:
    del service.warehouse.datasets[TABLE[:2]]
    with pytest.raises(WarehouseError, match=r"\(notFound\).*test-project:attribution.*Make it, or correct"):
        ensure(client)
