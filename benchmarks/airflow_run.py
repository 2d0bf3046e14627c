"""One run of attribution_microbatch in a started Airflow, from the trigger to the published marts, task by task."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import psutil

from benchmarks.measure import BenchmarkError

DAG_ID = "attribution_microbatch"
LOOK_SECONDS = 1.0
REST_SECONDS = 60.0
#: Tasks that no worker starts: models that `run_models` built, and what marks the end of a group.
WORKERLESS = ("ModelOperator", "EmptyOperator")
PATIENCE_SECONDS = 600


@dataclass(frozen=True)
class DagRun:
    """seconds: from the trigger until `publish` ended; cpu: seconds of all cores, by all of Airflow's processes.

    tasks: how long each task ran that a worker started.
    """

    seconds: float
    cpu: float
    tasks: dict[str, float]


def cpu_seconds() -> float:
    """Processor time of this process's descendants so far, with those that ended: of a started Airflow all it took."""
    total = 0.0
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # its parent has its time from now on
            total += sum(process.cpu_times()[:4])
    return total


def idle_share(seconds: float) -> float:
    """How much of a core Airflow takes while nothing is to be done, over so many seconds after a while of rest."""
    time.sleep(REST_SECONDS)
    before = cpu_seconds()
    time.sleep(seconds)
    return (cpu_seconds() - before) / seconds


def await_dag(client: httpx.Client) -> None:
    """Wait until the DAG processor has read the DAG.

    Raises BenchmarkError when it does not within PATIENCE_SECONDS.
    """
    until = time.monotonic() + PATIENCE_SECONDS
    while client.get(f"/dags/{DAG_ID}").status_code != httpx.codes.OK:
        if time.monotonic() > until:
            raise BenchmarkError(f"Airflow does not know {DAG_ID}; see logs/dag-processor.log in the benchmark's home")
        time.sleep(LOOK_SECONDS)


def run_dag(client: httpx.Client, conf: dict[str, Any]) -> DagRun:
    """Trigger the DAG through the REST API, wait for its end, read its tasks' times.

    Raises BenchmarkError when the run does not end well, or a task needed a second try.
    """
    before = cpu_seconds()
    triggered = datetime.now(UTC)
    answer = client.post(f"/dags/{DAG_ID}/dagRuns", json={"logical_date": None, "conf": conf}).raise_for_status()
    run = f"/dags/{DAG_ID}/dagRuns/{answer.json()['dag_run_id']}"
    until = time.monotonic() + PATIENCE_SECONDS
    while (state := client.get(run).raise_for_status().json()["state"]) not in {"success", "failed"}:
        if time.monotonic() > until:
            raise BenchmarkError(
                f"the run is still {state} after {PATIENCE_SECONDS} s; see logs in the benchmark's home"
            )
        time.sleep(LOOK_SECONDS)
    cpu = cpu_seconds() - before
    instances = client.get(f"{run}/taskInstances", params={"limit": 100}).raise_for_status().json()["task_instances"]
    unwell = [one["task_id"] for one in instances if one["state"] != "success" or one["try_number"] != 1]
    if unwell:
        raise BenchmarkError(
            f"not done at the first try: {', '.join(unwell)}; see logs/airflow in the benchmark's home"
        )
    instances.sort(key=lambda one: str(one["start_date"]))
    started = [one for one in instances if one["operator_name"] not in WORKERLESS]
    published = max(datetime.fromisoformat(one["end_date"]) for one in started)
    tasks = {one["task_id"]: one["duration"] for one in started}
    return DagRun((published - triggered).total_seconds(), cpu, tasks)
