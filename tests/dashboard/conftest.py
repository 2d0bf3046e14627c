"""Generated data, taken in by dbt and published as a run publishes it, and the dashboard on it behind a real login."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from filelock import FileLock

os.environ.setdefault("AIRFLOW__API_AUTH__JWT_SECRET", secrets.token_urlsafe(64))

from airflow.api_fastapi.app import init_auth_manager
from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from airflow.models import import_all_models
from airflow.models.base import Base
from airflow.settings import engine
from fastapi import FastAPI
from fastapi.testclient import TestClient

from include.dashboard.address import PREFIX
from include.dashboard.app import create_app
from include.settings import Settings
from tests.dashboard.site import build
from tests.dbt.project import rows_of

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
RUN = "manual__2026-01-31T12:00:00+00:00"


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published home, built once however many processes test; nothing may write it."""
    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared
    made = shared / "dashboard_home"
    with FileLock(shared / "dashboard_home.lock"):
        if not (made / "published").exists():
            build(made, end=NOON, days=20, people=600, run=RUN)
    return made


@pytest.fixture(scope="session")
def settings(home: Path) -> Settings:
    """The deployment, whose old data counts as fresh."""
    return Settings(home=home, ga4_export=home / "landing" / "ga4", stale_minutes=0)


Ask = Callable[[str], list[dict[str, Any]]]


@pytest.fixture
def marts(settings: Settings) -> Iterator[Ask]:
    """SQL on the published file, asked past the dashboard."""
    with duckdb.connect(str(settings.published), read_only=True) as connection:
        yield lambda query: rows_of(connection, query)


@pytest.fixture(scope="session")
def manager() -> SimpleAuthManager:
    """Airflow's own auth manager, on an empty metadata database, which processes of one test run may share."""
    import_all_models()  # type: ignore[no-untyped-call]
    with FileLock(Path(os.environ["AIRFLOW_HOME"]) / "metadata.lock"):
        Base.metadata.create_all(engine)
    made = init_auth_manager()
    assert isinstance(made, SimpleAuthManager)
    return made


Token = Callable[[str | None], str]


@pytest.fixture(scope="session")
def token(manager: SimpleAuthManager) -> Token:
    """A login token of a user with a role; None: a user who may do nothing."""
    return lambda role: manager.generate_jwt(SimpleAuthManagerUser(username="somebody", role=role))


def mounted(settings: Settings) -> FastAPI:
    """The dashboard where Airflow mounts it."""
    root = FastAPI()
    root.mount(PREFIX, create_app(settings))
    return root


@pytest.fixture(scope="session")
def app(settings: Settings, manager: SimpleAuthManager) -> FastAPI:
    """The dashboard of the published home."""
    return mounted(settings)


def client_of(app: FastAPI, token: str = "") -> TestClient:
    """Somebody who asks the dashboard, logged in as a browser is where there is a token."""
    cookies = {"_token": token} if token else {}
    return TestClient(app, base_url=f"http://airflow{PREFIX}/", follow_redirects=False, cookies=cookies)


@pytest.fixture
def viewer(app: FastAPI, token: Token) -> TestClient:
    """Somebody who may look."""
    return client_of(app, token("viewer"))
