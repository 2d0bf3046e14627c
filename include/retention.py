"""Retention (docs/semantics.md L4): what readers no longer see, and the landed rows that nothing they see needs."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from include.landed_rows import TOO_OLD, Outside, Scrubbed, log_outside
from include.settings import SettingError, Settings
from include.variables import read_variables

log = logging.getLogger(__name__)

DAY_US = 86_400_000_000


@dataclass(frozen=True)
class Retained:
    """kept_from: the first UTC date that readers see, None where all is kept; people: those of whom something goes.

    problems: landing files that could not be rewritten, with the remedy; the run must end red.
    outside: old rows in files or tables of the user, which only ERASE_FROM_EXPORT has written.
    """

    kept_from: str | None = None
    people: int = 0
    landing_rows: int = 0
    landing_files: int = 0
    problems: tuple[str, ...] = ()
    outside: tuple[Outside, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The same as plain JSON values."""
        return asdict(self)


def apply_retention(
    settings: Settings, *, day: date, retention_days: int | None = None, lookback_days: int | None = None
) -> Retained:
    """Drop what is older than `retention_days` before `day` (UTC), less what the window still needs.

    The horizon never moves back: what is gone is gone, also when `retention_days` grows or is taken away. The days
    default to dbt_project.yml. The next run of dbt takes the rows out of the tables.

    Raises SettingError for days that would cut a look-back short, WarehouseError when the warehouse is not built or
    cannot be used, HistoryError when the state file is damaged, OSError when the home cannot be written.
    """
    variables = read_variables(settings)
    days = variables.get("retention_days") if retention_days is None else retention_days
    lookback = int(variables["lookback_days"]) if lookback_days is None else lookback_days
    wanted = _wanted(day, days, lookback)
    if settings.bigquery is None:
        from include.retention_duckdb import retain  # noqa: PLC0415 - each engine imports its own

        done = retain(settings, wanted, lookback * DAY_US)
    else:
        from include.retention_bigquery import retain_on  # noqa: PLC0415

        done = retain_on(settings, settings.bigquery, wanted, lookback * DAY_US)
    if done is None:
        return Retained()
    for message in done.scrubbed.problems:
        log.error("%s", message)
    log_outside(done.scrubbed.outside, TOO_OLD)
    first_date = datetime.fromtimestamp(done.kept_from / 1_000_000, UTC).date()
    rows, files, problems = done.scrubbed.rows, done.scrubbed.files, done.scrubbed.problems
    log.info("readers see %s on; %d people lost something, %d landed rows went", first_date, done.people, rows)
    return Retained(f"{first_date}", done.people, rows, files, problems, done.scrubbed.outside)


@dataclass(frozen=True)
class Done:
    """kept_from: the horizon, in microseconds since 1970 UTC; people: how many; scrubbed: what landed rows went."""

    kept_from: int
    people: int
    scrubbed: Scrubbed


def later(wanted: int | None, known: int | None) -> int | None:
    """The later of what is asked for and what was dropped before: neither the horizon nor rows_from moves back."""
    return max((moment for moment in (wanted, known) if moment is not None), default=None)


def _wanted(day: date, days: int | None, lookback: int) -> int | None:
    if days is None:
        return None
    if type(days) is not int or days < lookback + 1:
        raise SettingError(
            f"retention_days is {days!r}; allowed is a whole number of at least {lookback + 1} (lookback_days and "
            "one), or null to keep all. Change it in dbt_project.yml (docs/settings.md)."
        )
    start = datetime.combine(day - timedelta(days=days), datetime.min.time(), UTC)
    return int(start.timestamp()) * 1_000_000
