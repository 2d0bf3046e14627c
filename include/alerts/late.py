"""A run that takes too long: Airflow's own deadline, told once a run."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from airflow.sdk.definitions.callback import SyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference

from include.alerts.deliver import deliver
from include.alerts.links import run_link
from include.alerts.message import YELLOW, Alert, length
from include.alerts.outbox import Event, alone, keep_known, put, read_known
from include.settings import Settings

log = logging.getLogger(__name__)

#: For the DAGs that wait for their turn, three hours at most (include/turns.py), and then have much to do.
LONG_RUN_MINUTES = 300

OVER = {"success", "failed"}  # a failed run has had its alert, and keeps its deadline


def deadline(minutes: int) -> DeadlineAlert:
    """Tell where a run has not ended this many minutes after it was queued."""
    callback = SyncCallback(tell_late, kwargs={"minutes": minutes})
    return DeadlineAlert(DeadlineReference.DAGRUN_QUEUED_AT, timedelta(minutes=minutes), callback)


def tell_late(minutes: int, context: dict[str, Any]) -> None:
    """What the executor calls at a missed deadline, in a process that may read connections and no database.

    Airflow hands it the run as its REST API shows it. Raises OSError when the home cannot be written.
    """
    run, settings = context["dag_run"], Settings.from_env()
    dag_id, run_id = str(run["dag_id"]), str(run["dag_run_id"])
    key = f"late {dag_id} {run_id}"
    with alone(settings):
        known = read_known(settings)
        if run["state"] in OVER or key in known.told:
            log.info("%s of %s is over, or was told of", run_id, dag_id)
            return
        lines = (
            ("Run", run_id),
            ("Queued", str(run["queued_at"])),
            ("State", f"{run['state']}, not ended after {length(timedelta(minutes=minutes))}"),
            ("Look", "in the UI which task is at work or waits; readers keep what was published last"),
        )
        event = Event.of_alert(
            key, Alert(YELLOW, f"{dag_id} is late", lines, run_link(dag_id, run_id)), dag_id=dag_id, run_id=run_id
        )
        known.late[dag_id], known.told[key] = run_id, event.at
        put(settings, event)
        keep_known(settings, known)
    deliver(settings, database=False)
