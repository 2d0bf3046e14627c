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


def connected(endpoint: str) -> bigquery.Client:
    """Google's own client, pointed at a stand-in."""
    return bigquery.Client(
        project=PROJECT,
        credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
        client_options={"api_endpoint": endpoint},
        location="US",
        default_query_job_config=bigquery.QueryJobConfig(default_dataset=f"{PROJECT}.{DATASET}"),
    )


@pytest.fixture
def client(endpoint: str) -> bigquery.Client:
    """A client of the stand-in."""
    return connected(endpoint)


def landed_in(home: Path) -> Settings:
    """Three days of export, today's intraday table, and a batch, in this home."""
    settings = Settings(home=home, ga4_export=home / "landing" / "ga4")
    settings.ga4_export.mkdir(parents=True)
    write_history(settings.ga4_export, seed=3, end=NOON, days=4, people=60)
    write_batch(settings, events=15, seed=3, bad=2)
    return settings


@pytest.fixture
def landed(tmp_path: Path) -> Settings:
    """The same, on this machine."""
    return landed_in(tmp_path / "local")
