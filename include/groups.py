"""The dbt models of a run as Airflow tasks: one a model, drawn by Cosmos from the manifest.

On DuckDB, which takes one writer at a time, `run_models` builds the models of a group in one dbt process, and the task
of each model takes over its outcome in the triggerer, without a worker. A worker and a dbt process for each model cost
several times as much as the models of a small batch. A model's task that is cleared builds its model on its own, as do
all on BigQuery, where models run side by side.
"""

from __future__ import annotations

import logging
from functools import partial
from operator import attrgetter
from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, TaskGroup, get_parsing_context, task
from airflow.sdk.definitions.context import Context
from airflow.sdk.exceptions import AirflowFailException
from airflow.sdk.types import RuntimeTaskInstanceProtocol
from airflow.triggers.base import StartTriggerArgs
from cosmos import (  # type: ignore[import-untyped]
    DbtTaskGroup,
    ExecutionConfig,
    ProfileConfig,
    ProjectConfig,
    RenderConfig,
)
from cosmos.constants import (  # type: ignore[import-untyped]
    DbtResourceType,
    ExecutionMode,
    InvocationMode,
    LoadMode,
    SeedRenderingBehavior,
    TestBehavior,
)
from cosmos.dbt import runner as cosmos_runner  # type: ignore[import-untyped]
from cosmos.dbt.graph import DbtNode  # type: ignore[import-untyped]
from cosmos.operators.local import DbtRunLocalOperator  # type: ignore[import-untyped]

from include.bigquery_remedies import advice
from include.settings import Settings
from include.transform import PROFILE, DbtError, Selection, log_in, manifest_path, project_runner, run_dbt
from include.turns import keep_turn
from include.warehouse import release

log = logging.getLogger(__name__)

WRITER_POOL = "duckdb_writer"

#: Where BigQuery's models run: each rewrites its own table and adds to the journal, so none waits for another.
SIDE_BY_SIDE = "default_pool"

#: The trigger rule of the task after a group (see dbt_group), by dbt target. On BigQuery all leaves are models.
FOLLOWS = {"local": "one_success", "bigquery": "all_success"}

#: Whether dbt builds a model from nothing because the run asks for it; models whose rules changed do so by themselves.
FULL_REFRESH = "{{ params.get('full_refresh', False) }}"


def make_ready(context: Context) -> None:
    """Before a model's task: see that this run has the turn, and say to dbt who it is.

    Raises TurnTakenError where it has not, WarehouseError where there are no credentials.
    """
    keep_turn(context)
    log_in(Settings.from_env())


def let_go(context: Context, result: object = None) -> None:
    """Close the warehouse when a model's task ends.

    dbt-duckdb would keep it until the process is gone; by then the next task may have the pool's slot and find it
    locked.
    """
    release()


class ModelOperator(DbtRunLocalOperator):  # type: ignore[misc]
    """The task of a model that `run_models` builds: takes the outcome over, or builds the model on its own."""

    def __init__(self, *, built_by: str, model: str, **kwargs: object) -> None:
        """Take Cosmos's arguments; built_by: the task id of `run_models`; model: the model's name."""
        super().__init__(**kwargs)
        self.built_by = built_by
        self.model = model
        self.start_from_trigger = True
        self.start_trigger_args = StartTriggerArgs(
            trigger_cls="include.model_trigger.ModelTrigger",
            trigger_kwargs={"built_by": built_by, "model": model},
            next_method="resume",
        )

    def resume(self, context: Context, event: dict[str, Any]) -> None:
        """Go on in a worker, with what the trigger found.

        Raises AirflowFailException where `run_models` could not build the model, for it has tried again already.
        """
        if not event["alone"]:
            raise AirflowFailException(f"{self.model}: {event['why']}")
        super().execute(context)

    def execute(self, context: Context, **kwargs: object) -> None:
        """Do the same in a run without a triggerer (`make run`), where `run_models` has ended already."""
        said = context["ti"].xcom_pull(task_ids=self.built_by, key=self.model)
        if said is None or said["status"] != "success":
            self.resume(context, {"alone": said is None, "why": said and said["message"]})


def model_task(
    *, node: DbtNode, dag: DAG, task_group: TaskGroup, task_id: str, task_args: dict[str, Any], **_: object
) -> ModelOperator:
    """The task of a node, as Cosmos asks a node converter for it."""
    return ModelOperator(
        built_by=f"{task_group.group_id}.run_models",
        model=node.name,
        dag=dag,
        task_group=task_group,
        task_id=task_id,
        select=f"fqn:{'.'.join(node.fqn)}",
        extra_context={"dbt_node_config": node.context_dict},
        **task_args,
    )


