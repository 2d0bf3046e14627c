"""The stand-in for BigQuery, in this process: one evaluator for all tests, a new warehouse for each."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from dbt.adapters.bigquery import clients
from google.auth.credentials import AnonymousCredentials, Credentials
from google.cloud import bigquery

from include.settings import Settings
from include.store import Store, open_store
from include.store_bigquery import BigQueryStore
from tests.bigquery.double.engine import Engine
from tests.bigquery.double.server import serve
from tests.bigquery.double.service import Service
from tests.dbt.project import environment

PROJECT, DATASET = "test-project", "shop"
#: A connection that asks nobody who he is.
ANONYMOUS = json.dumps({"conn_type": "google_cloud_platform", "extra": {"is_anonymous": True, "project": PROJECT}})


class Known(Credentials):
    """Credentials that Google accepts. tokens: those that it gives, each good for an hour."""

    def __init__(self, tokens: Iterator[str]) -> None:
        """Without a token."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.tokens = tokens

    def refresh(self, request: object) -> None:
        """Get a token."""
        self.token, self.expiry = (
            next(self.tokens),
            dt.datetime.now(dt.UTC).replace(tzinfo=None) + dt.timedelta(hours=1),
        )


@pytest.fixture(autouse=True)
def _dbt_logged_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whom one test lends dbt, in this process, is no other test's."""
    monkeypatch.setitem(vars(clients), "create_google_credentials", vars(clients)["create_google_credentials"])


@pytest.fixture(scope="session")
def engine(shared: Path) -> Engine:
    """The evaluator; compiling it takes 21 s the first time on a machine."""
    folder = shared / "analysed"
    folder.mkdir(exist_ok=True)
    return Engine(folder)


def _new_service(engine: Engine) -> Service:
    """A stand-in with one empty dataset."""
    made = Service(engine=engine)
    made.warehouse.datasets[PROJECT, DATASET] = {"location": "US"}
    return made


def _connected(endpoint: str) -> bigquery.Client:
    """Google's own client, pointed at a stand-in."""
    return bigquery.Client(
        project=PROJECT,
        credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
        client_options={"api_endpoint": endpoint},
        location="US",
        default_query_job_config=bigquery.QueryJobConfig(default_dataset=f"{PROJECT}.{DATASET}"),
    )


@contextmanager
def stand_in(engine: Engine) -> Iterator[tuple[Service, bigquery.Client, str]]:
    """A stand-in for several tests: its state, a client of it, its address."""
    service = _new_service(engine)
    with serve(service) as endpoint:
        yield service, _connected(endpoint), endpoint


@pytest.fixture
def service(engine: Engine) -> Service:
    """A stand-in for one test."""
    return _new_service(engine)


@pytest.fixture
def endpoint(service: Service) -> Iterator[str]:
    """The stand-in's address."""
    with serve(service) as url:
        yield url


@pytest.fixture
def client(endpoint: str) -> bigquery.Client:
    """A client of the stand-in."""
    return _connected(endpoint)


def deployment(home: Path, endpoint: str) -> dict[str, str]:
    """The environment of a deployment on the stand-in."""
    return {
        "ATTRIBUTION_HOME": str(home),
        "DBT_TARGET": "bigquery",
        "GCP_PROJECT": PROJECT,
        "GA4_DATASET": f"{PROJECT}.{DATASET}",
        "BIGQUERY_EMULATOR_HOST": endpoint,
        "AIRFLOW_CONN_GOOGLE_CLOUD_DEFAULT": ANONYMOUS,
    }


@pytest.fixture
def settings(tmp_path: Path, endpoint: str) -> Iterator[Settings]:
    """A deployment on the stand-in whose datasets are not there yet, but for the export's, which is empty."""
    with environment(deployment(tmp_path, endpoint)):
        yield Settings.from_env()


@pytest.fixture
def store(settings: Settings, client: bigquery.Client) -> Iterator[BigQueryStore]:
    """The deployment's warehouse, with its two datasets, empty."""
    for name in ("attribution", "attribution_published"):
        client.create_dataset(name)
    with open_store(settings) as opened:
        assert isinstance(opened, BigQueryStore)
        yield opened


@pytest.fixture(params=["local", "bigquery"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty warehouse of each engine."""
    if request.param == "bigquery":
        yield request.getfixturevalue("store")
    else:
        with open_store(Settings(home=tmp_path, ga4_export=tmp_path)) as opened:
            yield opened
