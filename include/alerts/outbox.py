"""What happened and was not told yet, one JSON file an event in `alerts/outbox` of the home; and what was told."""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from include.durable import write_text
from include.settings import Settings

log = logging.getLogger(__name__)

KEPT_SECONDS = 30 * 86_400


@dataclass(frozen=True)
class Event:
    """Something that may be worth an alert.

    key: the same for the same thing, so that it is told once. at: when it was noticed, seconds since 1970. good:
    whether the run ended well. message: Airflow's word for how it ended. text: the alert, where it is clear already.
    """

    key: str
    at: float
    dag_id: str = ""
    run_id: str = ""
    good: bool = False
    message: str = ""
    text: str = ""


def folder(settings: Settings) -> Path:
    """Where alerts keep their state."""
    return settings.home / "alerts"


def put(settings: Settings, event: Event) -> None:
    """Write the event down.

    Raises OSError when the home cannot be written.
    """
    digest = hashlib.sha256(event.key.encode()).hexdigest()[:16]
    write_text(folder(settings) / "outbox" / f"{event.at:017.6f}_{digest}.json", json.dumps(asdict(event)))


def pending(settings: Settings) -> list[tuple[Path, Event]]:
    """List the events that wait, oldest first; a damaged file is logged and passed over."""
    found = []
    for path in sorted((folder(settings) / "outbox").glob("*.json")):
        try:
            found.append((path, Event(**json.loads(path.read_text(encoding="utf-8")))))
        except (OSError, ValueError, TypeError):
            log.exception("%s is no alert; delete it", path)
    return found


@dataclass
class Known:
    """What was told before, and what waits to be sent.

    told: key -> when. red: dag_id -> the failed runs since its last good one (since, count, task). late: dag_id ->
    run_id of a run that was told to be late. stale: since when nothing new came, as it was told. set_aside: files that
    were set aside, as it was told, and why. waiting: alerts (text, at) and the connections that want them still.
    """

    told: dict[str, float] = field(default_factory=dict)
    red: dict[str, dict[str, Any]] = field(default_factory=dict)
    late: dict[str, str] = field(default_factory=dict)
    stale: str | None = None
    set_aside: dict[str, str] = field(default_factory=dict)
    waiting: list[dict[str, Any]] = field(default_factory=list)


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """Waits until no other process composes or sends, and keeps them waiting until the block ends."""
    folder(settings).mkdir(parents=True, exist_ok=True)
    with (folder(settings) / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def read_known(settings: Settings) -> Known:
    """What was told. A damaged file counts as nothing: an alert too many, never one too few."""
    path = folder(settings) / "known.json"
    try:
        return Known(**json.loads(path.read_text(encoding="utf-8"))) if path.exists() else Known()
    except (ValueError, TypeError):
        log.exception("%s is damaged and starts anew", path)
        return Known()


def keep_known(settings: Settings, known: Known) -> None:
    """Write down what is known; what was told is forgotten after a month.

    Raises OSError when the home cannot be written.
    """
    oldest = time.time() - KEPT_SECONDS
    known.told = {key: at for key, at in known.told.items() if at > oldest}
    write_text(folder(settings) / "known.json", json.dumps(asdict(known)))
