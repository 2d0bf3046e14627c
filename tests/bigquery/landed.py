"""What landed on this machine, loaded into the stand-in as GA4's export and the streamer would write it."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from google.cloud import bigquery

from include.landing import streamed_batches
from include.settings import Settings
from tests.bigquery.conftest import DATASET, PROJECT, connected, new_service
from tests.bigquery.double.engine import Engine
from tests.bigquery.double.server import serve
from tests.bigquery.double.service import Service

STREAMED = [
    bigquery.SchemaField("batch_id", "STRING"),
    bigquery.SchemaField("line_number", "INTEGER"),
    bigquery.SchemaField("payload", "STRING"),
    bigquery.SchemaField("received_at", "TIMESTAMP"),
]


SPEND = [
    *(bigquery.SchemaField(name, "STRING") for name in ("source", "medium", "campaign", "currency")),
    bigquery.SchemaField("day", "DATE"),
    bigquery.SchemaField("cost", "NUMERIC"),
    *(bigquery.SchemaField(name, "INTEGER") for name in ("clicks", "impressions")),
]


@contextmanager
def export_stand_in(engine: Engine, settings: Settings) -> Iterator[tuple[Service, bigquery.Client, str]]:
    """A stand-in with this export, for several tests: its state, a client of it, its address."""
    service = new_service(engine)
    with serve(service) as endpoint:
        client = connected(endpoint)
        client.create_dataset("attribution")
        land_export(client, settings)
        yield service, client, endpoint


@contextmanager
def landed_on(engine: Engine, settings: Settings) -> Iterator[tuple[Service, bigquery.Client, str]]:
    """The same with the streamed batches."""
    with export_stand_in(engine, settings) as (service, client, endpoint):
        land_streamed(client, settings)
        yield service, client, endpoint


def land(client: bigquery.Client, settings: Settings) -> None:
    """What landed on this machine, on BigQuery."""
    client.create_dataset("attribution", exists_ok=True)
    land_export(client, settings)
    land_streamed(client, settings)


def land_export(client: bigquery.Client, settings: Settings, table: str = "*") -> None:
    """The landed tables of this name, as GA4 exports them to BigQuery; one whose file is gone is gone there."""
    options = bigquery.ParquetOptions()  # type: ignore[no-untyped-call]
    options.enable_list_inference = True
    config = bigquery.LoadJobConfig(
        source_format="PARQUET", parquet_options=options, write_disposition="WRITE_TRUNCATE"
    )
    paths = sorted(settings.ga4_export.glob(f"{table}.parquet"))
    for path in paths:
        with path.open("rb") as file:
            client.load_table_from_file(file, f"{DATASET}.{path.stem}", job_config=config).result()
    if not paths:
        client.delete_table(f"{DATASET}.{table}")


def land_streamed(client: bigquery.Client, settings: Settings) -> None:
    """The landed batches, as the streamed table holds them."""
    rows = []
    for batch in streamed_batches(settings.streamed_events):
        path = Path(batch.path[0])
        landed = dt.datetime.fromtimestamp(path.stat().st_mtime_ns // 1000 / 1e6, dt.UTC)
        for number, line in enumerate(path.read_text().split("\n"), 1):
            if line.strip():
                row = {"batch_id": path.stem, "line_number": number, "payload": line}
                rows.append({**row, "received_at": landed.isoformat()})
    table = bigquery.Table(f"{PROJECT}.attribution.streamed_events", STREAMED)
    table.time_partitioning = bigquery.TimePartitioning(field="received_at")
    table.require_partition_filter = True
    client.create_table(table, exists_ok=True)
    config = bigquery.LoadJobConfig(schema=STREAMED, write_disposition="WRITE_TRUNCATE")
    client.load_table_from_json(rows, table, job_config=config).result()


def land_spend(client: bigquery.Client, settings: Settings) -> None:
    """The landed spend file, as the spend table holds it."""
    with (settings.ad_spend / "ad_spend.csv").open() as file:
        rows = [{name: text or None for name, text in row.items()} for row in csv.DictReader(file)]
    config = bigquery.LoadJobConfig(schema=SPEND, write_disposition="WRITE_TRUNCATE")
    client.load_table_from_json(rows, f"{PROJECT}.attribution.ad_spend", job_config=config).result()
