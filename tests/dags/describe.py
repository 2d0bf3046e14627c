"""Prints, as JSON, what Airflow makes of the dags folder, and what reading it did: run in a process of its own.

The process's environment is the deployment's (include/airflow_env.py), so what is described is what is deployed.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG

from include.settings import PROJECT, Settings
from include.transform import read_manifest, refresh_manifest


def called(task: object, hook: str) -> str | None:
    """The name of the function that Airflow calls around the task's work."""
    return getattr(getattr(task, hook), "__name__", None)


def describe(dag: DAG) -> dict[str, Any]:
    """The parts of a DAG that its readers and operators rely on."""
    assert isinstance(dag.deadline, list)
    return {
        "doc": dag.doc_md,
        "catchup": dag.catchup,
        "max_active_runs": dag.max_active_runs,
        "schedule": repr(dag.timetable),
        "run_types": sorted(getattr(one, "value", one) for one in dag.allowed_run_types or ()),
        "deadlines": [(str(one.interval), one.callback.path) for one in dag.deadline],
        "tasks": {
            task.task_id: {
                "downstream": sorted(task.downstream_task_ids),
                "pool": task.pool,
                "retries": task.retries,
                "backoff": task.retry_exponential_backoff,
                "trigger_rule": str(task.trigger_rule.value),
                "outlets": [outlet.name for outlet in task.outlets],
                "pre_execute": called(task, "_pre_execute_hook"),
                "ends_turn": called(task, "_post_execute_hook") == "end_turn",
                "queues": getattr(task, "queues", None),
                "starts": "triggerer" if task.start_from_trigger else "worker",
                "full_refresh": getattr(task, "full_refresh", None),
            }
            for task in dag.tasks
        },
    }


def main(output: str) -> None:
    """Write the description to `output`."""
    settings = Settings.from_env()
    refresh_manifest(settings)
    DagBag(str(PROJECT / "dags"))  # imports done: what follows is what each later reading costs
    opened: list[str] = []
    contacted: list[str] = []

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            opened.append(str(arguments[0]))
        elif event == "socket.connect":
            contacted.append(str(arguments[1]))
            raise OSError("reading the DAGs must not use the network")

    sys.addaudithook(watch)
    bag = DagBag(str(PROJECT / "dags"))
    read = tuple(opened)
    models = {
        node["name"]: node["fqn"][1]
        for node in read_manifest(settings)["nodes"].values()
        if node["resource_type"] == "model" and node["fqn"][1] != "reports"  # which publishing makes
    }
    description = {
        "dags": {dag_id: describe(dag) for dag_id, dag in bag.dags.items()},
        "import_errors": bag.import_errors,
        "opened": [path for path in read if Path(path).is_relative_to(settings.home)],
        "contacted": contacted,
        "models": models,
    }
    Path(output).write_text(json.dumps(description))


if __name__ == "__main__":
    main(sys.argv[1])
