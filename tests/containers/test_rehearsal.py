"""docker-compose.yml rehearsed: every service up from nothing and healthy, and a run by the REST API."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import duckdb
import httpx
import pytest

from tests.containers.rehearsal import Rehearsal, rehearse
from tests.e2e.deployment import DAG, run, until


@pytest.fixture(scope="module")
def deployment() -> Iterator[Rehearsal]:
    """A deployment from a fresh clone."""
    root = Path(tempfile.mkdtemp(prefix="rehearsal-"))
    try:
        with rehearse(root, {"DBT_TARGET": "local", "OWN_DOMAINS": "shop.example"}) as made:
            yield made
    finally:
        shutil.rmtree(root)


def test_every_service_is_healthy_and_a_run_is_published(deployment: Rehearsal) -> None:
    for name, service in deployment.services.items():
        if service.health is not None:
            deployment.wait_until_healthy(name)
    with deployment.client() as client:
        until(lambda: client.get(DAG).status_code == httpx.codes.OK)
        state, tasks = run(client, DAG, events=20)
    assert state == "success", tasks
    with duckdb.connect(str(deployment.home / "published" / "attribution.duckdb"), read_only=True) as marts:
        assert marts.execute("select count(*) from pipeline_runs").fetchall() == [(1,)]


def test_the_secrets_are_nobody_elses_and_in_no_log(deployment: Rehearsal) -> None:
    kept = deployment.home / "airflow" / "secrets.json"
    assert oct(kept.stat().st_mode & 0o777) == oct(0o600)
    (file,) = (deployment.root / "secrets").iterdir()
    assert file.name == "database_password"
    logs = [*(deployment.root / "logs").iterdir(), *(p for p in (deployment.home / "logs").rglob("*") if p.is_file())]
    assert len(logs) > len(deployment.services)
    assert not [path for path in logs if file.read_text() in path.read_text(errors="replace")]
