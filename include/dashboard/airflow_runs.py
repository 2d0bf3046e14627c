"""The last runs of our DAGs and how long their tasks took, from Airflow's metadata."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

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


def _utc(moment: datetime | None) -> datetime | None:
    return moment.astimezone(UTC).replace(tzinfo=None) if moment is not None and moment.tzinfo else moment


def last_runs() -> list[Row]:
    """The last runs of our DAGs that began, latest first; times UTC, seconds None while one is at work."""
    columns = (DagRun.dag_id, DagRun.run_id, DagRun.state, DagRun.run_type, DagRun.start_date, DagRun.end_date)
    query = (
        select(*columns)
        .where(DagRun.dag_id.in_(DAGS), DagRun.start_date.is_not(None))
        .order_by(DagRun.start_date.desc(), DagRun.run_id)
        .limit(RUNS)
    )
    with create_session() as session:
        return [_run(row) for row in session.execute(query).all()]


def _run(row: Any) -> Row:  # noqa: ANN401 - SQLAlchemy's
    began, ended = _utc(row.start_date), _utc(row.end_date)
    return {
        "dag_id": row.dag_id,
        "run_id": row.run_id,
        "state": str(row.state),
        "type": str(row.run_type),
        "started_at": began,
        "seconds": (ended - began).total_seconds() if began and ended else None,
    }


def task_seconds(now: datetime | None = None) -> list[Row]:
    """How long each task of the micro-batch took in the last DAYS days where it succeeded, in the order of starting.

    Seconds: median, and what 95 in 100 runs do not exceed.
    """
    since = (now or datetime.now(UTC)) - timedelta(days=DAYS)
    query = (
        select(TaskInstance.task_id, TaskInstance.duration, TaskInstance.start_date)
        .where(
            TaskInstance.dag_id == DAG,
            TaskInstance.state == "success",
            TaskInstance.duration.is_not(None),
            TaskInstance.start_date >= since,
        )
        .order_by(TaskInstance.start_date)
    )
    with create_session() as session:
        found = session.execute(query).all()
    return durations([(task, seconds) for task, seconds, _ in found if seconds is not None])


def durations(taken: Sequence[tuple[str, float]]) -> list[Row]:
    """Median and p95 of each task's seconds, in the order in which tasks first occur. Pure."""
    by_task: dict[str, list[float]] = {}
    for task, seconds in taken:
        by_task.setdefault(task, []).append(seconds)
    return [
        {"task": task, "runs": len(all_), "p50_seconds": float(p50), "p95_seconds": float(p95)}
        for task, all_ in by_task.items()
        for p50, p95 in [np.percentile(all_, (50, 95), method="inverted_cdf")]
    ]
