"""The services of docker-compose.yml as processes of this machine.

Each runs its own command with its own environment, on a copy of what the image holds, in the order that depends_on
says. What only containers have is put in its place: names of services by 127.0.0.1 and free ports, volumes by folders.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from include.local_airflow import LocalAirflow
from include.settings import PROJECT, Settings
from tests.containers import postgres
from tests.containers.compose import Service, copied, entrypoint, services
from tests.unit.alerts.servers import free_port

PATIENCE_SECONDS = 900
#: What a killed task and a killed scheduler are found by, in seconds: here it need not be minutes.
SOON = {
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "10",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "15",
}


@dataclass
class Rehearsal:
    """A deployment under `root`; `logs/SERVICE.log` there is what each said."""

    root: Path
    services: dict[str, Service]
    port: int = field(default_factory=free_port)
    database_port: int = field(default_factory=free_port)
    health_port: int = field(default_factory=free_port)
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def home(self) -> Path:
        """The volume `home`."""
        return self.root / "home"

    def here(self, text: str) -> str:
        """The same on this machine."""
        for there, local in (
            ("/var/lib/attribution", str(self.home)),
            ("/srv/ga4", str(self.root / "ga4")),
            ("/run/attribution", str(self.root / "secrets")),
            ("postgres:5432", f"127.0.0.1:{self.database_port}"),
            ("api-server:8080", f"127.0.0.1:{self.port}"),
            ("localhost:8080", f"127.0.0.1:{self.port}"),
            ("localhost:8974", f"127.0.0.1:{self.health_port}"),
            ("0.0.0.0", "127.0.0.1"),  # noqa: S104 - what the container binds is what this replaces
        ):
            text = text.replace(there, local)
        return text

    def environment(self, service: Service) -> dict[str, str]:
        """A service's own environment, and of this process's nothing but what a machine has."""
        machine = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR", "TZ") if name in os.environ}
        own = {name: self.here(value) for name, value in service.environment.items()}
        ports = {
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_PORT": str(self.health_port),
        }
        return {**machine, "HOME": str(self.home), "PYTHONPATH": str(self.root / "image"), **ports, **SOON, **own}

    def arguments(self, parts: tuple[str, ...]) -> list[str]:
        """A command line as it is on this machine."""
        return [sys.executable if part == "python" else self.here(part) for part in parts]

    def start(self, name: str) -> None:
        """Start a service as Compose does, after what it waits for."""
        for other, condition in self.services[name].after.items():
            self.wait_for(other, condition)
        self._launch(name)

    def _launch(self, name: str) -> None:
        service = self.services[name]
        line, environment, more = self.arguments((*entrypoint(), *service.command)), self.environment(service), {}
        if name == "postgres":
            postgres.make(self.root / "database", environment)
            line, more = postgres.command(self.root / "database", self.database_port), postgres.AS_USER
        with (self.root / "logs" / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                line,
                cwd=self.root / "database" if name == "postgres" else self.root / "image",
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **more,  # type: ignore[call-overload]
            )

    def restart_what_ends(self) -> None:
        """What Docker does for `restart: unless-stopped`, until all is over."""
        while not self.over.wait(1):
            for name, process in list(self.running.items()):
                if process.poll() is not None and self.services[name].written.get("restart") == "unless-stopped":
                    self._launch(name)

    def wait_for(self, name: str, condition: str) -> None:
        """Wait for what another service waits for of this one."""
        if condition == "service_completed_successfully":
            assert self.running[name].wait(PATIENCE_SECONDS) == 0, self.said(name)
        else:
            assert condition == "service_healthy"
            self.wait_until_healthy(name)

    def wait_until_healthy(self, name: str) -> None:
        """Wait until the service's own health check passes."""
        until = time.monotonic() + PATIENCE_SECONDS
        while not self.healthy(name):
            assert time.monotonic() < until, self.said(name)
            time.sleep(1)
        if name == "postgres" and not (self.root / "database" / "made").exists():
            self._make_database()

    def wait_until_all_are_healthy(self) -> None:
        """Wait until each service's own health check passes."""
        for name, service in self.services.items():
            if service.health is not None:
                self.wait_until_healthy(name)

    def healthy(self, name: str) -> bool:
        """What the service's health check says now."""
        service = self.services[name]
        assert service.health is not None
        line = self.arguments(service.health)
        if name == "postgres":
            at = ["--host=127.0.0.1", f"--port={self.database_port}"]
            line = [postgres.program(self.root / "database", line[0]), *line[1:], *at]
        image, environment = self.root / "image", self.environment(service)
        return subprocess.run(line, cwd=image, env=environment, capture_output=True, check=False).returncode == 0

    def _make_database(self) -> None:
        own = self.environment(self.services["postgres"])
        at = ["--host=127.0.0.1", f"--port={self.database_port}", f"--username={own['POSTGRES_USER']}"]
        password = Path(own["POSTGRES_PASSWORD_FILE"]).read_text()
        postgres.run(self.root / "database", "createdb", *at, own["POSTGRES_DB"], password=password)
        (self.root / "database" / "made").touch()

    def said(self, name: str) -> str:
        """The end of what the service said."""
        return f"{name}: " + (self.root / "logs" / f"{name}.log").read_text(errors="replace")[-3000:]

    def kill(self, name: str) -> None:
        """End a service and all it started, at once."""
        process = self.running[name]
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def client(self) -> httpx.Client:
        """The REST API, as the user that `login` tells of."""
        told = subprocess.run(
            self.arguments((*entrypoint(), "login")),
            cwd=self.root / "image",
            env=self.environment(self.services["api-server"]),
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        return LocalAirflow(Settings(home=self.home, ga4_export=self.root / "ga4"), self.port, told[3], ()).client()


@contextmanager
def rehearse(root: Path, variables: Mapping[str, str]) -> Iterator[Rehearsal]:
    """All services, the API server healthy; gone when the block ends."""
    root.chmod(0o755)  # PostgreSQL's user goes through it
    for folder in ("home", "ga4", "secrets", "logs", "image"):
        (root / folder).mkdir()
    for folder in copied():
        shutil.copytree(
            PROJECT / folder, root / "image" / folder, ignore=shutil.ignore_patterns("target", "__pycache__")
        )
    made = Rehearsal(root, services(variables))
    restarts = threading.Thread(target=made.restart_what_ends)
    restarts.start()
    try:
        for name in made.services:
            made.start(name)
        made.wait_until_healthy("api-server")
        yield made
    finally:
        made.over.set()
        restarts.join()
        for name in reversed(made.running):
            made.kill(name)
