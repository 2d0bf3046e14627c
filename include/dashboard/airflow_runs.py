"""The last runs of our DAGs and how long their tasks took, from Airflow's metadata."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import numpy as np
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.utils.session import create_session
from sqlalchemy import select

from include.dashboard.access import DAG
from include.dashboard.marts import Row

DAGS = (DAG, "attribution_backfill", "attribution_upkeep")

#: How many runs a page shows, and how far back the durations go.
RUNS, DAYS = 30, 7


def last_runs() -> list[Row]:
    """The last runs of our DAGs that began, latest first; times UTC, seconds None while one is at work."""
    query = (
        select(DagRun)
        .where(DagRun.dag_id.in_(DAGS), DagRun.start_date.is_not(None))
        .order_by(DagRun.start_date.desc(), DagRun.run_id)
        .limit(RUNS)
    )
    with create_session() as session:
        return [
            {
                "dag_id": run.dag_id,
                "run_id": run.run_id,
                "state": str(run.state),
                "type": str(run.run_type),
                "started_at": run.start_date,
                "seconds": (run.end_date - run.start_date).total_seconds() if run.end_date and run.start_date else None,
            }
            for run in session.scalars(query)
        ]


def task_seconds() -> list[Row]:
    """How long each task of the micro-batch took in the last DAYS days where it succeeded, in the order of starting.

    Seconds: median, and what 95 in 100 runs do not exceed.
    """
    query = (
        select(TaskInstance.task_id, TaskInstance.duration)
        .where(
            TaskInstance.dag_id == DAG,
            TaskInstance.state == "success",
            TaskInstance.duration.is_not(None),
            TaskInstance.start_date >= datetime.now(UTC) - timedelta(days=DAYS),
        )
        .order_by(TaskInstance.start_date)
    )
    with create_session() as session:
        return durations((task, seconds) for task, seconds in session.execute(query))


def durations(taken: Iterable[tuple[str, float | None]]) -> list[Row]:
    """Median and p95 of each task's seconds, in the order in which tasks first occur. Pure."""
    by_task: dict[str, list[float]] = {}
    for task, seconds in taken:
        by_task.setdefault(task, []).append(seconds or 0.0)
    return [
        {"task": task, "runs": len(all_), "p50_seconds": float(p50), "p95_seconds": float(p95)}
        for task, all_ in by_task.items()
        for p50, p95 in [np.percentile(all_, (50, 95), method="inverted_cdf")]
    ]
