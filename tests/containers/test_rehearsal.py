"""docker-compose.yml rehearsed: up from nothing, a run by the REST API; and each service killed and started again."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import duckdb
import httpx
import pytest

from tests.containers.rehearsal import Rehearsal, rehearse
from tests.e2e.deployment import DAG, ended, tasks_of, trigger, until


@pytest.fixture(scope="module")
def deployment() -> Iterator[Rehearsal]:
    """A deployment from a fresh clone."""
    root = Path(tempfile.mkdtemp(prefix="rehearsal-"))
    try:
        with rehearse(root, {"DBT_TARGET": "local", "OWN_DOMAINS": "shop.example"}) as made:
            yield made
    finally:
        shutil.rmtree(root)


def begun(client: httpx.Client, path: str) -> bool:
    """Whether a task of the run is done."""
    return "success" in tasks_of(client, path).values()


def is_published(deployment: Rehearsal, path: str) -> bool:
    """Whether readers see the run."""
    with duckdb.connect(str(deployment.home / "published" / "attribution.duckdb"), read_only=True) as marts:
        return (path.rpartition("/")[2],) in marts.execute("select run_id from pipeline_runs").fetchall()


def test_a_run_is_published_and_every_service_is_healthy(deployment: Rehearsal) -> None:
    with deployment.client() as client:
        until(lambda: client.get(DAG).status_code == httpx.codes.OK)
        path = trigger(client, DAG, events=20)
        state, tasks = ended(client, path)
        assert state == "success", tasks
    assert is_published(deployment, path)
    deployment.wait_until_all_are_healthy()


#: A killed scheduler takes the task at work with it; the others leave the run alone, one after the other.
KILLED = (("postgres", "api-server", "dag-processor", "triggerer"), ("scheduler",))


@pytest.mark.rehearsal
def test_what_is_killed_comes_back_and_the_next_run_is_published(deployment: Rehearsal) -> None:
    with deployment.client() as client:
        for killed in KILLED:
            path = trigger(client, DAG, events=20)
            until(partial(begun, client, path))
            for service in killed:
                deployment.kill(service)
                deployment.wait_until_all_are_healthy()
            ended(client, path)
        path = trigger(client, DAG, events=20)
        state, tasks = ended(client, path)
        assert state == "success", tasks
    assert is_published(deployment, path)


def test_the_secrets_are_nobody_elses_and_in_no_log(deployment: Rehearsal) -> None:
    kept = deployment.home / "airflow" / "secrets.json"
    assert oct(kept.stat().st_mode & 0o777) == oct(0o600)
    (file,) = (deployment.root / "secrets").iterdir()
    assert file.name == "database_password"
    logs = [*(deployment.root / "logs").iterdir(), *(p for p in (deployment.home / "logs").rglob("*") if p.is_file())]
    assert len(logs) > len(deployment.services)
    assert not [path for path in logs if file.read_text() in path.read_text(errors="replace")]
