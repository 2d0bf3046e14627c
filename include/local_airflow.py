"""Airflow's components on this machine, bound to 127.0.0.1, as children that end with their starter."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from include.airflow_env import DEFAULT_PORT, USER, airflow_env, deployment_secrets
from include.home import StartError
from include.settings import PROJECT, Settings
from include.watchdog import watchdog

COMPONENTS = (
    ("api-server",),
    ("scheduler", "--skip-serve-logs"),  # the API server reads the log files itself: no second open port
    ("dag-processor",),
    ("triggerer", "--skip-serve-logs"),
)
START_SECONDS = 180


def free_port(preferred: int = DEFAULT_PORT) -> int:
    """`preferred` if nothing listens there on 127.0.0.1, else a port the system has free."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise StartError("no port is free on 127.0.0.1")


@dataclass(frozen=True)
class LocalAirflow:
    """A started deployment: where it answers, and its processes."""

    settings: Settings
    port: int
    password: str
    processes: tuple[subprocess.Popen[bytes], ...]

    @property
    def url(self) -> str:
        """Where the UI and the REST API answer."""
        return f"http://127.0.0.1:{self.port}"

    def client(self) -> httpx.Client:
        """A client of the REST API, logged in as the local user.

        Raises httpx.HTTPError when the API server does not let it in.
        """
        answer = httpx.post(
            f"{self.url}/auth/token", json={"username": USER, "password": self.password}, timeout=30, trust_env=False
        )
        answer.raise_for_status()
        token = answer.json()["access_token"]
        return httpx.Client(
            base_url=f"{self.url}/api/v2", headers={"Authorization": f"Bearer {token}"}, timeout=120, trust_env=False
        )

    def ended(self) -> str | None:
        """The name of a component that has ended, or None while all run."""
        for (name, *_), process in zip(COMPONENTS, self.processes, strict=True):
            if process.poll() is not None:
                return name
        return None

    def wait_until_healthy(self, seconds: float = START_SECONDS) -> None:
        """Wait until every component reports that it is healthy.

        Raises StartError when one of them ends, or when the time is over.
        """
        logs = self.settings.home / "logs"
        until = time.monotonic() + seconds
        missing = ["api-server"]
        while time.monotonic() < until:
            name = self.ended()
            if name:
                raise StartError(f"{name} ended while starting; see {logs / f'{name}.log'}")
            missing = unhealthy(self.url)
            if not missing:
                return
            time.sleep(0.5)
        raise StartError(f"not healthy after {seconds:.0f} s: {', '.join(missing)}; see the logs in {logs}")


def unhealthy(url: str) -> list[str]:
    """The components that do not report health; the API server where it does not answer."""
    try:
        health: dict[str, Any] = httpx.get(f"{url}/api/v2/monitor/health", timeout=5, trust_env=False).json()
    except (httpx.HTTPError, ValueError):
        return ["api-server"]
    return [name for name, part in health.items() if part.get("status") != "healthy"]


@contextmanager
def local_airflow(settings: Settings, *, keep: tuple[int, ...] = ()) -> Iterator[LocalAirflow]:
    """Start API server, scheduler, DAG processor and triggerer on this home; stop them when the block ends.

    Each runs in a session of its own, so that Ctrl-C reaches only the starter, which then stops them in order. Their
    output goes to logs/<component>.log in the home. `keep`: file descriptors the children inherit (the home's lock).
    Sets the AIRFLOW__* settings in this process's environment.

    Raises StartError when the metadata database cannot be made.
    """
    keys = deployment_secrets(settings)
    port = free_port()
    os.environ.update(airflow_env(settings, keys, port=port))
    logs = settings.home / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    with (logs / "metadata.log").open("wb") as log:
        made = subprocess.run(
            [sys.executable, "-m", "include.metadata"], cwd=PROJECT, stdout=log, stderr=log, check=False
        )
    if made.returncode != 0:
        raise StartError(f"the metadata database could not be made; see {logs / 'metadata.log'}")
    processes: list[subprocess.Popen[bytes]] = []
    try:
        with watchdog() as watched:
            for name, *flags in COMPONENTS:
                with (logs / f"{name}.log").open("ab") as log:
                    process = subprocess.Popen(  # noqa: S603 - a fixed command
                        [sys.executable, "-m", "airflow", name, *flags],
                        cwd=PROJECT,
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=subprocess.STDOUT,
                        start_new_session=True,
                        pass_fds=keep,
                    )
                processes.append(process)
                print(process.pid, file=watched)
            yield LocalAirflow(settings, port, keys.password, tuple(processes))
    finally:
        for process in processes:
            process.wait()
