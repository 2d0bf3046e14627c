"""Links into Airflow's UI and to the pages of docs/ that the dashboard serves there."""

from __future__ import annotations

from urllib.parse import quote


def _base() -> str:
    from airflow.sdk.configuration import conf  # noqa: PLC0415 - takes seconds, and most deliveries have no alert

    return str(conf.get("api", "base_url", fallback="http://localhost:8080/")).rstrip("/")


def run_link(dag_id: str, run_id: str) -> str:
    """Where the UI shows the run."""
    return f"{_base()}/dags/{dag_id}/runs/{quote(run_id)}"


def dag_link(dag_id: str) -> str:
    """Link to the DAG in the UI, with its docs."""
    return f"{_base()}/dags/{dag_id}"


def dashboard_link(page: str) -> str:
    """Link to a page of the dashboard: `operations`, or `docs/` with a path in docs/."""
    from include.dashboard.address import PREFIX  # noqa: PLC0415 - as above

    return f"{_base()}{PREFIX}/{page}"
