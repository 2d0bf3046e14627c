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


def new_service(engine: Engine) -> Service:
    """A stand-in with one empty dataset."""
    made = Service(engine=engine)
    made.warehouse.datasets[PROJECT, DATASET] = {"location": "US"}
    return made


@pytest.fixture
def service(engine: Engine) -> Service:
    """A stand-in for one test."""
    return new_service(engine)


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


def landed_in(home: Path, *, days: int = 4, people: int = 60, events: int = 15, bad: int = 2) -> Settings:
    """Days of export, the last of them an intraday table, and a batch, in this home."""
    settings = Settings(home=home, ga4_export=home / "landing" / "ga4")
    settings.ga4_export.mkdir(parents=True)
    write_history(settings.ga4_export, seed=3, end=NOON, days=days, people=people)
    write_batch(settings, events=events, seed=3, bad=bad)
    return settings


def without_today(settings: Settings) -> Settings:
    """The same without the intraday table."""
    (today,) = settings.ga4_export.glob("events_intraday_*.parquet")
    today.unlink()
    return settings


@pytest.fixture
def landed(tmp_path: Path) -> Settings:
    """The same, on this machine."""
    return landed_in(tmp_path / "local")
