"""The stand-in for BigQuery, in this process: one evaluator for all tests, a new warehouse for each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from include.settings import Settings
from include.simulator.history import write_history
from include.simulator.stream import write_batch
from tests.bigquery.double.engine import Engine
from tests.bigquery.double.server import serve
from tests.bigquery.double.service import Service

PROJECT, DATASET = "test-project", "shop"
NOON = dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)


@pytest.fixture(scope="session")
def engine() -> Engine:
    """The evaluator; compiling it takes 21 s the first time on a machine."""
    return Engine()


@pytest.fixture
def service(engine: Engine) -> Service:
    """A stand-in with one empty dataset."""
    service = Service(engine=engine)
    service.warehouse.datasets[PROJECT, DATASET] = {"location": "US"}
    return service


@pytest.fixture
def endpoint(service: Service) -> Iterator[str]:
    """The stand-in's address."""
    with serve(service) as url:
        yield url


@pytest.fixture
def client(endpoint: str) -> bigquery.Client:
    """Google's own client, pointed at the stand-in."""
    return bigquery.Client(
        project=PROJECT,
        credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
        client_options={"api_endpoint": endpoint},
        location="US",
        default_query_job_config=bigquery.QueryJobConfig(default_dataset=f"{PROJECT}.{DATASET}"),
    )


@pytest.fixture
def landed(tmp_path: Path) -> Settings:
    """Three days of export, today's intraday table, and a batch, on this machine."""
    settings = Settings(home=tmp_path / "local", ga4_export=tmp_path / "local" / "landing" / "ga4")
    settings.ga4_export.mkdir(parents=True)
    write_history(settings.ga4_export, seed=3, end=NOON, days=4, people=60)
    write_batch(settings, events=15, seed=3, bad=2)
    return settings
