"""A started Airflow: a micro-batch of 20 events beside a bare `dbt build` of it, and a stream of batches.

The micro-batch is measured from the trigger to the published marts, task by task, on two homes of the same content.
"""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import duckdb
import httpx
import psutil

from benchmarks.dbt_build import NO_UNIT_TESTS, dbt_build
from benchmarks.history import Export
from benchmarks.measure import RATIOS, BenchmarkError, Report, compared, medians
from include.figures import reached
from include.home_kind import TRIAL, mark
from include.local_airflow import local_airflow
from include.settings import CONTINUOUS, Settings
from include.simulator.stream import stream_batch
from include.transform import MODELS_ONLY

log = logging.getLogger(__name__)

DAG_ID = "attribution_microbatch"
EVENTS = 20
LOOK_SECONDS, PATIENCE_SECONDS = 1.0, 600
#: How long Airflow rests before it is measured at rest, and how long that takes.
REST_SECONDS, IDLE_SECONDS = 60.0, 30.0
#: Seconds between two batches of the stream.
EVERY_SECONDS = 10
#: Tasks that no worker starts: models that `run_models` built, and what marks the end of a group.
WORKERLESS = ("ModelOperator", "EmptyOperator")


class DagRun(NamedTuple):
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


def idle_share() -> float:
    """How much of a core Airflow takes while nothing is to be done, after a while of rest."""
    time.sleep(REST_SECONDS)
    before = cpu_seconds()
    time.sleep(IDLE_SECONDS)
    return (cpu_seconds() - before) / IDLE_SECONDS


@contextmanager
def started(settings: Settings, variables: dict[str, str]) -> Iterator[httpx.Client]:
    """A started Airflow of this home that has read the DAG: a client of its REST API.

    Raises StartError when it does not start, BenchmarkError when it does not know the DAG in PATIENCE_SECONDS.
    """
    mark(settings, TRIAL)
    os.environ.update(variables)
    with local_airflow(settings) as airflow:
        airflow.wait_until_healthy()
        with airflow.client() as client:
            until = time.monotonic() + PATIENCE_SECONDS
            while client.get(f"/dags/{DAG_ID}").status_code != httpx.codes.OK:
                if time.monotonic() > until:
                    raise BenchmarkError(f"Airflow does not know {DAG_ID}; see logs/dag-processor.log in the home")
                time.sleep(LOOK_SECONDS)
            yield client


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
    worked = [one for one in instances if one["operator_name"] not in WORKERLESS]
    published = max(datetime.fromisoformat(one["end_date"]) for one in worked)
    tasks = {one["task_id"]: one["duration"] for one in worked}
    return DagRun((published - triggered).total_seconds(), cpu, tasks)


def measure_microbatch(export: Export, scratch: Path, runs: int) -> Iterator[Report]:
    """Load the export into two identical homes, then bring the same batches to both, in turn; the first does not count.

    Raises BenchmarkError when a run fails, StartError when Airflow does not start.
    """
    ours = Settings(home=scratch / "airflow", ga4_export=export.folder)
    bare = replace(ours, home=scratch / "bare")
    log.info("micro-batch: loading the history")
    dbt_build(bare, *MODELS_ONLY)
    shutil.copytree(bare.home, ours.home, ignore=shutil.ignore_patterns("dbt_target", "logs"))
    dag_runs, builds = [], []
    # the runs of the benchmark alone: the DAG's schedule would start others between them
    with started(ours, {"AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False"}) as client:
        idle = idle_share()
        for number in range(runs + 1):
            log.info("micro-batch: %s", f"pair {number} of {runs}" if number else "warming up")
            dag_runs.append(run_dag(client, {"events": EVENTS, "seed": number}))
            # with their file times: the same versions
            shutil.copytree(ours.streamed_events, bare.streamed_events, dirs_exist_ok=True)
            builds.append(dbt_build(bare, *NO_UNIT_TESTS))
    dag_runs, builds = dag_runs[1:], builds[1:]
    seconds = [one.seconds for one in dag_runs]
    rows = [
        compared("trigger to published, s", seconds, [one.usage.wall for one in builds]),
        compared("processor, s", [one.cpu for one in dag_runs], [one.usage.cpu for one in builds]),
    ]
    title = f"Micro-batch on {export.what}: Airflow beside a bare dbt build"
    yield Report(title, ("", "Airflow", "dbt build", *RATIOS), rows)

    tasks = medians([one.tasks for one in dag_runs])
    waiting = median(seconds) - sum(tasks.values())
    others = {"waiting: scheduler, queue, worker": waiting, "Airflow at rest, share of a core": idle}
    rows = [[name, f"{figure:.2f}"] for name, figure in (tasks | others).items()]
    yield Report("Where the time of the run goes (medians)", ("task", "s"), rows)


def shown(settings: Settings) -> set[str]:
    """The streamed batches that readers see; none before the first publish."""
    if not settings.published.exists():
        return set()
    with duckdb.connect(str(settings.published), read_only=True) as published:
        return {shard for (shard,) in published.execute("select shard from shards").fetchall()}


def measure_stream(export: Export, scratch: Path, batches: int) -> Iterator[Report]:
    """Load the export, start Airflow, land a batch each EVERY_SECONDS and look each second what is published.

    Raises BenchmarkError when a batch is not published in PATIENCE_SECONDS, StartError when Airflow does not start.
    """
    settings = Settings(home=scratch, ga4_export=export.folder, schedule=CONTINUOUS)
    log.info("stream: loading the history")
    dbt_build(settings, *MODELS_ONLY)
    waiting: dict[str, float] = {}
    ages: list[float] = []
    with started(settings, {"MICROBATCH_SCHEDULE": CONTINUOUS}):
        landed, began = 0, time.monotonic()
        while landed < batches or waiting:
            now = time.monotonic()
            if landed < batches and now >= began + landed * EVERY_SECONDS:
                waiting[str(stream_batch(settings, None, events=EVENTS, seed=landed).batch_id)] = now
                landed += 1
            for batch in waiting.keys() & shown(settings):
                ages.append(time.monotonic() - waiting.pop(batch))
            if any(now - since > PATIENCE_SECONDS for since in waiting.values()):
                raise BenchmarkError("a batch is not published; see logs/airflow in the benchmark's home")
            time.sleep(LOOK_SECONDS)
    p50, p95 = (reached([(age, 1) for age in ages], share) or 0.0 for share in (0.5, 0.95))
    row = [str(batches), f"{p50:.1f}", f"{p95:.1f}"]
    yield Report(f"A batch each {EVERY_SECONDS} s on {export.what}", ("batches", "p50, s", "p95, s"), [row])
