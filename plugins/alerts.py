"""Registers the alerts with Airflow: see include/alerts."""

from __future__ import annotations

import time

from airflow.listeners import hookimpl
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.plugins_manager import AirflowPlugin
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

from include.alerts import causes, deliver
from include.alerts.outbox import Event
from include.settings import Settings

OURS = "attribution_"


class Alerts:
    """Listens to the end of runs, and to what makes tasks fail.

    A listener instead of callbacks of the DAGs: it is called in the process that ends a run, whatever ended it, and
    where a DAG's file cannot be read any more. What goes wrong here is logged by Airflow and breaks nothing.
    """

    @hookimpl
    def on_task_instance_failed(
        self, task_instance: RuntimeTaskInstance | TaskInstance, error: BaseException | str | None
    ) -> None:
        """In the task's process, or in the scheduler where that was killed: keep why."""
        if task_instance.dag_id.startswith(OURS):
            run = (task_instance.dag_id, task_instance.run_id, task_instance.task_id)
            causes.note(Settings.from_env(), *run, error)

    @hookimpl
    def on_dag_run_failed(self, dag_run: DagRun, msg: str) -> None:
        """In the scheduler, or in the API server where somebody marked the run as failed."""
        _ended(dag_run, msg, good=False)

    @hookimpl
    def on_dag_run_success(self, dag_run: DagRun, msg: str) -> None:
        """As on_dag_run_failed."""
        _ended(dag_run, msg, good=True)


def _ended(dag_run: DagRun, message: str, *, good: bool) -> None:
    if not dag_run.dag_id.startswith(OURS):
        return
    key = f"{'ended' if good else 'failed'} {dag_run.dag_id} {dag_run.run_id} {dag_run.clear_number}"
    event = Event(key, time.time(), dag_run.dag_id, dag_run.run_id, good, message)
    deliver.hand_over(Settings.from_env(), event)


class AlertsPlugin(AirflowPlugin):
    """Makes Airflow load the listener."""

    name = "attribution_alerts"
    listeners = [Alerts()]  # noqa: RUF012 - Airflow declares this attribute as a plain list
