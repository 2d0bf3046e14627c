"""What must hold before a run touches anything, with errors that say what to do."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from include.duckdb_plugin import make_local_state
from include.home_kind import Asked, HomeKindError, decided, keep, settle
from include.landing import landed
from include.settings import BigQuery, Settings
from include.transform import DbtError, load_seeds, prepare_warehouse
from include.warehouse import WarehouseBusyError, WarehouseError, open_warehouse

log = logging.getLogger(__name__)


class PrepareError(RuntimeError):
    """The deployment cannot run as it is set up; the message says what to change."""


class NothingLandedError(PrepareError):
    """There is nothing to read yet."""


def require_writable(folder: Path) -> None:
    """Raise PrepareError where this user may not write into the folder."""
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PrepareError(
            f"no right to write into {folder}. Give this user the right, or set ATTRIBUTION_HOME elsewhere."
        )


def require_input(settings: Settings, *, events: int, waits: bool) -> None:
    """Raise PrepareError where there is nothing to read, nothing will be streamed, and the run does not wait for it."""
    if not settings.ga4_export.is_dir():
        raise PrepareError(
            f"the GA4 export folder {settings.ga4_export} does not exist. Set GA4_EXPORT to the folder of "
            "events_YYYYMMDD.parquet files, or make it."
        )
    if events == 0 and not waits and not any(landed(settings).values()):
        raise NothingLandedError(
            f"nothing has landed: no events_YYYYMMDD.parquet in {settings.ga4_export}, no batch in "
            f"{settings.streamed_events}. Put files there, or ask for demo data with `make run` or `DEMO=1 make up` "
            "(SIMULATE=true in containers)."
        )


def prepare_bigquery(settings: Settings, place: BigQuery, *, events: int) -> None:
    """Make the home, the datasets and the table of streamed events, see that there is something to read."""
    from include.bigquery_setup import SetupError, set_up  # noqa: PLC0415 - Google's client takes a second to import

    settings.home.mkdir(parents=True, exist_ok=True)
    require_writable(settings.home)
    try:
        set_up(place, events=events)
    except WarehouseBusyError:  # over by itself: Airflow tries again
        raise
    except (SetupError, WarehouseError) as error:
        raise PrepareError(str(error)) from error


def prepare(settings: Settings, *, events: int | None, waits: bool = False) -> list[str]:
    """See that settings and warehouse will do and that there is something to read, load changed seeds.

    events: how many this run simulates; None: as the home says. waits: the run waits until something lands. Returns the
    names of the seeds that were loaded.

    Raises NothingLandedError where nothing is there to read, PrepareError and HomeKindError for what the user must
    change, WarehouseBusyError while another process writes the warehouse or
    BigQuery cannot do it now, WarehouseError when the file cannot be used, DbtError when a seed is refused.
    """
    try:
        if settings.bigquery is None:
            make_local_state(settings)
        settle(settings)
        try:
            count = decided(settings, Asked(events=events)).events
        except HomeKindError:  # stream_events tells it
            count = 0
        if settings.bigquery is None:
            for folder in (settings.home, settings.streamed_events, settings.published.parent):
                require_writable(folder)
            with open_warehouse(settings):
                log.info("the warehouse %s opens for writing", settings.warehouse)
            require_input(settings, events=count, waits=waits)
        else:
            prepare_bigquery(settings, settings.bigquery, events=count)
        for change in keep(settings):
            log.warning("%s", change)
    except OSError as error:
        raise PrepareError(
            f"cannot make {error.filename}: {error.strerror}. Give this user the right, or set "
            "ATTRIBUTION_HOME elsewhere."
        ) from error
    seeds = list(load_seeds(settings))
    try:
        prepare_warehouse(settings)
    except DbtError as error:
        raise PrepareError(str(error)) from error
    return seeds
