"""A started `make up`, driven by the REST API as a user's scripts would."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from include.local_airflow import LocalAirflow
from include.settings import PROJECT, Settings
from include.simulator.history import write_history
from tests.e2e.command_line import begin

DAG = "/dags/attribution_microbatch"
BACKFILL = "/dags/attribution_backfill"
UPKEEP = "/dags/attribution_upkeep"
PATIENCE_SECONDS = 900  # a broken run costs a quarter of an hour; a busy machine breaks nothing

#: A DAG file that cannot be read, and a DAG whose only task is killed as the kernel kills where memory runs out.
BROKEN = "from airflow.sdk import dag\nimport no_such_module_of_somebody_else"
KILLED = """
import os, signal
from airflow.sdk import DAG, task
with DAG("attribution_killed", schedule=None):
    @task(retries=0)
    def killed():
        os.kill(os.getpid(), signal.SIGKILL)
    killed()
"""


def until(happened: Callable[[], bool]) -> None:
    """Wait until it happened; an API server that does not answer, or not with what is asked for, is asked again."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        with suppress(httpx.HTTPError, KeyError, ValueError):
            if happened():
                return
        time.sleep(0.3)
    raise AssertionError("it did not happen")


@dataclass(frozen=True)
class Up:
    """A started deployment: its home, its process, and what it told of the login."""

    settings: Settings
    process: subprocess.Popen[str]
    url: str
    user: str
    password: str

    @contextmanager
    def client(self) -> Iterator[httpx.Client]:
        """The REST API, logged in, once the DAGs are there."""
        port = int(self.url.rpartition(":")[2])
        with LocalAirflow(self.settings, port, self.password, ()).client() as made:
            until(lambda: {made.get(dag).status_code for dag in (DAG, BACKFILL, UPKEEP)} == {httpx.codes.OK})
            yield made

    def stop(self, sent: int) -> tuple[int, str]:
        """Send a signal; the exit code, and what was said after the login."""
        assert self.process.stdout is not None
        self.process.send_signal(sent)
        rest = self.process.stdout.read()
        return self.process.wait(), rest


def with_other_peoples_dags(home: Path) -> None:
    """Have the home's airflow.cfg name a folder with our DAGs, a broken file and a DAG that is killed."""
    folder = home / "dags"
    shutil.copytree(PROJECT / "dags", folder)
    (folder / "a_broken_file.py").write_text(BROKEN)
    (folder / "a_killed_task.py").write_text(KILLED)
    bundle = {"classpath": "airflow.dag_processing.bundles.local.LocalDagBundle", "kwargs": {"path": str(folder)}}
    bundles = json.dumps([{"name": "dags-folder", **bundle}])
    (home / "airflow").mkdir()
    (home / "airflow" / "airflow.cfg").write_text(f"[dag_processor]\ndag_bundle_config_list = {bundles}\n")


@contextmanager
def up(home: Path, env: Mapping[str, str]) -> Iterator[Up]:
    """`make up` on a home with a little history, once it has told the login."""
    settings = Settings(home=home, ga4_export=home / "landing" / "ga4")
    settings.ga4_export.mkdir(parents=True)
    write_history(settings.ga4_export, seed=7, end=datetime(2026, 1, 31, 12, tzinfo=UTC), days=3, people=100)
    with begin(home, "up", env=env) as process:
        try:
            assert process.stdout is not None
            told = next(line for line in process.stdout if line.startswith("Airflow is at"))
            found = re.fullmatch(r"Airflow is at (http\S+)  user: (\S+)  password: (\S+)\n", told)
            assert found
            # interrupted while it still writes, rich writes its last line again
            assert any("Ctrl-C stops everything" in line for line in process.stdout)
            yield Up(settings, process, *found.groups())
        finally:
            process.terminate()


def trigger(client: httpx.Client, dag: str, **conf: object) -> str:
    """Trigger a run; its path in the API."""
    answer = client.post(f"{dag}/dagRuns", json={"logical_date": None, "conf": conf})
    answer.raise_for_status()
    return f"{dag}/dagRuns/{answer.json()['dag_run_id']}"


def tasks_of(client: httpx.Client, path: str) -> dict[str, str]:
    """The state of each task of a run."""
    instances: list[dict[str, Any]] = client.get(f"{path}/taskInstances").json()["task_instances"]
    return {instance["task_id"]: instance["state"] for instance in instances}


def ended(client: httpx.Client, path: str) -> tuple[str, dict[str, str]]:
    """Wait for the run's end: its state, and the state of each task."""
    until(lambda: client.get(path).json()["state"] not in {"queued", "running"})
    return client.get(path).json()["state"], tasks_of(client, path)


def run(client: httpx.Client, dag: str, **conf: object) -> tuple[str, dict[str, str]]:
    """Trigger a run and wait for its end: its state, and the state of each task."""
    return ended(client, trigger(client, dag, **conf))


def log_of(client: httpx.Client, path: str, task: str, attempt: int = 1) -> str:
    """What a try of a task logged."""
    return client.get(f"{path}/taskInstances/{task}/logs/{attempt}", headers={"Accept": "application/json"}).text
