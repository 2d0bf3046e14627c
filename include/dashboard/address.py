"""Links into Airflow's UI and to the dashboard in it. Imports nothing of the web side: all components load plugins."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

#: Where Airflow mounts the app.
PREFIX = "/attribution"


def _base() -> str:
    from airflow.sdk.configuration import conf  # noqa: PLC0415 - takes seconds, and most deliveries have no alert

    return str(conf.get("api", "base_url", fallback="") or "http://localhost:8080").rstrip("/")


def base_path() -> str:
    """The path under which Airflow answers; empty where that is the root of its host."""
    return urlsplit(_base()).path


def dag_link(dag_id: str) -> str:
    """Link to the DAG in the UI, with its docs."""
    return f"{_base()}/dags/{dag_id}"


def run_link(dag_id: str, run_id: str) -> str:
    """Link to the run in the UI."""
    return f"{dag_link(dag_id)}/runs/{quote(run_id)}"


def page_link(page: str) -> str:
    """Link to a page of the dashboard: `operations`, or `docs/` with a path in docs/."""
    return f"{_base()}{PREFIX}/{page}"
