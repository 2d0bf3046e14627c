"""The DAG's task that streams a simulated batch: only where the home says so, and never what stops a run."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException

from include.home_kind import DEMO, OWN, TRIAL, Asked, HomeKindError, decided, mark
from include.settings import Settings
from include.simulator.stream import stream_batch

if TYPE_CHECKING:
    from include.streaming.streamer import Streamer

log = logging.getLogger(__name__)

#: Seconds between two simulated batches of scheduled runs.
EVERY = 300

WHY_NONE = {
    DEMO: "events is 0",
    OWN: "this home holds your own data",
    TRIAL: "this home holds your own data beside demo data; a run with events above 0 adds to the latter",
    None: "this home holds nothing yet, and no demo data was asked for",
}


def newest(settings: Settings) -> float:
    """When the newest streamed batch landed, in seconds since 1970; 0 where none has."""
    return max((path.stat().st_mtime for path in settings.streamed_events.glob("*.ndjson")), default=0.0)


def simulated_batch(
    settings: Settings, params: dict[str, Any], streamer: Callable[[Settings], Streamer | None], *, scheduled: bool
) -> dict[str, Any]:
    """Stream the simulated events that the run's params and the home ask for; their figures, as JSON.

    Scheduled runs stream a batch each EVERY, however often they come.

    Raises AirflowSkipException, with the reason, where none are asked for and where the simulator fails.
    """
    if params["dry_run"]:
        raise AirflowSkipException("dry run: nothing is simulated")
    try:
        decision = decided(settings, Asked(events=params["events"]))
    except HomeKindError as error:
        raise AirflowSkipException(f"nothing is simulated: {error}") from error
    if not decision.events:
        raise AirflowSkipException(f"nothing is simulated: {WHY_NONE[decision.kind]}")
    if scheduled and time.time() - newest(settings) < EVERY:
        raise AirflowSkipException(f"nothing is simulated: scheduled runs stream a batch each {EVERY} seconds")
    try:
        mark(settings, decision.kind)
        return asdict(stream_batch(settings, streamer(settings), events=decision.events, seed=params["seed"]))
    except Exception as error:
        log.exception("The simulator failed; the run goes on without its events.")
        raise AirflowSkipException(f"the simulator failed: {error}") from error
