"""The streamed table: made as the pipeline reads it, refused where it does not fit."""

from __future__ import annotations

import pytest
from google.cloud import bigquery

from include.settings import BigQuery
from include.streamed_table import SCHEMA, ensure_streamed_table
from include.warehouse import WarehouseError
from tests.bigquery.conftest import PROJECT
from tests.bigquery.double.faults import Fault
from tests.bigquery.double.service import Service
from tests.bigquery.double.tables import Table
from tests.bigquery.streaming import QUICK, SETTINGS, TABLE

NAME = ".".join(TABLE)


@pytest.fixture(autouse=True)
def _dataset(service: Service) -> None:
    service.warehouse.datasets[TABLE[:2]] = {"location": "US"}


def ensure(client: bigquery.Client, settings: BigQuery = SETTINGS) -> bigquery.Table:
    return ensure_streamed_table(client, settings, QUICK)


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


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("batch_id string, line_number int64, payload string", "received_at TIMESTAMP is missing"),
        ("batch_id string, line_number string, payload json, received_at timestamp", "payload is JSON, not STRING"),
        ("batch_id string, line_number string, payload json, received_at timestamp", "line_number is STRING, not INT"),
        ("batch_id string, line_number int64, payload array<string>, received_at timestamp", "payload is STRING REPEA"),
        ("batch_id string, line_number int64, payload string, received_at date", "received_at is DATE, not TIMESTAMP"),
        (
            "batch_id string, line_number int64, payload string, received_at timestamp, note string",
            "note is one too man",
        ),
    ],
)
def test_other_columns(client: bigquery.Client, columns: str, message: str) -> None:
    client.query_and_wait(f"create table `{NAME}` ({columns})")
    with pytest.raises(WarehouseError, match="has other columns than this version writes") as refused:
        ensure(client)
    assert message in str(refused.value)
    assert "rename it and send again" in str(refused.value)


def test_columns_that_take_our_rows(client: bigquery.Client) -> None:
    """Case, order and NOT NULL do not matter: each row has all four."""
    columns = "PAYLOAD string, line_number int64 not null, received_at timestamp not null, batch_id string not null"
    client.query_and_wait(f"create table `{NAME}` ({columns})")
    assert ensure(client).table_id == "streamed_events"


def test_the_dataset_is_missing(client: bigquery.Client, service: Service) -> None:
    del service.warehouse.datasets[TABLE[:2]]
    command = f"bq mk --location=US --dataset {PROJECT}:attribution"
    with pytest.raises(WarehouseError, match=rf"dataset {PROJECT}.attribution does not exist.*{command}"):
        ensure(client)


@pytest.mark.parametrize("made", [False, True])
def test_it_lies_elsewhere(client: bigquery.Client, service: Service, *, made: bool) -> None:
    if made:
        ensure(client)
    service.warehouse.datasets[TABLE[:2]]["location"] = "EU"
    with pytest.raises(WarehouseError, match=r"is in EU, and BQ_LOCATION is US. Set BQ_LOCATION=EU"):
        ensure(client)


def test_no_right(client: bigquery.Client, service: Service) -> None:
    service.warehouse.denied.add(TABLE[:2])
    with pytest.raises(WarehouseError, match=r"refuses \(accessDenied\).*roles of docs/bigquery.md"):
        ensure(client)
