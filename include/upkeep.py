"""What the nightly upkeep does around the chain: deletions from request to receipt, and the dbt docs."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import Any

from airflow.sdk.types import DagRunProtocol, RuntimeTaskInstanceProtocol

from include.deletion import Confirmed, DeletionError, confirm_removed, take_requests
from include.deletion.requests import read_requests
from include.landed_rows import DELETED, TOO_OLD, Outside, told
from include.settings import Settings, read_variables
from include.transform import run_dbt

log = logging.getLogger(__name__)


#: How many places outside `make upkeep` names.
SHOWN = 10


class UpkeepError(RuntimeError):
    """The night's work is not complete; the message says what is left."""


def day_of(run: DagRunProtocol | None) -> date:
    """The UTC day that a run is for, the same whenever one of its tasks is run again."""
    if run is None:
        raise ValueError("only a task of a run has a day")
    return run.run_after.astimezone(UTC).date()


def returned(instance: RuntimeTaskInstanceProtocol | None, task_id: str) -> dict[str, Any]:
    """What another task of the run returned, for the task of this instance."""
    value = None if instance is None else instance.xcom_pull(task_ids=task_id)
    if value is None:
        raise UpkeepError(f"{task_id} returned nothing in this run. Clear it, and with it what follows.")
    return dict(value)


def preview(settings: Settings, day: date) -> str:
    """What a night of this day would delete and drop, for whoever asks before it is done; changes nothing."""
    found, days = read_requests(settings), read_variables(settings).get("retention_days")
    asked = f"{len(found.requests)} persons and devices of {len(found.files)} requests would be deleted"
    dropped = f"events before {day - timedelta(days=int(days))} would go" if days else "no retention is set"
    return "; ".join([asked, *(f"refused: {why}" for why in found.refused), dropped])


def take_deletions(settings: Settings) -> dict[str, Any]:
    """Take up the open deletion requests, now; see include.deletion.take_requests."""
    return asdict(take_requests(settings, now=datetime.now(UTC)))


def confirm(settings: Settings) -> dict[str, Any]:
    """Close the requests of which nothing is left in what is ours; Confirmed as JSON and `left`: what is, or null.

    What is left is no error here, so that the rest of the night's work is done first: require_removed raises it.
    """
    try:
        return {**asdict(confirm_removed(settings)), "left": None}
    except DeletionError as error:
        log.exception("not everything is removed")
        return {**asdict(Confirmed()), "left": str(error)}


def require_removed(retained: Mapping[str, Any], confirmed: Mapping[str, Any]) -> None:
    """Raise UpkeepError where the retention met a problem or a deletion is not complete. Pure."""
    left = [*retained["problems"], *([confirmed["left"]] if confirmed["left"] else [])]
    if left:
        raise UpkeepError("; ".join(left))


def write_docs(settings: Settings) -> None:
    """Write the dbt docs as one file, static_index.html.

    In a folder of their own: the manifest that the DAGs are drawn from stays as it is.

    Raises DbtError, with dbt's message, where dbt cannot.
    """
    run_dbt(settings, "docs generate", "--static", "--target-path", str(settings.dbt_docs))


def summary(results: Mapping[str, Any]) -> list[str]:
    """What the tasks of a run did, for whoever waits at the command line, a line each. Pure.

    results: task -> what it returned; tasks that were skipped have nothing there.
    """
    taken, retained, confirmed = (results[task] for task in ("take_deletions", "apply_retention", "confirm_deletions"))
    rows = taken["landing_rows"] + retained["landing_rows"]
    files = taken["landing_files"] + retained["landing_files"]
    proved = results.get("prove")
    kept_from = retained["kept_from"]
    return [
        f"Deleted: {confirmed['removed']} persons and devices of {confirmed['requests']} requests",
        f"Taken out: {rows} rows of {files} landed files",
        f"Kept: events from {kept_from}" if kept_from else "Kept: every event, as no retention is set",
        f"Trimmed: {results['trim_journal']} rows of the journal",
        "Proven: nothing (the log says why)"
        if proved is None
        else f"Proven: {proved['rows']} rows of {len(proved['tables'])} tables are what a rebuild gives",
        *(f"Note: {message}" for message in taken["unknown"]),
        *(f"Outside: {line}" for line in _outside(confirmed["outside"], DELETED)),
        *(f"Outside: {line}" for line in _outside(retained["outside"], TOO_OLD)),
    ]


def _outside(found: Sequence[Mapping[str, Any]], which: str) -> Iterator[str]:
    """What lies in the user's files and tables, the first places of many."""
    yield from (told(Outside(**one), which) for one in found[:SHOWN])
    if len(found) > SHOWN:
        yield f"{len(found) - SHOWN} more files or tables with {which}; the run's log names each"
