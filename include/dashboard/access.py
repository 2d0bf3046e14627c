"""Who may see what: Airflow's own login and permissions, on every route.

Airflow does not protect the FastAPI app of a plugin. These are the dependencies it protects its own routes with: a
session cookie or a bearer token says who asks, the auth manager whether he may.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import requires_access_dag
from fastapi import Request

#: The DAG whose results these are. Who may read it may see them.
DAG = "attribution_microbatch"

Guard = Callable[..., Any]

#: The attribution page, and all that both pages are made of: whoever may read the DAG.
sees_marts: Guard = requires_access_dag("GET", param_dag_id=DAG)

#: Runs and their tasks: whoever may read its runs.
sees_runs: Guard = requires_access_dag("GET", DagAccessEntity.RUN, DAG)

#: Raw events, which hold people's data as task logs may: whoever may read its task logs.
sees_raw_events: Guard = requires_access_dag("GET", DagAccessEntity.TASK_LOGS, DAG)


def login_of(request: Request) -> str:
    """Airflow's login page, which leads back to what was asked for."""
    root = request.scope.get("app_root_path") or request.scope.get("root_path", "").removesuffix(mount_of(request))
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return f"{root}/api/v2/auth/login?next={quoted(wanted)}"
