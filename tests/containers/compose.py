"""docker-compose.yml as Compose reads it: merges done, variables filled in, lists and maps in one form."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from include.settings import PROJECT

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
