"""What must hold before a run touches anything, with errors that say what to do."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from include.duckdb_plugin import make_local_state
from include.landing import landed
from include.settings import Settings
from include.transform import load_seeds
from include.warehouse import open_warehouse

log = logging.getLogger(__name__)


class PrepareError(RuntimeError):
    """The deployment cannot run as it is set up; the message says what to change."""


def require_writable(folder: Path) -> None:
    """Raise PrepareError where this user may not write into the folder."""
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PrepareError(
            f"no right to write into {folder}. Give this user the right, or set ATTRIBUTION_HOME elsewhere."
        )


def require_input(settings: Settings, *, events: int) -> None:
    """Raise PrepareError where there is nothing to read and nothing will be streamed."""
    if not settings.ga4_export.is_dir():
        raise PrepareError(
            f"the GA4 export folder {settings.ga4_export} does not exist. Set GA4_EXPORT to the folder of "
            "events_YYYYMMDD.parquet files, or make it."
        )
    if events == 0 and not any(landed(settings).values()):
        raise PrepareError(
            f"nothing has landed: no events_YYYYMMDD.parquet in {settings.ga4_export}, no batch in "
            f"{settings.streamed_events}, and this run streams no events. Put files there, or run with events > 0."
        )


def prepare(settings: Settings, *, events: int) -> list[str]:
    """Make the folders, see that the warehouse opens and that there is something to read, load changed seeds.

    events: how many this run streams. Returns the names of the seeds that were loaded.

    Raises PrepareError for what the user must change, WarehouseBusyError while another process writes the warehouse,
    WarehouseError when its file cannot be used, DbtError when a seed is refused.
    """
    if settings.dbt_target != "local":
        raise PrepareError(
            f"DBT_TARGET is {settings.dbt_target!r}, which the DAG cannot run on yet. Unset it, or set it to local."
        )
    try:
        make_local_state(settings)
    except OSError as error:
        raise PrepareError(
            f"cannot make {error.filename}: {error.strerror}. Give this user the right, or set "
            "ATTRIBUTION_HOME elsewhere."
        ) from error
    for folder in (settings.home, settings.streamed_events, settings.published.parent):
        require_writable(folder)
    with open_warehouse(settings):
        log.info("the warehouse %s opens for writing", settings.warehouse)
    require_input(settings, events=events)
    return list(load_seeds(settings))
