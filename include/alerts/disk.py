"""A full disk under `make up`: Airflow's own database is on it, so no run ends that could tell."""

from __future__ import annotations

import time

from include.alerts import deliver, outbox
from include.alerts.message import GREEN, RED, Alert
from include.settings import Settings


def tell_disk(settings: Settings, full: str | None) -> None:
    """Tell that the disk is full, in which words, or that it has room again; kept where that can be written."""
    lines = (("Disk", full),) if full else (("Runs", "go on by themselves; clear tasks that are red"),)
    title = f"attribution: the disk {'is full' if full else 'has room again'}"
    event = outbox.Event.of_alert(f"{title} {time.time()}", Alert(RED if full else GREEN, title, lines))
    try:
        outbox.put(settings, event)
    except OSError:
        deliver.start(event, quiet=True)
    else:
        deliver.start(quiet=True)
