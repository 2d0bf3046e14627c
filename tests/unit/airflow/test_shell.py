"""What of the shell's environment reaches a run."""

from __future__ import annotations

import httpx
import pytest
import requests

from include.airflow_env import clean
from tests.unit.alerts.servers import webhook

NOWHERE = "127.0.0.1:9"


def test_settings_of_airflow_and_dbt_do_not_reach_a_run() -> None:
    kept = {"DBT_TARGET": "local", "AIRFLOW_CONN_ATTRIBUTION_MAIL": "{}", "OWN_DOMAINS": "shop.example", "PATH": "/bin"}
    env = {**kept, "DBT_WARN_ERROR": "true", "AIRFLOW__CORE__EXECUTOR": "X", "AIRFLOW_CONFIG": "/etc/airflow.cfg"}
    assert clean(env) == ["AIRFLOW_CONFIG", "AIRFLOW__CORE__EXECUTOR", "DBT_WARN_ERROR"]
    assert {name: value for name, value in env.items() if name.lower() != "no_proxy"} == kept


def test_loopback_alone_is_exempt_from_the_users_proxy() -> None:
    env = {"HTTPS_PROXY": "http://proxy.shop.example:3128", "no_proxy": "intern.example", "NO_PROXY": ".shop.example"}
    assert clean(env) == []
    assert env["HTTPS_PROXY"] == "http://proxy.shop.example:3128"
    assert env["no_proxy"] == env["NO_PROXY"] == "intern.example,.shop.example,127.0.0.1,localhost,::1"


@pytest.mark.parametrize(
    "proxy", [NOWHERE, f"http://{NOWHERE}", f"socks5h://{NOWHERE}", f"socks://{NOWHERE}/", f"socks4://{NOWHERE}"]
)
@pytest.mark.parametrize("name", ["HTTP_PROXY", "all_proxy"])
def test_this_machine_is_reached_whatever_the_proxy(name: str, proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for other in ("HTTP_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(other, raising=False)
        monkeypatch.delenv(other.lower(), raising=False)
    env = {name: proxy}
    assert clean(env) == ([name] if proxy.startswith("socks4") else [])
    for cleaned, value in env.items():
        monkeypatch.setenv(cleaned, value)
    with webhook() as server:
        url = f"http://127.0.0.1:{server.port}/"
        assert httpx.post(url, json={}).status_code == 200  # as Airflow's tasks ask
        assert requests.post(url, json={}, timeout=10).status_code == 200
