"""The settings Airflow is started with, and its secrets."""

from __future__ import annotations

import json
import stat
from dataclasses import asdict
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from include.airflow_env import USER, airflow_env, deployment_secrets, passwords_file
from include.settings import PROJECT, Settings


def test_secrets_are_made_once_and_only_their_owner_can_read_them(settings: Settings) -> None:
    made = deployment_secrets(settings)
    assert deployment_secrets(settings) == made
    assert len(set(asdict(made).values())) == 4
    Fernet(made.fernet_key.encode())
    for path in (settings.home / "airflow" / "secrets.json", passwords_file(settings)):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(passwords_file(settings).read_text()) == {USER: made.password}


def test_damaged_secrets_say_what_to_do(settings: Settings) -> None:
    deployment_secrets(settings)
    (settings.home / "airflow" / "secrets.json").write_text("{}")
    with pytest.raises(ValueError, match=r"secrets\.json is damaged\. Delete it"):
        deployment_secrets(settings)


def test_all_state_stays_in_the_home_and_the_code_in_the_project(settings: Settings) -> None:
    env = airflow_env(settings, deployment_secrets(settings))
    docs = json.loads(env.pop("AIRFLOW__COSMOS__DBT_DOCS_PROJECTS"))
    assert docs["attribution"]["dir"] == str(settings.dbt_docs)
    assert settings.dbt_docs.is_relative_to(settings.home)
    paths = {
        name: value.removeprefix("sqlite:///") for name, value in env.items() if "/" in value and "http" not in value
    }
    outside = {name for name, value in paths.items() if not Path(value).is_relative_to(settings.home)}
    assert outside == {
        "PYTHONPATH",
        "ATTRIBUTION_PROJECT",
        "AIRFLOW__CORE__DAGS_FOLDER",
        "AIRFLOW__CORE__PLUGINS_FOLDER",
    }
    assert all(Path(paths[name]).is_relative_to(PROJECT) for name in outside)
