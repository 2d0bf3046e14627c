"""Who may see what: Airflow's own login and permissions, on every route.

Airflow does not protect the FastAPI app of a plugin. These are the dependencies it protects its own routes with: a
session cookie or a bearer token says who asks, the auth manager whether he may.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import requires_access_dag
from fastapi import Request

from include.dashboard.address import PREFIX, base_path

#: The DAG whose results these are.
DAG = "attribution_microbatch"

Guard = Callable[..., Any]

#: What channels earned, and all that pages are made of: whoever may read the DAG.
sees_marts: Guard = requires_access_dag("GET", param_dag_id=DAG)

#: Runs and the time their tasks took: whoever may read the DAG's runs.
sees_runs: Guard = requires_access_dag("GET", DagAccessEntity.RUN, DAG)

#: Events as they came, which hold people's data as task logs may: whoever may read the DAG's task logs.
sees_raw_events: Guard = requires_access_dag("GET", DagAccessEntity.TASK_LOGS, DAG)


def login_of(request: Request) -> str:
    """Airflow's login page, which leads back to what was asked for."""
    wanted = f"{base_path()}{PREFIX}/{request.url.path.partition(f'{PREFIX}/')[2]}"
    if request.url.query:
        wanted += f"?{request.url.query}"
    return f"{base_path()}/api/v2/auth/login?next={quote(wanted, safe='')}"
