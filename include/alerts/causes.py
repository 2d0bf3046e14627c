"""Why a task failed, in words for whoever is called at night.

The task's own process writes it down as it fails (`note`); whoever tells of the run reads it (`noted`).
"""

from __future__ import annotations

import json
import os
import re
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import quote

from airflow.sdk.log import redact  # type: ignore[attr-defined]

from include.alerts.outbox import folder
from include.durable import write_text
from include.settings import Settings

HIDDEN = "***"
SHORTEST = 6
NAMES = re.compile(r"KEY|SECRET|TOKEN|PASSW|CREDENTIAL|_CONN(_|$)|SQL_ALCHEMY_CONN", re.IGNORECASE)
USER_INFO = re.compile(r"(?<=://)[^/\s@]+@")

LONGEST = 1500
KEPT_SECONDS = 7 * 86_400

#: What an error's text says -> what it means. Our own errors say it themselves and stand in none of these.
MEANINGS = (
    (
        r"No space left on device|Disk quota exceeded|database or disk is full|File too large",
        "The disk is full. Make room, then run it again, or clear the task.",
    ),
    (
        r"disk I/O error",
        "The disk took no more: it is full, or failing. Make room, then run it again, or clear the task.",
    ),
    (r"Could not set lock on file", "The warehouse is open in another process. Close it there, then clear the task."),
    (r"Connection refused|could not connect|OperationalError", "A server that the task needs does not answer."),
    (r"Out of Memory|Cannot allocate memory|MemoryError", "The task ran out of memory."),
    (
        r"SIGKILL|exit code -9|heartbeat|executor .* reported",
        "The task's process was killed or lost: memory ran out, or its worker was stopped. Nothing is half done.",
    ),
    (r"SIGTERM|externally", "The task was stopped from outside."),
    (r"timed? ?out", "It took longer than it may."),
)


@dataclass(frozen=True)
class Cause:
    """Why a task failed. words: for people; rows: how many rows the checks found, None where none were looked at."""

    words: str
    rows: int | None = None


def meaning(text: str) -> str:
    """What an error's text means, and what to do; empty where nothing is known. Pure."""
    return next((words for pattern, words in MEANINGS if re.search(pattern, text, re.IGNORECASE)), "")


def in_words(error: BaseException | str | None) -> str:
    """The cause in plain words, then what the error says. Pure."""
    text = str(error or "").strip()
    if type(error).__module__.startswith("include."):
        said = text
    else:
        said = text if error is None or isinstance(error, str) else f"{type(error).__name__}: {text}".removesuffix(": ")
        means = meaning(said)
        said = f"{means} ({said})" if said and means else said
    if len(said) > LONGEST:
        said = f"{said[:LONGEST]} ..."
    return said or "The task ended without a word; its log may say more."


def _path(settings: Settings, dag_id: str, run_id: str, task_id: str) -> Path:
    return folder(settings) / "causes" / (quote(f"{dag_id} {run_id} {task_id}", safe="") + ".json")


def note(settings: Settings, dag_id: str, run_id: str, task_id: str, error: BaseException | str | None) -> None:
    """Write down why a task failed, without secrets; forgets those of more than a week ago.

    Raises OSError when the home cannot be written.
    """
    path = _path(settings, dag_id, run_id, task_id)
    cause = Cause(without_secrets(in_words(error)), getattr(error, "rows", None))
    write_text(path, json.dumps(asdict(cause)))
    oldest = time.time() - KEPT_SECONDS
    for other in path.parent.glob("*.json"):
        if other.stat().st_mtime < oldest:
            other.unlink(missing_ok=True)


def noted(settings: Settings, dag_id: str, run_id: str, task_id: str) -> Cause:
    """What was written down; for a task that could not write, that it was killed."""
    try:
        return Cause(**json.loads(_path(settings, dag_id, run_id, task_id).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return Cause("Its process ended before it could say why: killed, out of memory, or the disk is full.")


def without_secrets(text: str) -> str:
    """Replace every secret that this process knows by `***`.

    Known are: values of environment variables that are named like a secret, what Airflow masks (passwords and extras
    of the connections that this process has read), and logins in URLs.
    """
    known = {value for name, value in os.environ.items() if NAMES.search(name) and len(value) >= SHORTEST}
    for secret in sorted(known, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return str(redact(USER_INFO.sub(f"{HIDDEN}@", text)))
