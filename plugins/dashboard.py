"""Registers the dashboard with Airflow: see include/dashboard."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from airflow.plugins_manager import AirflowPlugin

from include.dashboard.address import PREFIX, base_path
from include.settings import Settings

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.types import Receive, Scope, Send


@cache
def dashboard() -> FastAPI:
    """The application, made for the first request: every component loads plugins, the API server alone serves them."""
    from include.dashboard.app import create_app  # noqa: PLC0415 - as above

    return create_app(Settings.from_env())


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Hand a request on."""
    await dashboard()(scope, receive, send)


class DashboardPlugin(AirflowPlugin):
    """Makes Airflow serve the dashboard and show it in its navigation."""

    name = "attribution_dashboard"
    fastapi_apps = [{"app": app, "url_prefix": PREFIX, "name": "Attribution"}]  # noqa: RUF012 - Airflow's plain lists
    external_views = [  # noqa: RUF012
        {
            "name": "Attribution",
            "href": f"{base_path()}{PREFIX}/",
            "url_route": "attribution",
            "destination": "nav",
            "nav_top_level": True,
        },
    ]
