"""This project's own dbt project on the stand-in: the same landed events give the rows that DuckDB gives."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest
from google.cloud import bigquery

from include.landing import streamed_batches
from include.settings import PROJECT as ROOT
from include.settings import Settings
from include.simulator.history import write_history
from include.simulator.stream import write_batch
from tests.bigquery.conftest import DATASET
from tests.bigquery.dbt_on_stand_in import run_dbt
from tests.bigquery.double.service import Service
from tests.dbt.project import Project

NOON = dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)
STREAMED = [
    bigquery.SchemaField("batch_id", "STRING"),
    bigquery.SchemaField("line_number", "INTEGER"),
    bigquery.SchemaField("payload", "STRING"),
    bigquery.SchemaField("received_at", "TIMESTAMP"),
]
COMPARED = (
    "int_events",
    "int_sessions",
    "int_conversions",
    "int_touchpoints",
    "int_quarantine",
    "mart_attribution",
    "mart_attribution_first",
    "mart_attribution_last",
    "mart_sessions",
    "mart_journeys",
    "mart_channel_daily",
    "mart_conversion_paths",
    "mart_channel_overlap",
)


def load_export(client: bigquery.Client, settings: Settings) -> None:
    """The landed daily tables, as GA4 exports them to BigQuery."""
    options = bigquery.ParquetOptions()  # type: ignore[no-untyped-call]
    options.enable_list_inference = True
    config = bigquery.LoadJobConfig(source_format="PARQUET", parquet_options=options)
    for path in sorted(settings.ga4_export.glob("*.parquet")):
        with path.open("rb") as file:
            client.load_table_from_file(file, f"{DATASET}.{path.stem}", job_config=config).result()


def load_streamed(client: bigquery.Client, settings: Settings) -> None:
    """The landed batches, as the streamed table holds them."""
    rows = []
    for batch in streamed_batches(settings.streamed_events):
        path = Path(batch.path)
        landed = dt.datetime.fromtimestamp(path.stat().st_mtime_ns // 1000 / 1e6, dt.UTC)
        for number, line in enumerate(path.read_text().split("\n"), 1):
            if line.strip():
                row = {"batch_id": path.stem, "line_number": number, "payload": line}
                rows.append({**row, "received_at": landed.isoformat()})
    config = bigquery.LoadJobConfig(schema=STREAMED, write_disposition="WRITE_TRUNCATE")
    client.load_table_from_json(rows, "attribution.streamed_events", job_config=config).result()


def plain(value: object) -> object:
    """A value as both engines can say it."""
    if isinstance(value, dt.datetime):
        return value.replace(tzinfo=None)
    if isinstance(value, Decimal | float):
        return Decimal(str(value)).normalize()
    return value


def differences(client: bigquery.Client, local: Project) -> dict[str, list[str]]:
    """By table, rows that one warehouse has and the other has not."""
    found = {}
    for table in COMPARED:
        theirs = local.rows(f"select * from {table}")
        ours = [dict(row) for row in client.query_and_wait(f"select * from attribution.{table}")]
        one, other = (
            Counter(tuple(sorted((k, str(plain(v))) for k, v in row.items())) for row in rows)
            for rows in (ours, theirs)
        )
        if one != other:
            found[table] = [str(row) for row in [*(one - other), *(other - one)]]
    return found


@pytest.fixture
def landed(tmp_path: Path) -> Settings:
    """Three days of export without today's intraday table, and a batch."""
    settings = Settings(home=tmp_path / "local", ga4_export=tmp_path / "local" / "landing" / "ga4")
    settings.ga4_export.mkdir(parents=True)
    summary = write_history(settings.ga4_export, seed=3, end=NOON, days=4, people=60)
    summary.files[-1].unlink()
    write_batch(settings, events=15, seed=3, bad=2)
    return settings


def test_same_rows_as_duckdb(
    client: bigquery.Client, endpoint: str, service: Service, landed: Settings, tmp_path: Path
) -> None:
    client.create_dataset("attribution")
    load_export(client, landed)
    load_streamed(client, landed)
    local = Project(home=landed.home)
    local.build()
    kinds = ("--exclude-resource-type", "test", "unit_test")
    run_dbt(endpoint, ROOT / "dbt", tmp_path, "build", *kinds)
    assert local.rows("select count(*) as n from mart_sessions")[0]["n"] > 10
    assert local.rows("select count(*) as n from mart_attribution_last")[0]["n"] > 0
    assert differences(client, local) == {}

    write_batch(landed, events=10, seed=4)
    load_streamed(client, landed)
    local.build()
    run_dbt(endpoint, ROOT / "dbt", tmp_path, "run")
    assert differences(client, local) == {}
    assert [result.error for result in service.statements if result.error] == []
