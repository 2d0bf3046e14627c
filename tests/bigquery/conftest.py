"""The stand-in for BigQuery, in this process: one evaluator for all tests, a new warehouse for each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from tests.bigquery.double.engine import Engine
from tests.bigquery.double.server import serve
from tests.bigquery.double.service import Service

PROJECT, DATASET = "test-project", "shop"


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
