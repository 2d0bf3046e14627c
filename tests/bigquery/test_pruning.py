"""What dbt reads on BigQuery, by the stand-in's record: a batch looks into the partitions it touches, no others."""

from __future__ import annotations

from pathlib import Path

import pytest
from google.cloud import bigquery

from include.settings import PROJECT as ROOT
from include.settings import Settings
from include.simulator.stream import write_batch
from tests.bigquery.dbt_on_stand_in import run_dbt
from tests.bigquery.double.results import Result
from tests.bigquery.double.service import Service
from tests.bigquery.double.session import Read
from tests.bigquery.landed import land, land_streamed

BUILD = ("build", "--exclude-resource-type", "test", "unit_test")
CHECKS = ("test", "--exclude-resource-type", "unit_test")


def sources(results: list[Result]) -> list[Read]:
    """The reads of the export and of the streamed table."""
    names = (".events_2*", ".events_intraday_*", ".streamed_events")
    return [read for result in results for read in result.reads if read.table.endswith(names)]


def unpruned(results: list[Result]) -> list[str]:
    """Tables that were read without a constant filter; a batch's own temporary table is all of the batch."""
    return [read.table for result in results for read in result.unpruned if "__dbt_tmp" not in read.table]


@pytest.fixture
def built(client: bigquery.Client, endpoint: str, service: Service, landed: Settings, tmp_path: Path) -> Settings:
    """The project after its first build."""
    land(client, landed)
    run_dbt(endpoint, ROOT / "dbt", tmp_path, *BUILD)
    return landed


def test_a_full_refresh_names_its_shards(service: Service, built: Settings) -> None:
    read = sources(service.statements)
    assert {one.table.split(".")[-1] for one in read} == {"events_2*", "events_intraday_*", "streamed_events"}
    assert [one for one in read if not one.filtered] == []
    assert unpruned(service.statements) == []


def test_a_batch_reads_what_it_touches(
    client: bigquery.Client, endpoint: str, service: Service, built: Settings, tmp_path: Path
) -> None:
    write_batch(built, events=3, seed=4)
    land_streamed(client, built)
    before = len(service.statements)
    run_dbt(endpoint, ROOT / "dbt", tmp_path, "run")
    batch = service.statements[before:]
    assert unpruned(batch) == []
    assert {one.parts for one in sources(batch) if "streamed" not in one.table} == {()}
    wide = {
        read.table.split(".")[-1]: f"{len(read.parts)} of {read.of_parts}"
        for result in batch
        for read in result.reads
        if len(read.parts) > 0.5 * read.of_parts and read.of_parts > 20
    }
    assert wide == {}
    before = len(service.statements)
    run_dbt(endpoint, ROOT / "dbt", tmp_path, *CHECKS)
    assert unpruned(service.statements[before:]) == []


def test_a_table_refuses_a_read_of_all_of_it(client: bigquery.Client, built: Settings) -> None:
    for table in ("streamed_events", "stg_ga_events", "int_events", "int_sessions", "int_lookup"):
        with pytest.raises(Exception, match="without a filter over column"):
            client.query_and_wait(f"select * from attribution.{table}")


def test_an_export_without_intraday_tables_or_without_any(
    client: bigquery.Client, endpoint: str, landed: Settings, tmp_path: Path
) -> None:
    client.create_dataset("attribution")
    assert run_dbt(endpoint, ROOT / "dbt", tmp_path, *BUILD)["stg_ga_events"] == "success"
    (intraday,) = landed.ga4_export.glob("events_intraday_*.parquet")
    intraday.unlink()
    land(client, landed)
    run_dbt(endpoint, ROOT / "dbt", tmp_path, "run")
    (row,) = client.query_and_wait(
        "select count(distinct shard) as shards from attribution.stg_ga_events where bucket >= 0"
    )
    assert row["shards"] == len(list(landed.ga4_export.glob("*.parquet")))
