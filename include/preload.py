"""Pays once, in the scheduler, what every task would pay again: imports, provider discovery and the dbt parse.

LocalExecutor forks its workers from the scheduler, so they inherit all of it: a dbt model's task takes 0.7 s instead of
4.3 s. Nothing here opens a DuckDB connection, which would not survive the fork.
"""

from __future__ import annotations

import gc
import importlib
import logging

from include.settings import Settings
from include.transform import project_runner

log = logging.getLogger(__name__)

MODULES = (
    "airflow.dag_processing.bundles.manager",
    "airflow.sdk.execution_time.task_runner",
    "babel.dates",
    "cosmos.airflow.task_group",
    "cosmos.converter",
    "cosmos.operators.local",
    "daff",
    "dbt.adapters.duckdb",
    "dbt.adapters.duckdb.environments.local",
    "dbt.cli.main",
    "dbt.compilation",
    "dbt.task.build",
    "dbt.task.test",
    "dbt_common.clients.agate_helper",
    "duckdb",
    "include.pipeline",
    "include.sensing",
    "include.simulator.stream",
    "sqlparse.cli",
)


def import_modules(settings: Settings) -> None:
    """Import what the tasks import, and what reading a DAG file does.

    Opening any ObjectStoragePath discovers the providers' file systems and plugins, two seconds of processor time in
    each task and at each reading of a DAG file otherwise.
    """
    from airflow.sdk import ObjectStoragePath  # noqa: PLC0415 - only when preloading

    for module in MODULES:
        importlib.import_module(module)
    with ObjectStoragePath(str(settings.dbt_project / "dbt_project.yml")).open() as file:  # type: ignore[no-untyped-call]
        file.read(1)


def preload(settings: Settings) -> None:
    """Import the modules, have dbt parse the project, and compile its macros.

    One dbt parse registers the adapter and loads its macros, 0.6 s in each task otherwise, and keeps the project.
    Compiling the macros' templates is a third of what dbt does in a task otherwise.

    Raises ImportError or DbtError; the scheduler runs on without the preload then, only slower.
    """
    from dbt.adapters.factory import reset_adapters  # noqa: PLC0415 - as in import_modules
    from dbt_common.clients.jinja import template_cache  # noqa: PLC0415

    import_modules(settings)
    project = project_runner(settings).manifest
    for macro in project.macros.values() if project else ():
        template_cache.get_node_template(macro)
    gc.freeze()  # as after the parse (include/transform.py)
    reset_adapters()  # type: ignore[no-untyped-call]
    log.info("preloaded %d modules and one dbt parse", len(MODULES))
