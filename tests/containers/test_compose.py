"""docker-compose.yml and the Dockerfile as they are written: what must hold before anything starts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from include.container import environment, make_secrets
from include.settings import PROJECT, SettingError, Settings
from tests.containers.rehearsal import FILE, services

AIRFLOW = {"api-server", "scheduler", "dag-processor", "triggerer"}
SERVICES = services({})


def test_components_have_limits_and_share_image_settings_and_state_and_no_secret_is_written_down() -> None:
    assert set(SERVICES) == {"secrets", "postgres", "metadata", *AIRFLOW}
    for one in SERVICES.values():
        assert {"cpus", "memory"} <= one.written["deploy"]["resources"]["limits"].keys()
        assert {"max-size", "max-file"} == one.written["logging"]["options"].keys()
        assert not one.health or one.written["restart"] == "unless-stopped"
        assert "no-new-privileges:true" in one.written["security_opt"]
    ports = {name: one.written["ports"] for name, one in SERVICES.items() if "ports" in one.written}
    assert ports == {"api-server": ["127.0.0.1:8080:8080"]}, "seen from this machine alone"
    assert len({json.dumps([SERVICES[name].environment, SERVICES[name].written["volumes"]]) for name in AIRFLOW}) == 1
    assert {SERVICES[name].written["image"] for name in ("secrets", "metadata", *AIRFLOW)} == {"attribution:local"}
    assert set(FILE.read_text().partition("\nvolumes:\n")[2].split()) == {"home:", "ga4:", "secrets:", "database:"}
    for name, value in {item for one in SERVICES.values() for item in one.environment.items()}:
        assert not any(word in name for word in ("PASSWORD", "SECRET", "KEY", "TOKEN")) or name.endswith("_FILE"), value


def test_a_variable_of_the_shell_reaches_the_components() -> None:
    given = services({"DBT_TARGET": "bigquery", "GA4_FOLDER": "./export", "PORT": "9090"})["scheduler"]
    assert given.environment["DBT_TARGET"] == "bigquery"
    assert "./export:/srv/ga4" in given.written["volumes"]
    assert "DBT_TARGET" not in SERVICES["scheduler"].environment


def test_the_image_runs_without_rights_and_hadolint_finds_nothing() -> None:
    lines = (PROJECT / "Dockerfile").read_text().splitlines()
    assert [line for line in lines if line.startswith("USER")] == ["USER 50000:50000"]
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, "Dockerfile"], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_secrets_are_made_once_and_what_compose_must_say_is_named(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", ga4_export=tmp_path / "ga4")
    env = {"DATABASE_PASSWORD_FILE": str(tmp_path / "run" / "password"), "DATABASE_HOST": "postgres:5432"}
    make_secrets(settings, env)
    password = (tmp_path / "run" / "password").read_text()
    make_secrets(settings, env)
    assert (tmp_path / "run" / "password").read_text() == password
    made = environment(settings, {**env, "AIRFLOW__API__HOST": "0.0.0.0"})  # noqa: S104 - as the container binds
    database = f"postgresql+psycopg2://airflow:{password}@postgres:5432/airflow"
    assert made["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == database
    assert made["AIRFLOW__API__HOST"] == "0.0.0.0"  # noqa: S104 - as above
    for missing in env:
        with pytest.raises(SettingError, match=f"^{missing} is not set"):
            environment(settings, {name: value for name, value in env.items() if name != missing})
