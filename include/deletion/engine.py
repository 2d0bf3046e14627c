"""What a deletion does in its own way on each engine."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, TypeAlias

from include.landed_rows import Outside, Scrubbed
from include.settings import Settings

if TYPE_CHECKING:
    from include.deletion.bigquery_engine import Tables
    from include.deletion.duckdb_engine import Files

#: An open warehouse in which TABLE holds the tombstones; both have the same methods.
Engine: TypeAlias = "Files | Tables"


def opened(settings: Settings) -> AbstractContextManager[Engine]:
    """The warehouse of this deployment. Raises NotBuiltError where there are no tables to tell whose a row is."""
    # Google's client takes a second to import, which nobody pays on DuckDB
    if settings.bigquery is None:
        from include.deletion.duckdb_engine import open_files  # noqa: PLC0415

        return open_files(settings)
    from include.deletion.bigquery_engine import open_dataset  # noqa: PLC0415

    return open_dataset(settings, settings.bigquery)


def scrub(settings: Settings, ids: Sequence[str]) -> Scrubbed:
    """Take landed rows that a tombstone covers out of what may be written; ids: of the requests that are open.

    With them goes each streamed line that is no JSON and holds one of the ids in quotes. On BigQuery, where looking
    reads every landed row, nothing is done without an open request.
    """
    if settings.bigquery is None:
        from include.deletion.duckdb_engine import take_covered  # noqa: PLC0415 - as above

        return take_covered(settings, ids)
    from include.deletion.bigquery_engine import scrub_tables  # noqa: PLC0415

    return scrub_tables(settings, settings.bigquery, ids)


def landed_rest(settings: Settings, ids: Sequence[str]) -> tuple[list[str], tuple[Outside, ...]]:
    """What of it is left in what is ours, each with the place and what to do, and what is left outside."""
    if settings.bigquery is None:
        from include.deletion.duckdb_engine import rest_of_files  # noqa: PLC0415 - as above

        return rest_of_files(settings, ids)
    from include.deletion.bigquery_engine import rest_of_tables  # noqa: PLC0415

    return rest_of_tables(settings, settings.bigquery, ids)
