"""deploy/helm/values.yaml as it is written: what can be known of it without a cluster and without the chart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from airflow.configuration import conf

from include.container import environment, module
from include.settings import PROJECT, Settings

VALUES: dict[str, Any] = yaml.safe_load((PROJECT / "deploy" / "helm" / "values.yaml").read_text())
WRITTEN = {one["name"]: one["value"] for one in VALUES["env"]}
#: What the chart adds from the secrets that the file names.
CHART = {
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql://airflow:word@db/airflow",
    "AIRFLOW__CORE__FERNET_KEY": "from the secret",
    "AIRFLOW__API__SECRET_KEY": "from the secret",
    "AIRFLOW__API_AUTH__JWT_SECRET": "from the secret",
}


@pytest.fixture
def started(tmp_path: Path) -> dict[str, str]:
    """The environment of a component in its pod."""
    env = {**WRITTEN, "ATTRIBUTION_HOME": str(tmp_path), **CHART}
    return environment(Settings.from_env(env), env)


@pytest.mark.parametrize(
    ("args", "command"),
    [
        (VALUES["apiServer"]["args"], ["airflow", "api-server"]),
        (VALUES["scheduler"]["args"], ["airflow", "scheduler"]),
        (VALUES["dagProcessor"]["args"], ["airflow", "dag-processor"]),
        (VALUES["triggerer"]["args"], ["airflow", "triggerer"]),
        (VALUES["migrateDatabaseJob"]["args"], ["include.metadata"]),
        (VALUES["workers"]["celery"]["args"], ["airflow", "celery", "worker"]),
        (["airflow", "db", "check-migrations"], ["airflow", "db", "check-migrations"]),  # the chart's own
    ],
)
def test_each_pod_becomes_its_component(args: list[str], command: list[str]) -> None:
    assert module(args) == command


def test_what_the_chart_and_the_file_say_counts_more_than_one_machines_settings(started: dict[str, str]) -> None:
    ours = {name: value for name, value in {**WRITTEN, **CHART}.items() if name.startswith("AIRFLOW__")}
    assert {name: started[name] for name in ours} == ours
    here = [name for name, value in started.items() if "127.0.0.1" in value or "sqlite" in value]
    assert here == ["no_proxy", "NO_PROXY"]
    assert "attribution-api-server" in started["no_proxy"].split(",")
    assert started["DBT_TARGET"] == "bigquery"


def test_every_option_and_setting_is_a_known_one_and_no_secret_is_in_the_file() -> None:
    assert VALUES["executor"] == WRITTEN["AIRFLOW__CORE__EXECUTOR"] == "CeleryExecutor"
    options = [name.lower().split("__")[1:] for name in WRITTEN if name.startswith("AIRFLOW__")]
    assert len(options) > 5
    known = conf.configuration_description
    assert [one for one in options if one[1] not in known.get(one[0], {}).get("options", {})] == []
    documented = (PROJECT / "docs" / "settings.md").read_text()
    assert [name for name in WRITTEN if not name.startswith("AIRFLOW") and f"`{name}`" not in documented] == []
    assert WRITTEN["ATTRIBUTION_HOME"] == VALUES["volumeMounts"][0]["mountPath"]
    assert f"apache-airflow=={VALUES['airflowVersion']}" in (PROJECT / "requirements.txt").read_text()
    secret = ("password", "secret_key", "fernet_key", "fernetkey", "jwtsecret", "token")
    names = [name for name in (*WRITTEN, *VALUES["data"], *VALUES) if not name.endswith("Name")]
    assert [name for name in names if any(word in name.lower() for word in secret)] == []
