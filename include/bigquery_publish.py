"""The statements that give readers the tables of a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from google.cloud import bigquery

from include.settings import BigQuery

#: How a published table says which run it is of: its description begins so.
NOTE = "Published by run "


def _layout(item: Any) -> tuple[object, object]:  # noqa: ANN401 - the client names no type for a listed table
    return item.time_partitioning, item.clustering_fields


def publication(  # noqa: PLR0913 - what there is, and what is to be
    place: BigQuery,
    here: Iterable[Any],
    there: Iterable[Any],
    copies: Mapping[str, str],
    made: Mapping[str, str],
    *,
    again: Mapping[str, str],
) -> list[str]:
    """The statements, in order: views first, which take time, then clones, which take none, then what is made. Pure.

    again: views whose queries are put on the published tables instead, so that they cost nothing until they are read.
    here, there: the listed tables of the warehouse and of the published dataset. A table of another layout cannot be
    replaced: it is dropped just before. A mart that the project has no more goes last.
    """
    ours, theirs = ({item.table_id: item for item in listed} for listed in (here, there))

    def named(dataset: str, table: str) -> str:
        return f"`{place.project}.{dataset}.{table}`"

    def begin(name: str, layout: tuple[object, object]) -> list[str]:
        old = theirs.get(name)
        gone = old is not None and (old.table_type != "TABLE" or _layout(old) != layout)
        kind = "view" if old is not None and old.table_type == "VIEW" else "table"
        return [f"drop {kind} {named(place.published, name)}"] if gone else []

    def filled(name: str, query: str) -> list[str]:
        new = f"create or replace table {named(place.published, name)} options (description = $note) as"
        return [*begin(name, (None, None)), f"{new}\n{query.strip()}"]

    def cloned(name: str, source: str) -> list[str]:
        new = f"create or replace table {named(place.published, name)} clone {named(place.dataset, source)}"
        return [*begin(name, _layout(ours[source])), f"{new} options (description = $note)"]

    def viewed(name: str, query: str) -> list[str]:
        old = theirs.get(name)
        gone = [f"drop table {named(place.published, name)}"] if old is not None and old.table_type != "VIEW" else []
        ours, readers = (f"`{place.project}`.`{dataset}`." for dataset in (place.dataset, place.published))
        return [*gone, f"create or replace view {named(place.published, name)} as\n{query.replace(ours, readers)}"]

    copies = {name: source for name, source in copies.items() if name not in again}
    views = {name: source for name, source in copies.items() if ours[source].table_type == "VIEW"}
    statements = [s for name, source in views.items() for s in filled(name, f"select * from {source}")]  # noqa: S608
    statements += [s for name, source in copies.items() if name not in views for s in cloned(name, source)]
    statements += [s for name, query in made.items() for s in filled(name, query)]
    statements += [s for name, query in again.items() for s in viewed(name, query)]
    stale = (name for name in theirs if name.startswith("mart_") and name not in {*copies, *again})
    return [*statements, *(f"drop table {named(place.published, name)}" for name in stale)]


def run_of(table: bigquery.Table) -> str | None:
    """The run that a published table is of; None where the table is none of ours."""
    text = table.description or ""
    return text.removeprefix(NOTE).rpartition(" at ")[0] if text.startswith(NOTE) else None
