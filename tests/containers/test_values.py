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
    ("part", "command"),
    [
        ("apiServer", ["airflow", "api-server"]),
        ("scheduler", ["airflow", "scheduler"]),
        ("dagProcessor", ["airflow", "dag-processor"]),
        ("triggerer", ["airflow", "triggerer"]),
        ("migrateDatabaseJob", ["include.metadata"]),
    ],
)
def test_each_pod_becomes_its_component(part: str, command: list[str]) -> None:
    assert module(VALUES[part]["args"]) == command


def test_workers_are_of_the_executor_and_the_charts_own_commands_work_too() -> None:
    assert VALUES["executor"] == WRITTEN["AIRFLOW__CORE__EXECUTOR"] == "CeleryExecutor"
    assert module(VALUES["workers"]["celery"]["args"]) == ["airflow", "celery", "worker"]
    assert module(["airflow", "db", "check-migrations"]) == ["airflow", "db", "check-migrations"]


def test_what_the_chart_and_the_file_say_counts_more_than_one_machines_settings(started: dict[str, str]) -> None:
    ours = {name: value for name, value in {**WRITTEN, **CHART}.items() if name.startswith("AIRFLOW__")}
    assert {name: started[name] for name in ours} == ours
    here = [name for name, value in started.items() if "127.0.0.1" in value or "sqlite" in value]
    assert here == ["no_proxy", "NO_PROXY"]
    assert "attribution-api-server" in started["no_proxy"].split(",")
    assert started["DBT_TARGET"] == "bigquery"


def test_every_option_is_one_that_airflow_knows() -> None:
    options = [name.split("__")[1:] for name in WRITTEN if name.startswith("AIRFLOW__")]
    assert len(options) > 5
    known = conf.configuration_description
    strange = [
        (section, option)
        for section, option in ((section.lower(), option.lower()) for section, option in options)
        if option not in known.get(section, {}).get("options", {})
    ]
    assert strange == []


def test_every_setting_of_ours_is_a_documented_one() -> None:
    documented = (PROJECT / "docs" / "settings.md").read_text()
    ours = [name for name in WRITTEN if not name.startswith("AIRFLOW")]
    assert [name for name in ours if f"`{name}`" not in documented] == []
    assert WRITTEN["ATTRIBUTION_HOME"] == VALUES["volumeMounts"][0]["mountPath"]


def test_no_secret_is_in_the_file() -> None:
    names = [*WRITTEN, *VALUES["data"], *VALUES]
    secret = ("password", "secret_key", "fernet_key", "fernetkey", "jwtsecret", "token")
    assert [name for name in names if any(word in name.lower() for word in secret) and not name.endswith("Name")] == []


def test_it_is_for_the_airflow_that_is_installed() -> None:
    assert f"apache-airflow=={VALUES['airflowVersion']}" in (PROJECT / "requirements.txt").read_text()
