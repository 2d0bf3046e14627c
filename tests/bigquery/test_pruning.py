"""What dbt reads on BigQuery, by the stand-in's record: a batch looks into the partitions it touches, no others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from google.cloud import bigquery

from include.settings import PROJECT as ROOT
from include.settings import Settings
from include.simulator.stream import write_batch
from include.transform import MODELS_ONLY
from tests.bigquery.conftest import landed_in, without_today
from tests.bigquery.dbt_on_stand_in import run_dbt
from tests.bigquery.double.engine import Engine
from tests.bigquery.double.results import Result
from tests.bigquery.double.service import Service
from tests.bigquery.double.session import Read
from tests.bigquery.landed import land, land_streamed, landed_on

BUILD = ("build", *MODELS_ONLY)
CHECKS = ("test", "--exclude-resource-type", "unit_test")


def sources(results: list[Result]) -> list[Read]:
    """The reads of the export and of the streamed table."""
    names = (".events_2*", ".events_intraday_*", ".streamed_events")
    return [read for result in results for read in result.reads if read.table.endswith(names)]


def unpruned(results: list[Result]) -> list[str]:
    """Tables that were read without a constant filter; a batch's own temporary table is all of the batch."""
    return [read.table for result in results for read in result.unpruned if "__dbt_tmp" not in read.table]


@dataclass(frozen=True)
class Built:
    """The project after its first build; the tests below run in order."""

    service: Service
    client: bigquery.Client
    landed: Settings
    home: Path
    endpoint: str

    def dbt(self, *arguments: str) -> list[Result]:
        """Run dbt; what it sent."""
        before = len(self.service.statements)
        run_dbt(self.endpoint, ROOT / "dbt", self.home, *arguments)
        return self.service.statements[before:]


@pytest.fixture(scope="module")
def built(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    home = tmp_path_factory.mktemp("home")
    local = landed_in(home / "local")
    with landed_on(engine, local) as (service, client, endpoint):
        world = Built(service, client, local, home, endpoint)
        world.dbt(*BUILD)
        yield world


def test_a_full_refresh_names_its_shards(built: Built) -> None:
    read = sources(built.service.statements)
    assert {one.table.split(".")[-1] for one in read} == {"events_2*", "events_intraday_*", "streamed_events"}
    assert [one for one in read if not one.filtered] == []
    assert unpruned(built.service.statements) == []


def test_a_batch_reads_what_it_touches(built: Built) -> None:
    write_batch(built.landed, events=3, seed=4)
    land_streamed(built.client, built.landed)
    batch = built.dbt("run")
    assert unpruned(batch) == []
    assert {one.parts for one in sources(batch) if "streamed" not in one.table} == {()}
    wide = {
        read.table.split(".")[-1]: f"{len(read.parts)} of {read.of_parts}"
        for result in batch
        for read in result.reads
        if len(read.parts) > 0.5 * read.of_parts and read.of_parts > 20
    }
    assert wide == {}
    assert unpruned(built.dbt(*CHECKS)) == []


@pytest.mark.parametrize("table", ["streamed_events", "stg_ga_events", "int_events", "int_sessions", "int_lookup"])
def test_a_table_refuses_a_read_of_all_of_it(built: Built, table: str) -> None:
    with pytest.raises(Exception, match="without a filter over column"):
        built.client.query_and_wait(f"select * from attribution.{table}")


@pytest.mark.rehearsal
def test_an_export_without_intraday_tables_or_without_any(
    client: bigquery.Client, endpoint: str, landed: Settings, tmp_path: Path
) -> None:
    client.create_dataset("attribution")
    assert run_dbt(endpoint, ROOT / "dbt", tmp_path, *BUILD)["stg_ga_events"] == "success"
    land(client, without_today(landed))
    run_dbt(endpoint, ROOT / "dbt", tmp_path, "run")
    (row,) = client.query_and_wait(
        "select count(distinct shard) as shards from attribution.stg_ga_events where bucket >= 0"
    )
    assert row["shards"] == len(list(landed.ga4_export.glob("*.parquet")))