@task(pre_execute=keep_turn)
def run_models(
    selection: Selection, params: dict[str, Any] | None = None, ti: RuntimeTaskInstanceProtocol | None = None
) -> dict[str, int]:
    """Build a group's models in one dbt process; how many ended in each status.

    Raises DbtError naming each model that failed, and why.
    """
    statuses: list[str] = []
    failed: list[str] = []

    def report(name: str, status: str, seconds: float, message: str) -> None:
        statuses.append(status)
        log.info("%s: %s in %.2f s (%s)", name, status, seconds, message)
        if status == "error":
            failed.append(f"{name}: {message}")
        if ti is not None:
            ti.xcom_push(key=name, value={"status": status, "seconds": seconds, "message": message})

    refresh = ["--full-refresh"] if (params or {}).get("full_refresh") else []
    run_dbt(Settings.from_env(), "run", *selection.arguments(), *refresh, "--no-write-json", report=report)
    if failed:
        raise DbtError("; ".join(failed))
    return {status: statuses.count(status) for status in sorted(set(statuses))}


def say_what_to_do(context: Context) -> None:
    """After a model's task has failed on BigQuery: what to do, where it is known, in the task's log."""
    what = advice(str(context.get("exception")))
    if what:
        log.error("%s", what)


def is_drawn(group_id: str) -> bool:
    """Whether the models of a group are to be drawn: everywhere but in a worker, which reads the file for one task."""
    running = get_parsing_context().task_id
    return running is None or (running.startswith(f"{group_id}.") and running != f"{group_id}.run_models")


def dbt_group(group_id: str, selection: Selection, settings: Settings, dag: DAG) -> TaskGroup:
    """A task group with one task a selected model, in dbt's order; on DuckDB `run_models` beside them.

    What follows the group there starts as soon as one of its two leaves succeeds (FOLLOWS): `run_models`, or `built`,
    once the models' own tasks have made up for it. Models write the warehouse, and DuckDB takes one writer at a time:
    hence the pool of one slot. Passing the DAG gives its versions the dbt project's hash.

    Raises FileNotFoundError, saying what to run, where dbt has not written its manifest yet.
    """
    drawn = is_drawn(group_id)
    group = draw(group_id, selection, settings, dag) if drawn else TaskGroup(group_id=group_id, dag=dag)
    if settings.bigquery is None:
        last = list(group.get_leaves())
        run_models.override(pool=WRITER_POOL, task_group=group)(selection)
        last >> EmptyOperator(task_id="built", task_group=group, dag=dag)
    return group


def draw(group_id: str, selection: Selection, settings: Settings, dag: DAG) -> DbtTaskGroup:
    """The group as Cosmos draws it from the manifest.

    Raises FileNotFoundError, saying what to run, where dbt has not written its manifest yet.
    """
    manifest = manifest_path(settings)
    if not manifest.exists():
        raise FileNotFoundError(
            f"no dbt manifest at {manifest}. `make run` and `make up` write it; by hand: cd dbt && dbt parse"
        )
    # Cosmos has no setting for it; without, each model's task reads the parsed project from disk again
    cosmos_runner._get_cached_dbt_runner = partial(project_runner, settings)
    one_process = settings.bigquery is None
    return DbtTaskGroup(
        group_id=group_id,
        dag=dag,
        project_config=ProjectConfig(
            dbt_project_path=settings.dbt_project,
            manifest_path=manifest,
            env_vars=settings.dbt_env() | {"ATTRIBUTION_PREPARED": "true"},  # by the DAG's first task
            install_dbt_deps=False,
            partial_parse=False,  # nor need it copy the parsed project for the task
        ),
        profile_config=ProfileConfig(
            profile_name=PROFILE,
            target_name=settings.dbt_target,
            profiles_yml_filepath=settings.dbt_project / "profiles.yml",
        ),
        execution_config=ExecutionConfig(execution_mode=ExecutionMode.LOCAL, invocation_mode=InvocationMode.DBT_RUNNER),
        render_config=RenderConfig(
            load_method=LoadMode.DBT_MANIFEST,
            select=list(selection.select),
            exclude=list(selection.exclude),
            test_behavior=TestBehavior.NONE,
            seed_rendering_behavior=SeedRenderingBehavior.NONE,
            emit_datasets=False,
            normalize_task_id=attrgetter("name"),  # the task of a model is called like the model
            node_converters={DbtResourceType.MODEL: model_task} if one_process else None,
        ),
        operator_args={
            "pool": WRITER_POOL if one_process else SIDE_BY_SIDE,
            "pre_execute": make_ready,
            "full_refresh": FULL_REFRESH,
            "post_execute": let_go,
            "on_failure_callback": None if one_process else say_what_to_do,
            "on_retry_callback": None if one_process else say_what_to_do,
            # dbt would write manifest.json again in each task, in place, while the DAG processor reads it
            "dbt_cmd_global_flags": ["--no-write-json"],
            "should_store_compiled_sql": False,  # it stands in dbt's target folder, which is not where Cosmos looks
        },
    )
