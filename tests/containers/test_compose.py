"""docker-compose.yml and the Dockerfile as they are written: what must hold before anything starts."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from include.container import environment, make_secrets
from include.settings import PROJECT, SettingError, Settings
from tests.containers.compose import FILE, services

AIRFLOW = {"api-server", "scheduler", "dag-processor", "triggerer"}
SERVICES = services({})


def test_every_component_is_a_service_with_a_health_check() -> None:
    assert set(SERVICES) == {"secrets", "postgres", "metadata", *AIRFLOW}
    for name in AIRFLOW:
        assert SERVICES[name].command[0] == name
    assert {name for name, one in SERVICES.items() if one.health} == {"postgres", *AIRFLOW}


def test_each_is_limited_restarted_and_only_the_api_server_is_seen_and_only_from_this_machine() -> None:
    for one in SERVICES.values():
        assert {"cpus", "memory"} <= one.written["deploy"]["resources"]["limits"].keys()
        assert one.written["logging"]["options"] == {"max-size": "10m", "max-file": "5"}
        assert not one.health or one.written["restart"] == "unless-stopped"
        assert "no-new-privileges:true" in one.written["security_opt"]
    ports = {name: one.written["ports"] for name, one in SERVICES.items() if "ports" in one.written}
    assert ports == {"api-server": ["127.0.0.1:8080:8080"]}


def test_components_share_image_settings_and_state_and_no_secret_is_written_down() -> None:
    shared = {json.dumps([SERVICES[name].environment, SERVICES[name].written["volumes"]]) for name in AIRFLOW}
    assert len(shared) == 1
    assert {SERVICES[name].written["image"] for name in ("secrets", "metadata", *AIRFLOW)} == {"attribution:local"}
    assert set(FILE.read_text().partition("\nvolumes:\n")[2].split()) == {"home:", "ga4:", "secrets:", "database:"}
    for name, value in {item for one in SERVICES.values() for item in one.environment.items()}:
        assert not any(word in name for word in ("PASSWORD", "SECRET", "KEY", "TOKEN")) or name.endswith("_FILE"), value


def test_a_variable_of_the_shell_reaches_the_components() -> None:
    given = services({"DBT_TARGET": "bigquery", "GA4_FOLDER": "./export", "PORT": "9090"})["scheduler"]
    assert given.environment["DBT_TARGET"] == "bigquery"
    assert "./export:/srv/ga4" in given.written["volumes"]
    assert "DBT_TARGET" not in SERVICES["scheduler"].environment


def test_the_image_runs_without_rights() -> None:
    lines = (PROJECT / "Dockerfile").read_text().splitlines()
    assert [line for line in lines if line.startswith("USER")] == ["USER 50000:50000"]


def test_hadolint_finds_nothing() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("hadolint")), "Dockerfile"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")


def compose() -> list[str] | None:
    """Docker Compose, where it is on this machine; it needs no engine to read a file."""
    if (
        shutil.which("docker")
        and not subprocess.run(
            ["docker", "compose", "version"],  # noqa: S607 - the machine's
            capture_output=True,
            check=False,
        ).returncode
    ):
        return ["docker", "compose"]
    return ["docker-compose"] if shutil.which("docker-compose") else None


@pytest.mark.skipif(compose() is None, reason="Docker Compose is not on this machine (looked for docker compose)")
def test_compose_reads_the_file_as_the_rehearsal_does() -> None:
    command = [*(compose() or []), "config", "--format", "json"]
    env = {**os.environ, "DBT_TARGET": "bigquery"}
    read = json.loads(subprocess.run(command, cwd=PROJECT, env=env, capture_output=True, check=True).stdout)["services"]
    ours = services(env)
    assert read.keys() == ours.keys()
    for name, service in ours.items():
        assert tuple(read[name].get("command") or ()) == service.command
        assert {k: v for k, v in read[name]["environment"].items() if v is not None} == service.environment
        assert tuple(read[name].get("healthcheck", {}).get("test", ["CMD"])[1:]) == (service.health or ())
        after = {other: how["condition"] for other, how in (read[name].get("depends_on") or {}).items()}
        assert after == service.after


def test_secrets_are_made_once_and_the_database_is_reached_with_its_password(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", ga4_export=tmp_path / "ga4")
    env = {"DATABASE_PASSWORD_FILE": str(tmp_path / "run" / "password"), "DATABASE_HOST": "postgres:5432"}
    make_secrets(settings, env)
    password = (tmp_path / "run" / "password").read_text()
    make_secrets(settings, env)
    assert (tmp_path / "run" / "password").read_text() == password
    assert len(password) > 30
    assert stat.S_IMODE((tmp_path / "home" / "airflow" / "secrets.json").stat().st_mode) == 0o600
    made = environment(settings, {**env, "AIRFLOW__API__HOST": "0.0.0.0"})  # noqa: S104 - as the container binds
    assert (
        made["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == f"postgresql+psycopg2://airflow:{password}@postgres:5432/airflow"
    )
    assert made["AIRFLOW__API__HOST"] == "0.0.0.0"  # noqa: S104 - as above
    assert made["AIRFLOW__CORE__EXECUTOR"] == "LocalExecutor"


@pytest.mark.parametrize("missing", ["DATABASE_HOST", "DATABASE_PASSWORD_FILE"])
def test_what_compose_must_say_is_named(tmp_path: Path, missing: str) -> None:
    env = {"DATABASE_HOST": "postgres:5432", "DATABASE_PASSWORD_FILE": str(tmp_path / "password")}
    make_secrets(Settings(home=tmp_path, ga4_export=tmp_path), env)
    del env[missing]
    with pytest.raises(SettingError, match=f"^{missing} is not set"):
        environment(Settings(home=tmp_path, ga4_export=tmp_path), env)
