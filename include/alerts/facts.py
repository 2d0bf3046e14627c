"""What there is to say about a run that ended, from Airflow's database, what its tasks noted, and what readers see.

Runs in a process that may use the database: never in a task.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from airflow.models.taskinstance import TaskInstance
from airflow.utils.session import create_session
from sqlalchemy import select

from include.alerts.causes import Cause, noted
from include.alerts.links import dashboard_link, run_link
from include.alerts.outbox import Event
from include.alerts.redaction import without_secrets
from include.attention import needs_attention
from include.dashboard.marts import MartsError, open_marts
from include.settings import Settings
from include.store import read_published

LAST_PUBLISHED = """
select run_id, published_at, conversions, revenue from pipeline_runs order by published_at desc, run_id limit 1
"""
#: How much of what needs a person an alert names.
NAMED = 5
FAR = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Failure:
    """Why a run failed. task: the first that failed; None where none did. batch: what the run had found to do."""

    task: str | None
    others: int
    cause: Cause
    link: str
    batch: str | None


def read_failure(settings: Settings, event: Event) -> Failure:
    """The first task of the event's run that failed, and why.

    A run of which no task failed was stopped as a whole; Airflow's word for it stands in the event.
    """
    with create_session() as session:
        of_run = (TaskInstance.dag_id == event.dag_id, TaskInstance.run_id == event.run_id)
        found = session.scalars(select(TaskInstance).where(*of_run, TaskInstance.state == "failed")).all()
        failed = sorted(found, key=lambda one: (one.end_date or FAR, one.task_id))
        news = session.scalar(select(TaskInstance).where(*of_run, TaskInstance.task_id == "await_streamed_rows"))
        batch = None if news is None else news.xcom_pull(task_ids=news.task_id, session=session)
        if not failed:
            word = without_secrets(event.message or "no task of it failed")
            cause = Cause(f"The run was ended as a whole: {word}")
            return Failure(None, 0, cause, run_link(event.dag_id, event.run_id), batch)
        first = failed[0]
        cause = noted(settings, event.dag_id, event.run_id, first.task_id)
        return Failure(first.task_id, len(failed) - 1, cause, first.log_url, batch)


def state_of(event: Event, task_id: str) -> str | None:
    """The state of a task in the event's run; None where there is none."""
    with create_session() as session:
        return session.scalar(
            select(TaskInstance.state).where(
                TaskInstance.dag_id == event.dag_id,
                TaskInstance.run_id == event.run_id,
                TaskInstance.task_id == task_id,
            )
        )


@dataclass(frozen=True)
class Published:
    """What readers see."""

    run_id: str
    at: datetime
    conversions: int
    revenue: str


def last_published(settings: Settings) -> Published | None:
    """The last run that readers see; None where nothing was published yet."""
    rows = read_published(settings, LAST_PUBLISHED)
    return Published(rows[0][0], rows[0][1], rows[0][2], f"{rows[0][3]:,.2f}") if rows else None


def attention_lines(settings: Settings) -> list[tuple[str, str]]:
    """Lines that name what needs a person in what readers see; none where nothing does, or it cannot be read."""
    try:
        found = needs_attention(open_marts(settings))
    except MartsError:
        return []
    named = [("Needs attention", one.what) for one in found[:NAMED]]
    more = f"{len(found) - NAMED} more: " if len(found) > NAMED else ""
    return [*named, ("All of it", f"{more}{dashboard_link('operations')}")] if found else []
