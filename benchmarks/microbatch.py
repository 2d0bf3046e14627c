"""A micro-batch of 20 events through Airflow, beside a bare `dbt build` of the same batch on a copy of the home."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import httpx

from benchmarks.airflow_run import DagRun, TaskTimes, await_dag, idle_share, run_dag
from benchmarks.batch_rows import Touched, batch_ids, touched_rows
from benchmarks.dbt_build import NO_UNIT_TESTS, Build, dbt_build, read_by_node, row_counts
from benchmarks.history import Export
from benchmarks.measure import Comparison, medians
from include.home_kind import TRIAL, mark
from include.local_airflow import LocalAirflow, local_airflow
from include.settings import Settings
from include.simulator.stream import write_batch
from include.transform import MODELS_ONLY

log = logging.getLogger(__name__)

EVENTS = 20
#: The runs of the benchmark alone: the DAG's schedule would start others between them.
NO_SCHEDULE = {"AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False"}


@dataclass(frozen=True)
class MicroBatch:
    """What was measured on one history: ours Airflow from trigger to published, floor the bare `dbt build`, seconds.

    cpu: processor seconds of all processes of each side. tasks: medians. models, tests, seeds: medians inside the bare
    `dbt build`. idle: the share of a core that Airflow took with nothing to do, during the bare builds too.
    read: rows scanned by model in one batch; touched: what the journal says it touched; history: rows by table.
    """

    export: str
    wall: Comparison
    cpu: Comparison
    tasks: tuple[TaskTimes, ...]
    models: dict[str, float]
    tests: float
    seeds: float
    idle: float
    read: dict[str, int]
    touched: dict[str, Touched]
    history: dict[str, int]


def measure_microbatch(export: Export, scratch: Path, runs: int) -> MicroBatch:
    """Load the export into two identical homes, then bring the same batches to both, in turn.

    Raises BenchmarkError when a run fails, StartError when Airflow does not start.
    """
    ours = Settings(home=scratch / "airflow", ga4_export=export.folder)
    bare = replace(ours, home=scratch / "bare")
    log.info("micro-batch: loading the history")
    dbt_build(bare, *MODELS_ONLY)
    history = row_counts(bare)
    shutil.copytree(bare.home, ours.home, ignore=shutil.ignore_patterns("dbt_target", "logs"))
    mark(ours, TRIAL)
    os.environ.update(NO_SCHEDULE)
    with started(ours) as (airflow, client):
        pairs: list[tuple[DagRun, Build]] = []
        for number in range(runs + 1):
            log.info("micro-batch: %s", f"pair {number} of {runs}" if number else "warming up")
            run = run_dag(airflow, client, {"events": EVENTS, "seed": number})
            land_same(ours, bare)
            pairs.append((run, dbt_build(bare, *NO_UNIT_TESTS)))
        idle = idle_share(airflow)
    dag_runs, builds = zip(*pairs[1:], strict=True)
    read, touched = read_and_touched(bare, seed=runs + 1)
    return MicroBatch(
        export=export.what,
        wall=Comparison(tuple(run.seconds for run in dag_runs), tuple(build.usage.wall for build in builds)),
        cpu=Comparison(tuple(run.cpu for run in dag_runs), tuple(build.usage.cpu for build in builds)),
        tasks=median_tasks(dag_runs),
        models=medians([build.models for build in builds]),
        tests=median(build.tests for build in builds),
        seeds=median(build.seeds for build in builds),
        idle=idle,
        read=read,
        touched=touched,
        history=history,
    )


@contextmanager
def started(settings: Settings) -> Iterator[tuple[LocalAirflow, httpx.Client]]:
    """Airflow on this home, healthy and with the DAG read, and a client of its REST API."""
    with local_airflow(settings) as airflow:
        airflow.wait_until_healthy()
        with airflow.client() as client:
            await_dag(client)
            yield airflow, client


def land_same(source: Settings, target: Settings) -> None:
    """Copy the streamed batches that `target` lacks, with their file times: the same versions."""
    for path in sorted(source.streamed_events.glob("*.ndjson")):
        if not (target.streamed_events / path.name).exists():
            shutil.copy2(path, target.streamed_events)


def read_and_touched(settings: Settings, *, seed: int) -> tuple[dict[str, int], dict[str, Touched]]:
    """One more batch, not timed: what its models read, and what it touched."""
    before = batch_ids(settings)
    write_batch(settings, events=EVENTS, seed=seed)
    read = read_by_node(settings, *MODELS_ONLY)
    return read, touched_rows(settings, batch_ids(settings) - before)


def median_tasks(runs: tuple[DagRun, ...]) -> tuple[TaskTimes, ...]:
    """The median of each step of each task, in the order of the first run."""
    steps = ("scheduled", "queued", "started", "running")
    by_step = {step: medians([{t.task: getattr(t, step) for t in run.tasks} for run in runs]) for step in steps}
    return tuple(TaskTimes(task, *(by_step[step][task] for step in steps)) for task in by_step["running"])
