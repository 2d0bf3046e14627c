"""One run of attribution_microbatch in a started Airflow, from the trigger to the published marts, task by task."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import httpx
import psutil

from benchmarks.measure import BenchmarkError
from include.local_airflow import LocalAirflow

DAG_ID = "attribution_microbatch"
LOOK_SECONDS = 0.5
PATIENCE_SECONDS = 600


@dataclass(frozen=True)
class TaskTimes:
    """Seconds of one task in a run, one after another.

    scheduled: since the task before it ended (or the trigger) until the scheduler made it ready; queued: until it was
    handed to the executor; started: until its worker began; running: until it ended.
    """

    task: str
    scheduled: float
    queued: float
    started: float
    running: float

    @property
    def waiting(self) -> float:
        """All that is not running."""
        return self.scheduled + self.queued + self.started


@dataclass(frozen=True)
class DagRun:
    """seconds: from the trigger until publish ended; cpu: of all Airflow processes, until the run was over."""

    seconds: float
    cpu: float
    tasks: tuple[TaskTimes, ...]


def task_times(triggered: datetime, instances: Sequence[dict[str, Any]]) -> tuple[TaskTimes, ...]:
    """Split the time since the trigger among the tasks that ran, in the order in which they started.

    instances: as the REST API gives them. Times that lie before the end of the task before (a task that waited for the
    pool beside it) count for nothing twice.
    """
    before, times = triggered, []
    ran = [one for one in instances if one["start_date"] and one["end_date"]]
    for one in sorted(ran, key=lambda one: str(one["start_date"])):
        start, end = _time(one["start_date"]), _time(one["end_date"])
        scheduled = min(max(_time(one["scheduled_when"]), before), start)
        queued = min(max(_time(one["queued_when"]), scheduled), start)
        steps = (before, scheduled, queued, max(start, before), end)
        spent = [(late - early).total_seconds() for early, late in pairwise(steps)]
        times.append(TaskTimes(one["task_id"], *spent))
        before = max(before, end)
    return tuple(times)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def await_dag(client: httpx.Client) -> None:
    """Wait until the DAG processor has read the DAG.

    Raises BenchmarkError when it does not within PATIENCE_SECONDS.
    """
    until = time.monotonic() + PATIENCE_SECONDS
    while client.get(f"/dags/{DAG_ID}").status_code != httpx.codes.OK:
        if time.monotonic() > until:
            raise BenchmarkError(f"Airflow does not know {DAG_ID}; see logs/dag-processor.log in the benchmark's home")
        time.sleep(LOOK_SECONDS)


def run_dag(airflow: LocalAirflow, client: httpx.Client, conf: dict[str, Any]) -> DagRun:
    """Trigger the DAG through the REST API, wait for its end, read its tasks' times.

    Raises BenchmarkError when the run does not end well, or a task needed a second try.
    """
    cpu = cpu_seconds(airflow)
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
    cpu = cpu_seconds(airflow) - cpu
    instances = client.get(f"{run}/taskInstances", params={"limit": 100}).raise_for_status().json()["task_instances"]
    unwell = [one["task_id"] for one in instances if one["state"] != "success" or one["try_number"] != 1]
    if unwell:
        raise BenchmarkError(
            f"not done at the first try: {', '.join(unwell)}; see logs/airflow in the benchmark's home"
        )
    published = max(_time(one["end_date"]) for one in instances)
    return DagRun((published - triggered).total_seconds(), cpu, task_times(triggered, instances))


def cpu_seconds(airflow: LocalAirflow) -> float:
    """Processor time of Airflow's processes so far, those included that they started and saw end."""
    total = 0.0
    for component in airflow.processes:
        for process in _tree(component.pid):
            try:
                times = process.cpu_times()
            except psutil.NoSuchProcess:  # its parent has its time from now on
                continue
            total += times.user + times.system + times.children_user + times.children_system
    return total


def _tree(pid: int) -> list[psutil.Process]:
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def idle_share(airflow: LocalAirflow, seconds: float = 10) -> float:
    """The share of one core that Airflow takes while no task runs."""
    before = cpu_seconds(airflow)
    time.sleep(seconds)
    return (cpu_seconds(airflow) - before) / seconds
