"""The DAG under a real scheduler with LocalExecutor, started as `make up` starts it and driven by the REST API."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest

from include.local_airflow import LocalAirflow, free_port, local_airflow
from include.settings import Settings
from include.simulator.history import write_history

DAG = "/dags/attribution_microbatch"
PATIENCE_SECONDS = 240


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAirflow]:
    """A started deployment on a fresh home with a little history."""
    before = dict(os.environ)
    home = tmp_path_factory.mktemp("home")
    settings = Settings(home=home, ga4_export=home / "landing" / "ga4")
    settings.ga4_export.mkdir(parents=True)
    write_history(settings.ga4_export, seed=7, end=datetime(2026, 1, 31, 12, tzinfo=UTC), days=3, people=100)
    try:
        with local_airflow(settings, port=free_port(0)) as started:
            started.wait_until_healthy()
            yield started
    finally:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture(scope="module")
def client(airflow: LocalAirflow) -> Iterator[httpx.Client]:
    """The REST API, once the DAG is there; paused, so that no run starts between those of the tests."""
    with airflow.client() as connected:
        until = time.monotonic() + PATIENCE_SECONDS
        while connected.get(DAG).status_code != httpx.codes.OK and time.monotonic() < until:
            time.sleep(0.5)
        connected.patch(DAG, json={"is_paused": True}).raise_for_status()
        yield connected


def run(client: httpx.Client, **conf: object) -> tuple[str, dict[str, str]]:
    """Trigger a run, let the schedule go and wait for the run's end: its state, and the state of each task.

    A scheduled run that is due takes its turn first: the DAG runs once at a time.
    """
    connected = client.post(f"{DAG}/dagRuns", json={"logical_date": None, "conf": conf})
    connected.raise_for_status()
    path = f"{DAG}/dagRuns/{connected.json()['dag_run_id']}"
    until = time.monotonic() + PATIENCE_SECONDS
    state = "queued"
    client.patch(DAG, json={"is_paused": False}).raise_for_status()
    while state in {"queued", "running"} and time.monotonic() < until:
        time.sleep(0.5)
        state = client.get(path).json()["state"]
    client.patch(DAG, json={"is_paused": True}).raise_for_status()
    instances: list[dict[str, Any]] = client.get(f"{path}/taskInstances").json()["task_instances"]
    return state, {instance["task_id"]: instance["state"] for instance in instances}


def test_a_triggered_run_publishes(client: httpx.Client, airflow: LocalAirflow) -> None:
    state, tasks = run(client, events=20, seed=3)
    assert state == "success", tasks
    assert set(tasks.values()) == {"success"}
    with duckdb.connect(str(airflow.settings.published), read_only=True) as published:
        assert published.execute("select count(*) > 0 from mart_sessions").fetchall() == [(True,)]
    events = client.get("/assets/events", params={"source_dag_id": "attribution_microbatch"}).json()
    assert events["total_entries"] >= 1
    assert "preloaded" in (airflow.settings.home / "logs" / "scheduler.log").read_text()


def test_without_news_the_run_is_skipped(client: httpx.Client) -> None:
    state, tasks = run(client, events=0, wait_seconds=1)
    assert state == "success", tasks
    assert tasks.pop("prepare") == "success"
    assert set(tasks.values()) == {"skipped"}


def test_wrong_params_are_refused_by_the_form(client: httpx.Client) -> None:
    answer = client.post(f"{DAG}/dagRuns", json={"logical_date": None, "conf": {"events": -1}})
    assert answer.status_code == httpx.codes.BAD_REQUEST
    assert "events" in answer.text


def test_a_stranger_is_not_let_in(airflow: LocalAirflow) -> None:
    assert httpx.get(f"{airflow.url}/api/v2{DAG}").status_code == httpx.codes.UNAUTHORIZED
    wrong = httpx.post(f"{airflow.url}/auth/token", json={"username": "admin", "password": "admin"})
    assert wrong.status_code == httpx.codes.UNAUTHORIZED


def test_stopping_leaves_no_process(tmp_path: Path) -> None:
    before = dict(os.environ)
    settings = Settings(home=tmp_path, ga4_export=tmp_path / "landing" / "ga4")
    try:
        with local_airflow(settings, port=free_port(0)) as started:
            groups = [process.pid for process in started.processes]
            assert started.ended() is None
    finally:
        os.environ.clear()
        os.environ.update(before)
    living = [path.parent.name for path in Path("/proc").glob("[0-9]*/stat") if process_group(path) in groups]
    assert living == []


def process_group(stat: Path) -> int | None:
    """The process group of a living process; None where it has ended."""
    try:
        state, _, group = stat.read_text().rpartition(")")[2].split()[:3]
    except OSError:
        return None
    return None if state == "Z" else int(group)
