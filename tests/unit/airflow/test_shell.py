"""What of the shell's environment reaches a run."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator

import httpx
import pytest
import requests

from include.local_airflow import HEALTHY, unhealthy
from include.shell import clean

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


class Healthy(http.server.BaseHTTPRequestHandler):
    """Airflow's health, as far as it is asked for."""

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(("{" + ", ".join(f'"{name}": {{"status": "healthy"}}' for name in HEALTHY) + "}").encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    """A server on this machine."""
    with http.server.HTTPServer(("127.0.0.1", 0), Healthy) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


@pytest.mark.parametrize(
    "proxy", [NOWHERE, f"http://{NOWHERE}", f"socks5h://{NOWHERE}", f"socks://{NOWHERE}/", f"socks4://{NOWHERE}"]
)
@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
def test_this_machine_is_reached_whatever_the_proxy(
    server: str, name: str, proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for other in ("HTTP_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(other, raising=False)
        monkeypatch.delenv(other.lower(), raising=False)
    env = {name: proxy}
    monkeypatch.setenv(name, proxy)
    assert unhealthy(server) == []  # before anything is cleaned
    assert clean(env) == ([name] if proxy.startswith("socks4") else [])
    monkeypatch.delenv(name)
    for cleaned, value in env.items():
        monkeypatch.setenv(cleaned, value)
    assert httpx.get(server).status_code == 200  # as Airflow's tasks ask
    assert requests.get(server, timeout=10).status_code == 200
