"""`make run` on the stand-in: the whole DAG through Airflow, then again, then with a batch that the gate refuses."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from google.cloud import bigquery

from include.bigquery_publish import run_of
from include.settings import PROJECT as ROOT
from include.settings import Settings
from include.simulator.stream import write_batch
from tests.bigquery.conftest import landed_in, without_today
from tests.bigquery.double.engine import Engine
from tests.bigquery.double.service import Service
from tests.bigquery.landed import land_streamed, landed_on
from tests.bigquery.pipeline.conftest import deployment
from tests.bigquery.test_attribution_project import plain
from tests.dbt.project import Project
from tests.e2e.command_line import user_environment


@dataclass(frozen=True)
class World:
    """What landed, on this machine for DuckDB and in the stand-in, and a deployment on each."""

    service: Service
    client: bigquery.Client
    local: Settings
    home: Path
    endpoint: str

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`make run EVENTS=0`."""
        return subprocess.run(
            [sys.executable, "-m", "include.run", "--events", "0", *arguments],
            cwd=ROOT,
            env={**user_environment(self.home), **deployment(self.home, self.endpoint)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def published(self, table: str) -> Counter[tuple[tuple[str, str], ...]]:
        """The rows of a published table."""
        rows = [dict(row) for row in self.client.query_and_wait(f"select * from attribution_published.{table}")]
        for row in rows:
            row.pop("bucket", None)
        return counted(rows)

    def runs(self) -> set[str | None]:
        """The runs that the published tables are of."""
        listed = self.client.list_tables("attribution_published")
        return {run_of(self.client.get_table(item.reference)) for item in listed}


def counted(rows: list[dict[str, object]]) -> Counter[tuple[tuple[str, str], ...]]:
    """Rows as a multiset, values as both engines can say them."""
    return Counter(tuple(sorted((name, str(plain(value))) for name, value in row.items())) for row in rows)


@pytest.fixture(scope="module")
def world(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Two days of export without today's intraday table, and a batch; the tests below run in order."""
    home = tmp_path_factory.mktemp("home")
    local = without_today(landed_in(home / "local", days=3, people=20, bad=0))
    with landed_on(engine, local) as (service, client, endpoint):
        yield World(service, client, local, home / "bigquery", endpoint)


@pytest.fixture(scope="module")
def first(world: World) -> subprocess.CompletedProcess[str]:
    """The first run."""
    return world.run()


def test_the_run_publishes_what_duckdb_makes_of_the_same_events(
    world: World, first: subprocess.CompletedProcess[str]
) -> None:
    assert first.returncode == 0, first.stdout
    for task in ("prepare", "await_streamed_rows", "transform.int_sessions", "quality_gate", "audit", "publish"):
        assert re.search(rf"^  {re.escape(task)} +success", first.stdout, re.MULTILINE), first.stdout
    local = Project(home=world.local.home)
    local.build()
    marts = [t.table_id for t in world.client.list_tables("attribution_published") if t.table_id.startswith("mart_")]
    assert set(marts) >= {"mart_attribution_first", "mart_attribution_last", "mart_sessions", "mart_channel_daily"}
    for mart in marts:
        assert world.published(mart) == counted(local.rows(f"select * from {mart}")), mart
    ((revenue,),) = world.client.query_and_wait("select sum(revenue) from attribution_published.mart_attribution_last")
    assert revenue > 0
    assert f"{revenue:,.2f}" in first.stdout
    assert len(world.runs()) == 1


def test_no_secret_and_no_token_is_in_the_home(world: World, first: subprocess.CompletedProcess[str]) -> None:
    texts = [path.read_text(errors="replace") for path in (world.home / "logs").rglob("*") if path.is_file()]
    assert texts
    assert not [text for text in (*texts, first.stdout) if "BIGQUERY_TOKEN=" in text or "keyfile" in text]


@pytest.mark.usefixtures("first")
def test_nothing_new_ends_the_run_skipped(world: World) -> None:
    before = world.runs()
    idle = world.run()
    assert idle.returncode == 0, idle.stdout
    assert re.search(r"^  await_streamed_rows +skipped", idle.stdout, re.MULTILINE), idle.stdout
    assert "Nothing new has landed" in idle.stdout
    assert world.runs() == before


@pytest.mark.usefixtures("first")
def test_a_batch_that_the_gate_refuses_never_reaches_readers(world: World) -> None:
    marts = ("mart_attribution_last", "mart_sessions", "quarantine", "pipeline_runs", "shards")
    before = world.runs(), [world.published(table) for table in marts]
    write_batch(world.local, events=2, seed=1, bad=60)
    land_streamed(world.client, world.local)
    refused = world.run()
    assert refused.returncode == 1, refused.stdout
    assert re.search(r"^  quality_gate +failed", refused.stdout, re.MULTILINE), refused.stdout
    assert (world.runs(), [world.published(table) for table in marts]) == before
