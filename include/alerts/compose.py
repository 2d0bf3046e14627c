"""What to say of a run that ended, from Airflow's database, what its tasks noted, and what readers see.

Runs in a process that may use the database: never in a task.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from airflow.models.taskinstance import TaskInstance
from airflow.utils.session import create_session
from sqlalchemy import select

from include.alerts import GREEN, RED
from include.alerts.causes import Cause, noted, without_secrets
from include.alerts.outbox import Event, Known
from include.attention import LAST_RUN, needs_attention
from include.dashboard.address import dag_link, page_link, run_link
from include.dashboard.marts import MartsError, open_marts
from include.settings import Settings
from include.wording import clock, counted

#: How much of what needs a person an alert names.
NAMED = 5
FAR = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Run:
    """A run that ended.

    states: of each task. failed: (task_id, link to its log) of those that failed, the first of them first. batch: what
    the run had found to do.
    """

    states: Mapping[str, str | None]
    failed: tuple[tuple[str, str], ...] = ()
    batch: str | None = None


def read_run(event: Event) -> Run:
    """Read the event's run from Airflow's database."""
    with create_session() as session:
        of_run = (TaskInstance.dag_id == event.dag_id, TaskInstance.run_id == event.run_id)
        tasks = {task.task_id: task for task in session.scalars(select(TaskInstance).where(*of_run))}
        failed = [task for task in tasks.values() if task.state == "failed"]
        failed.sort(key=lambda task: (task.end_date or FAR, task.task_id))
        news = tasks.get("await_streamed_rows")
        return Run(
            {name: task.state for name, task in tasks.items()},
            tuple((task.task_id, task.log_url) for task in failed),
            news and news.xcom_pull(task_ids=news.task_id, session=session),
        )


def compose(settings: Settings, event: Event, known: Known) -> str | None:
    """Say what became of a run, and remember that it is red, or no more; None where it is like any other.

    A run that ended well is told where its DAG was red and it did what had failed, or where it was late itself.
    """
    run = read_run(event)
    if not event.good:
        return _failed(settings, event, run, known)
    red = known.red.get(event.dag_id)
    text = None
    if red and "success" in {run.states.get(task) for task in ("publish", red["task"])}:
        lines = [
            f"{GREEN} {event.dag_id} recovered",
            f"Run: {event.run_id}",
            f"Was red: since {_clock(red['since'])}, {counted(red['count'], 'failed run')}",
            *_readers(settings),
        ]
        text = "\n".join(lines)
        del known.red[event.dag_id]
    if known.late.get(event.dag_id) == event.run_id:
        del known.late[event.dag_id]
        return text or f"{GREEN} {event.dag_id}: the late run has ended\nRun: {event.run_id}"
    return text


def _failed(settings: Settings, event: Event, run: Run, known: Known) -> str:
    task, log_link = run.failed[0] if run.failed else (None, run_link(event.dag_id, event.run_id))
    more = f" (and {len(run.failed) - 1} more)" if len(run.failed) > 1 else ""
    if task is None:  # it was stopped as a whole; Airflow's word for it stands in the event
        cause = Cause(f"The run was ended as a whole: {without_secrets(event.message or 'no task of it failed')}")
    else:
        cause = noted(settings, event.dag_id, event.run_id, task)
    red = known.red.get(event.dag_id) or {"since": event.at, "count": 0}
    lines = [
        f"{RED} {event.dag_id} failed in {task or 'the run as a whole'}",
        f"Run: {event.run_id}",
        f"First failed task: {task or 'none'}{more}",
        f"Cause: {cause.words}",
        f"Rows affected: {_affected(cause.rows, run.batch)}",
        *_readers(settings, event.run_id),
        f"What to do: {_what_to_do(event.dag_id, task, cause.words)}",
        *([f"Failed in a row: {red['count'] + 1}, since {_clock(red['since'])}"] if red["count"] else []),
        f"Log: {log_link}",
    ]
    known.red[event.dag_id] = {**red, "count": red["count"] + 1, "task": task}
    return "\n".join(lines)


def _clock(at: float) -> str:
    return clock(datetime.fromtimestamp(at, UTC))


def _affected(rows: int | None, batch: str | None) -> str:
    if rows is not None:
        return f"{rows:,} found by the checks"
    return f"those of {batch}" if batch else "not known; the run did not get as far as a check"


def _what_to_do(dag_id: str, task: str | None, cause: str) -> str:
    if task in {"quality_gate", "audit"}:
        return page_link("docs/runbooks/red_gate.md")
    if "open in another process" in cause:
        return page_link("docs/runbooks/locked_warehouse.md")
    return f'{dag_link(dag_id)}, its docs under "When it is red"'


def _readers(settings: Settings, failed_run: str = "") -> list[str]:
    """Say what readers see now, and what of that needs a person."""
    try:
        marts = open_marts(settings)
        runs, found = marts.ask(LAST_RUN), needs_attention(marts)
    except MartsError as error:
        return [f"Readers see: {error}"]
    lines = []
    for last in runs:
        figures = f"{last['conversions']:,} conversions, ${last['revenue']:,.2f}"
        lines.append(f"Readers see: {last['run_id']}, published {clock(last['published_at'])}: {figures}")
        if last["run_id"] == failed_run:
            lines.append("Note: this run had published before it failed")
    lines += [f"Needs attention: {one.what}" for one in found[:NAMED]]
    if found:
        more = f"{len(found) - NAMED} more: " if len(found) > NAMED else ""
        lines.append(f"All of it: {more}{page_link('operations')}")
    return lines
