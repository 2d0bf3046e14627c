"""Settings: from the environment, the home or a default; what is refused, and what of the shell reaches a run."""

from __future__ import annotations

import json
import re
import shutil
import stat
from dataclasses import asdict
from pathlib import Path

import httpx
import pytest
import requests
from cryptography.fernet import Fernet

from include.airflow_env import USER, airflow_env, clean, deployment_secrets, passwords_file
from include.home_kind import keep
from include.settings import PROJECT, SettingError, Settings
from tests.unit.alerts.servers import webhook


def test_nothing_is_erased_from_the_export_unless_told() -> None:
    assert Settings.from_env({}).erase_from_export is False
    assert Settings.from_env({"ERASE_FROM_EXPORT": " True "}).erase_from_export is True


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ERASE_FROM_EXPORT", "yes"),
        ("LATE_MINUTES", "0"),
        ("LATE_MINUTES", "soon"),
        ("STALE_MINUTES", "-1"),
        ("MICROBATCH_SCHEDULE", "hourly"),
        ("MICROBATCH_SCHEDULE", "*/5 * * * * *"),
        ("MICROBATCH_SCHEDULE", "61 * * * *"),
    ],
)
def test_a_value_that_cannot_work_is_refused_by_name(variable: str, value: str) -> None:
    with pytest.raises(SettingError, match=rf"^{variable} is {re.escape(repr(value))}; allowed"):
        Settings.from_env({variable: value})


def test_when_runs_start_by_schedule_and_target() -> None:
    schedules = [Settings.from_env({"MICROBATCH_SCHEDULE": one}) for one in ("", "none", "0 * * * *")]
    assert [one.schedule for one in schedules] == ["continuous", None, "0 * * * *"]
    on_bigquery = Settings.from_env({"DBT_TARGET": "bigquery", "GCP_PROJECT": "p", "GA4_DATASET": "p.ga4"})
    assert on_bigquery.schedule == "*/5 * * * *"
    waits = [one.wait_seconds for one in (*schedules, Settings.from_env({"LATE_MINUTES": "6"}))]
    assert waits == [300, 240, 240, 60]


def test_connections_of_alerts_may_be_named() -> None:
    told = Settings.from_env({"ALERT_CONNECTIONS": "a, b"})
    assert (told.alert_connections, told.alert_connections_named) == (("a", "b"), True)


def read(home: Path, **environment: str) -> Settings:
    """The settings as a command reads them."""
    return Settings.from_env({"ATTRIBUTION_HOME": str(home), **environment})


def test_the_environment_wins_then_the_home_then_the_default(tmp_path: Path) -> None:
    home, mine = tmp_path / "home", tmp_path / "mine"
    assert keep(read(home, OWN_DOMAINS="Shop.example, b.example", GA4_EXPORT=str(mine))) == []
    plain = read(home)
    assert (plain.own_domains, plain.ga4_export) == (("shop.example", "b.example"), mine)
    assert keep(plain) == []
    assert read(home, OWN_DOMAINS="c.example").own_domains == ("c.example",)
    assert read(home, OWN_DOMAINS=plain.dbt_env()["OWN_DOMAINS"]).own_domains == plain.own_domains
    none = read(home, OWN_DOMAINS="none", GA4_EXPORT=str(home / "landing" / "ga4"))
    assert Settings.from_env(none.dbt_env()).own_domains == (), "a process that is told of none"
    assert [str(change).partition(":")[0] for change in keep(none)] == [
        "OWN_DOMAINS was shop.example,b.example, is none",
        f"GA4_EXPORT was {mine}, is landing/ga4",
    ]
    assert read(home).own_domains == ()
    shutil.move(home, tmp_path / "moved")
    assert read(tmp_path / "moved").ga4_export == tmp_path / "moved" / "landing" / "ga4"


@pytest.mark.parametrize("text", ["{", "[]", '{"OWN_DOMAINS": 1}'])
def test_a_damaged_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "settings.json").write_text(text)
    with pytest.raises(SettingError, match=r"settings\.json is damaged"):
        read(tmp_path)


def test_settings_of_airflow_and_dbt_do_not_reach_a_run_and_loopback_alone_is_exempt_from_the_proxy() -> None:
    kept = {"DBT_TARGET": "local", "AIRFLOW_CONN_ATTRIBUTION_MAIL": "{}", "HTTPS_PROXY": "http://proxy.example:3128"}
    env = {**kept, "DBT_WARN_ERROR": "true", "AIRFLOW__CORE__EXECUTOR": "X", "AIRFLOW_CONFIG": "/etc/airflow.cfg"}
    env |= {"no_proxy": "intern.example", "NO_PROXY": ".shop.example"}
    assert clean(env) == ["AIRFLOW_CONFIG", "AIRFLOW__CORE__EXECUTOR", "DBT_WARN_ERROR"]
    exempt = "intern.example,.shop.example,127.0.0.1,localhost,::1"
    assert env == {**kept, "no_proxy": exempt, "NO_PROXY": exempt}


@pytest.mark.parametrize("kind", ["", "http://", "socks5h://", "socks://", "socks4://"])
@pytest.mark.parametrize("name", ["HTTP_PROXY", "all_proxy"])
def test_this_machine_is_reached_whatever_the_proxy(name: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for other in ("HTTP_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(other, raising=False)
        monkeypatch.delenv(other.lower(), raising=False)
    env = {name: f"{kind}127.0.0.1:9"}  # where nothing answers
    assert clean(env) == ([name] if kind == "socks4://" else [])
    for cleaned, value in env.items():
        monkeypatch.setenv(cleaned, value)
    with webhook() as server:
        url = f"http://127.0.0.1:{server.port}/"
        assert httpx.post(url, json={}).status_code == 200  # as Airflow's tasks ask
        assert requests.post(url, json={}, timeout=10).status_code == 200


def test_secrets_are_made_once_and_only_their_owner_can_read_them(settings: Settings) -> None:
    made = deployment_secrets(settings)
    assert deployment_secrets(settings) == made
    assert len(set(asdict(made).values())) == 4
    Fernet(made.fernet_key.encode())
    kept = settings.home / "airflow" / "secrets.json"
    for path in (kept, passwords_file(settings)):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(passwords_file(settings).read_text()) == {USER: made.password}
    kept.write_text("{}")
    with pytest.raises(ValueError, match=r"secrets\.json is damaged\. Delete it"):
        deployment_secrets(settings)


def test_all_state_stays_in_the_home_and_the_code_in_the_project(settings: Settings) -> None:
    env = airflow_env(settings, deployment_secrets(settings))
    docs = json.loads(env.pop("AIRFLOW__COSMOS__DBT_DOCS_PROJECTS"))
    assert docs["attribution"]["dir"] == str(settings.dbt_docs)
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
