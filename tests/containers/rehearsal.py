"""docker-compose.yml as Compose reads it, and its services as processes of this machine.

Each runs its own command with its own environment, on a copy of what the image holds, in the order that depends_on
says. What only containers have is put in its place: names of services by 127.0.0.1 and free ports, volumes by folders.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import yaml

from include.local_airflow import LocalAirflow, free_port
from include.settings import PROJECT, Settings
from tests.containers import postgres

PATIENCE_SECONDS = 900
FILE = PROJECT / "docker-compose.yml"
VARIABLE = re.compile(r"\$\{(\w+):-([^}]*)\}")


@dataclass(frozen=True)
class Service:
    """What Compose would start. environment: without the names that nobody set. health: None where it has no check."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    health: tuple[str, ...] | None
    after: Mapping[str, str]
    written: Mapping[str, Any]


def services(variables: Mapping[str, str]) -> dict[str, Service]:
    """The services, with these variables as the shell's."""
    text = VARIABLE.sub(lambda found: variables.get(found[1]) or found[2], FILE.read_text())
    assert "${" not in text, "a form of variable that this does not read"
    written = yaml.safe_load(text)["services"]
    return {name: _service(name, one, variables) for name, one in written.items()}


def _service(name: str, written: Mapping[str, Any], variables: Mapping[str, str]) -> Service:
    given = {key: variables.get(key) if value is None else str(value) for key, value in written["environment"].items()}
    health = written.get("healthcheck", {}).get("test")
    assert health is None or health[0] == "CMD"
    return Service(
        name=name,
        command=tuple(written.get("command", ())),
        environment={key: value for key, value in given.items() if value is not None},
        health=None if health is None else tuple(health[1:]),
        after={other: how["condition"] for other, how in written.get("depends_on", {}).items()},
        written=written,
    )


def entrypoint() -> tuple[str, ...]:
    """What the image starts a command with."""
    (line,) = re.findall(r"^ENTRYPOINT (\[.*\])$", (PROJECT / "Dockerfile").read_text(), re.MULTILINE)
    return tuple(json.loads(line))


def copied() -> tuple[str, ...]:
    """The folders of the project that the image holds in its working directory."""
    found = re.findall(r"^COPY (\w+) /opt/attribution/(\w+)$", (PROJECT / "Dockerfile").read_text(), re.MULTILINE)
    assert found
    assert all(source == target for source, target in found)
    return tuple(source for source, _ in found)


@dataclass
class Rehearsal:
    """A deployment under `root`; `logs/SERVICE.log` there is what each said."""

    root: Path
    services: dict[str, Service]
    port: int = field(default_factory=partial(free_port, 0))
    database_port: int = field(default_factory=partial(free_port, 0))
    health_port: int = field(default_factory=partial(free_port, 0))
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

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
        return {**machine, "HOME": str(self.home), "PYTHONPATH": str(self.root / "image"), **ports, **own}

    def arguments(self, parts: tuple[str, ...]) -> list[str]:
        """A command line as it is on this machine."""
        return [sys.executable if part == "python" else self.here(part) for part in parts]

    def start(self, name: str) -> None:
        """Start a service as Compose does, after what it waits for."""
        service = self.services[name]
        for other, condition in service.after.items():
            self.wait_for(other, condition)
        line, folder, more = self.arguments((*entrypoint(), *service.command)), "image", {}
        environment = self.environment(service)
        if name == "postgres":
            postgres.make(self.root / "database", environment)
            line = postgres.command(self.root / "database", self.database_port)
            folder, more = "database", postgres.AS_USER
        with (self.root / "logs" / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                line,
                cwd=self.root / folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **more,  # type: ignore[call-overload]
            )

    def wait_for(self, name: str, condition: str) -> None:
        """Wait for what another service waits for of this one."""
        if condition == "service_completed_successfully":
            assert self.running[name].wait(PATIENCE_SECONDS) == 0, self.said(name)
        else:
            assert condition == "service_healthy"
            self.wait_until_healthy(name)
            if name == "postgres":
                environment = self.environment(self.services[name])
                postgres.make_database(self.root / "database", environment, self.database_port)

    def wait_until_healthy(self, name: str) -> None:
        """Wait until the service's own health check passes."""
        until = time.monotonic() + PATIENCE_SECONDS
        while not self.healthy(name):
            assert time.monotonic() < until, self.said(name)
            time.sleep(1)

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

    def said(self, name: str) -> str:
        """The end of what the service said."""
        return f"{name}: " + (self.root / "logs" / f"{name}.log").read_text(errors="replace")[-3000:]

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
    """All services, started; gone when the block ends."""
    root.chmod(0o755)  # PostgreSQL's user goes through it
    for folder in ("home", "ga4", "secrets", "logs", "image"):
        (root / folder).mkdir()
    for folder in copied():
        shutil.copytree(
            PROJECT / folder, root / "image" / folder, ignore=shutil.ignore_patterns("target", "__pycache__")
        )
    made = Rehearsal(root, services(variables))
    try:
        for name in made.services:
            made.start(name)
        yield made
    finally:
        for process in reversed(made.running.values()):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
