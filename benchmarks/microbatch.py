"""A micro-batch of 20 events through Airflow, beside a bare `dbt build` of the same batch on a copy of the home."""

from __future__ import annotations

import logging
import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.airflow_run import await_dag, idle_share, run_dag
from benchmarks.dbt_build import NO_UNIT_TESTS, dbt_build
from benchmarks.history import Export
from benchmarks.measure import Comparison, medians
from include.home_kind import TRIAL, mark
from include.local_airflow import local_airflow
from include.settings import Settings
from include.transform import MODELS_ONLY

log = logging.getLogger(__name__)

EVENTS = 20
IDLE_SECONDS = 30.0
#: The runs of the benchmark alone: the DAG's schedule would start others between them.
NO_SCHEDULE = {"AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False"}


@dataclass(frozen=True)
class MicroBatch:
    """What was measured on one history: ours Airflow from trigger to published, floor the bare `dbt build`, seconds.

    cpu: the same in seconds of all cores. tasks: the median of how long each ran. idle: Airflow's share of a core at
    rest.
    """

    export: str
    wall: Comparison
    cpu: Comparison
    tasks: dict[str, float]
    idle: float


def measure_microbatch(export: Export, scratch: Path, runs: int) -> MicroBatch:
    """Load the export into two identical homes, then bring the same batches to both, in turn; the first does not count.

    Raises BenchmarkError when a run fails, StartError when Airflow does not start.
    """
    ours = Settings(home=scratch / "airflow", ga4_export=export.folder)
    bare = replace(ours, home=scratch / "bare")
    log.info("micro-batch: loading the history")
    dbt_build(bare, *MODELS_ONLY)
    shutil.copytree(bare.home, ours.home, ignore=shutil.ignore_patterns("dbt_target", "logs"))
    mark(ours, TRIAL)
    os.environ.update(NO_SCHEDULE)
    dag_runs, builds = [], []
    with local_airflow(ours) as airflow:
        airflow.wait_until_healthy()
        with airflow.client() as client:
            await_dag(client)
            idle = idle_share(IDLE_SECONDS)
            for number in range(runs + 1):
                log.info("micro-batch: %s", f"pair {number} of {runs}" if number else "warming up")
                dag_runs.append(run_dag(client, {"events": EVENTS, "seed": number}))
                land_same(ours, bare)
                builds.append(dbt_build(bare, *NO_UNIT_TESTS))
    return MicroBatch(
        export=export.what,
        wall=Comparison(tuple(run.seconds for run in dag_runs[1:]), tuple(build.usage.wall for build in builds[1:])),
        cpu=Comparison(tuple(run.cpu for run in dag_runs[1:]), tuple(build.usage.cpu for build in builds[1:])),
        tasks=medians([run.tasks for run in dag_runs[1:]]),
        idle=idle,
    )


def land_same(source: Settings, target: Settings) -> None:
    """Copy the streamed batches that `target` lacks, with their file times: the same versions."""
    for path in sorted(source.streamed_events.glob("*.ndjson")):
        if not (target.streamed_events / path.name).exists():
            shutil.copy2(path, target.streamed_events)
