"""Links into Airflow's UI."""

from __future__ import annotations

from urllib.parse import quote

from airflow.sdk.configuration import conf


def run_link(dag_id: str, run_id: str) -> str:
    """Where the UI shows the run."""
    base = str(conf.get("api", "base_url", fallback="http://localhost:8080/")).rstrip("/")
    return f"{base}/dags/{dag_id}/runs/{quote(run_id)}"
