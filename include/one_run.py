"""One run of a DAG in this process, through Airflow; include/reported_run.py starts it and tells what it reports.

Arguments: a file descriptor for progress, one JSON object a line, the DAG's id, and the run's params as JSON.
What else Airflow and dbt have to say goes to standard output and error, which the caller sends to a log file.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Collection
from typing import Any

from airflow.dag_processing.dagbag import DagBag
from airflow.listeners import hookimpl
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.sdk import DAG
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
from airflow.sdk.listener import get_listener_manager
from airflow.sdk.serde import deserialize
from airflow.utils.session import create_session
from sqlalchemy import update

from include.alerts import deliver
from include.alerts.causes import meaning
from include.bigquery_remedies import advice
from include.groups import ModelOperator
from include.metadata import migrate
from include.preload import import_modules
from include.sensing import NewsSensor
from include.settings import PROJECT, Settings
from include.transform import refresh_manifest
from include.turns import forget_turns


class Progress:
    """Reports each task that ran: id, state, seconds and, where it failed, why."""

    def __init__(self, tell: Callable[[dict[str, Any]], None]) -> None:
        """Report through `tell`."""
        self.tell = tell
        self.started = 0.0

    def _ended(self, task_instance: RuntimeTaskInstance, state: str, **more: str) -> None:
        seconds = round(time.monotonic() - self.started, 2)
        self.tell({"task": task_instance.task_id, "state": state, "seconds": seconds, **more})

    @hookimpl
    def on_task_instance_running(self, previous_state: object, task_instance: RuntimeTaskInstance) -> None:
        """A task starts; they run one after another here."""
        self.started = time.monotonic()

    @hookimpl
    def on_task_instance_success(self, previous_state: object, task_instance: RuntimeTaskInstance) -> None:
        """A task did its work; where it built a group of models, so have the models' tasks."""
        self._ended(task_instance, "success")
        group, _, name = task_instance.task_id.rpartition(".")
        if name == "run_models":
            members = task_instance.task.dag.task_group_dict[group].children
            settle(task_instance, members.keys() - {task_instance.task_id}, "success")

    @hookimpl
    def on_task_instance_skipped(self, previous_state: object, task_instance: RuntimeTaskInstance) -> None:
        """A task had nothing to do; where nothing new landed, neither has any task after it."""
        self._ended(task_instance, "skipped")
        if isinstance(task_instance.task, NewsSensor):
            settle(task_instance, task_instance.task.get_flat_relative_ids(upstream=False), "skipped")

    @hookimpl
    def on_task_instance_failed(
        self, previous_state: object, task_instance: RuntimeTaskInstance, error: object
    ) -> None:
        """A task failed."""
        detail = getattr(error, "report", "") or advice(str(error)) or meaning(str(error))
        self._ended(task_instance, "failed", error=str(error), detail=detail)


def settle(task_instance: RuntimeTaskInstance, task_ids: Collection[str], state: str) -> None:
    """Set the state of other tasks of the run in one step: `dag.test` would take each in turn, and some time for it."""
    with create_session() as session:
        session.execute(
            update(TaskInstance)
            .where(TaskInstance.dag_id == task_instance.dag_id, TaskInstance.run_id == task_instance.run_id)
            .where(TaskInstance.task_id.in_(task_ids))
            .values(state=state)
        )


def load_dag(dag_id: str) -> DAG:
    """The DAG, from its file, which has its name.

    Raises ImportError, with the cause, when the file cannot be imported.
    """
    bag = DagBag(str(PROJECT / "dags" / f"{dag_id}.py"))
    for file, error in bag.import_errors.items():
        raise ImportError(f"{file}: {error}")
    return bag.dags[dag_id]


def returned(ended: DagRun) -> dict[str, Any]:
    """What each task of the run returned, for those that returned something."""
    found = {one.task_id: deserialize(one.xcom_pull(one.task_id)) for one in ended.get_task_instances()}
    return {task: value for task, value in found.items() if value is not None}


def run(dag_id: str, params: dict[str, Any], tell: Callable[[dict[str, Any]], None]) -> bool:
    """Run the DAG once with these params; whether it ended well.

    The last line told has the whole run's state and what its tasks returned.
    """
    settings = Settings.from_env()
    migrate()
    forget_turns(settings)  # a run that a stopped deployment left open has no scheduler
    refresh_manifest(settings)
    dag = load_dag(dag_id)
    for task in dag.tasks:
        task.retries = 0  # a user who waits at the command line learns the cause at once and tries again
        if isinstance(task, ModelOperator):
            task.set_upstream(dag.get_task(task.built_by))  # there is no triggerer in which it would wait
    dag.deadline = None  # a scheduler's business; `dag.test` stumbles over it as the run ends
    import_modules(settings)
    get_listener_manager().add_listener(Progress(tell))  # type: ignore[no-untyped-call]
    ended = dag.test(run_conf=params)
    states = Counter(str(instance.state) for instance in ended.get_task_instances())
    tell({"run": ended.run_id, "state": str(ended.state), "states": dict(states), "returned": returned(ended)})
    deliver.finish()
    return str(ended.state) == "success"


def main(arguments: list[str]) -> int:
    """Exit code 0 for a run that ended well, else 1."""
    with os.fdopen(int(arguments[0]), "w", buffering=1) as progress:

        def tell(event: dict[str, Any]) -> None:
            progress.write(json.dumps(event, default=str) + "\n")  # what a task returned may hold an amount

        try:
            return 0 if run(arguments[1], json.loads(arguments[2]), tell) else 1
        except Exception as error:
            tell({"run": None, "state": "failed", "error": str(error), "detail": meaning(str(error))})
            raise


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
