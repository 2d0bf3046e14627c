"""Cosmos groups: one Airflow task a dbt model, drawn from the manifest."""

from __future__ import annotations

import logging
from functools import partial
from operator import attrgetter

from airflow.sdk import DAG
from airflow.sdk.definitions.context import Context
from cosmos import (  # type: ignore[import-untyped]
    DbtTaskGroup,
    ExecutionConfig,
    ProfileConfig,
    ProjectConfig,
    RenderConfig,
)
from cosmos.constants import (  # type: ignore[import-untyped]
    ExecutionMode,
    InvocationMode,
    LoadMode,
    SeedRenderingBehavior,
    TestBehavior,
)
from cosmos.dbt import runner as cosmos_runner  # type: ignore[import-untyped]

from include.bigquery_remedies import advice
from include.settings import Settings
from include.transform import PROFILE, Selection, log_in, manifest_path, project_runner
from include.turns import keep_turn
from include.warehouse import release

log = logging.getLogger(__name__)

WRITER_POOL = "duckdb_writer"

#: Where BigQuery's models run: each rewrites its own table and adds to the journal, so none waits for another.
SIDE_BY_SIDE = "default_pool"

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


def say_what_to_do(context: Context) -> None:
    """After a model's task has failed on BigQuery: what to do, where it is known, in the task's log."""
    what = advice(str(context.get("exception")))
    if what:
        log.error("%s", what)


def dbt_group(group_id: str, selection: Selection, settings: Settings, dag: DAG) -> DbtTaskGroup:
    """A task group with one task a selected model, in dbt's order, run by dbt in the task's own process.

    Models write the warehouse; DuckDB takes one writer at a time: hence the pool of one slot. Passing the DAG gives its
    versions the dbt project's hash.

    Raises FileNotFoundError, saying what to run, where dbt has not written its manifest yet.
    """
    manifest = manifest_path(settings)
    if not manifest.exists():
        raise FileNotFoundError(
            f"no dbt manifest at {manifest}. `make run` and `make up` write it; by hand: cd dbt && dbt parse"
        )
    # Cosmos has no setting for it; without, each model's task reads the parsed project from disk again
    cosmos_runner._get_cached_dbt_runner = partial(project_runner, settings)
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
        ),
        operator_args={
            "pool": WRITER_POOL if settings.bigquery is None else SIDE_BY_SIDE,
            "pre_execute": make_ready,
            "full_refresh": FULL_REFRESH,
            "post_execute": let_go,
            "on_failure_callback": None if settings.bigquery is None else say_what_to_do,
            "on_retry_callback": None if settings.bigquery is None else say_what_to_do,
            # dbt would write manifest.json again in each task, in place, while the DAG processor reads it
            "dbt_cmd_global_flags": ["--no-write-json"],
            "should_store_compiled_sql": False,  # it stands in dbt's target folder, which is not where Cosmos looks
        },
    )
