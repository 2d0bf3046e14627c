"""A run that takes too long: Airflow's own deadline, told once a run."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from airflow.sdk.definitions.callback import SyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference

from include.alerts import YELLOW
from include.alerts.deliver import deliver
from include.alerts.outbox import Event, put
from include.dashboard.address import run_link
from include.settings import Settings
from include.wording import length

#: For the DAGs that wait for their turn, three hours at most (include/turns.py), and then have much to do.
LONG_RUN_MINUTES = 300

OVER = {"success", "failed"}  # a failed run has had its alert, and keeps its deadline


def deadline(minutes: int) -> DeadlineAlert:
    """Tell where a run has not ended this many minutes after it was queued."""
    callback = SyncCallback(tell_late, kwargs={"minutes": minutes})
    return DeadlineAlert(DeadlineReference.DAGRUN_QUEUED_AT, timedelta(minutes=minutes), callback)


def tell_late(minutes: int, context: dict[str, Any]) -> None:
    """Say that a run is late. The executor calls this, in a process that may read connections and no database.

    Airflow hands it the run as its REST API shows it. Raises OSError when the home cannot be written.
    """
    run, settings = context["dag_run"], Settings.from_env()
    if run["state"] in OVER:
        return
    dag_id, run_id = str(run["dag_id"]), str(run["dag_run_id"])
    text = (
        f"{YELLOW} {dag_id} is late\n"
        f"Run: {run_id}\n"
        f"Queued: {run['queued_at']}\n"
        f"State: {run['state']}, not ended after {length(timedelta(minutes=minutes))}\n"
        "Look: in the UI which task is at work or waits; readers keep what was published last\n"
        f"Log: {run_link(dag_id, run_id)}"
    )
    put(settings, Event(f"late {dag_id} {run_id}", time.time(), dag_id, run_id, text=text))
    deliver(settings, database=False)
