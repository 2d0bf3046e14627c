"""Deletion on BigQuery: the tombstones are a table beside the models, landed rows lie in tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from include.deletion.bigquery_scrub import REMEDY, erase, look, outside, scrub
from include.deletion.tombstones import BIGQUERY, COLUMNS, NEVER, TABLE, Tombstone, arrays, merged
from include.history import earliest
from include.journal import STAGING, read_again
from include.landed_rows import Outside, Scrubbed
from include.settings import BigQuery, Settings
from include.store_bigquery import BigQueryStore, open_bigquery
from include.warehouse import NotBuiltError

#: What tells whose a row is, and what dbt makes before its first model.
NEEDED_TABLES = ("stg_ga_events", "stg_streamed_events", "int_events", "int_journal", TABLE)

_SAME = "concat(kind, ':', key_hash, ':', cast(from_at as string), ':', cast(until_at as string))"
_FORGET = f"delete from {TABLE} where {_SAME} in unnest($same)"  # noqa: S608 - constants
_WRITE = f"insert into {TABLE} ({', '.join(COLUMNS)}) select {', '.join(COLUMNS)} from {BIGQUERY.given} as given"  # noqa: S608


class Tables:
    """The engine of a deletion on BigQuery."""

    def __init__(self, store: BigQueryStore) -> None:
        """The caller opens and closes the store."""
        self.store, self.dialect = store, BIGQUERY

    def add_tombstones(self, added: Iterable[Tombstone]) -> None:
        """Put them beside those that are there; one that is there for the same rows moves on."""
        added = list(added)
        wanted = {replace(one, deleted_at=NEVER) for one in added}
        rows = self.store.rows(f"select {', '.join(COLUMNS)} from {TABLE}")  # noqa: S608 - constants
        known = [one for one in (Tombstone(*row) for row in rows) if replace(one, deleted_at=NEVER) in wanted]
        written = merged((*known, *added))
        same = [f"{one.kind}:{one.key_hash}:{one.from_at}:{one.until_at}" for one in written]
        self.store.run(_FORGET, _WRITE, same=same, **arrays(written))

    def keep_first_event(self) -> None:
        """Remember the first event of all in the table of the history."""
        keep_first_event(self.store)

    def tables_with(self, column: str) -> tuple[dict[str, str], dict[str, str]]:
        """The tables of the dataset, and of the published one."""
        place = self.store.place
        here, there = (self.store.tables_with(column, dataset) for dataset in (place.dataset, place.published))
        return {name: name for name in here}, {name: name for name in there}

    def forget(self) -> None:
        """Drop what runs left beside the tables, which may name anybody."""
        self.store.drop_temporary()


def require_built(store: BigQueryStore) -> None:
    """Raises NotBuiltError where there are no tables to tell whose a row is."""
    if not store.has(*NEEDED_TABLES):
        raise NotBuiltError(
            f"the dataset {store.place.project}.{store.place.dataset} is not built yet; run attribution_microbatch, "
            "then this again"
        )


def keep_first_event(store: BigQueryStore) -> None:
    """Other people's look-back stays what it was, though the first event of all may go (T4)."""
    ((known,),) = store.rows("select min(first_event_at) from kept_history")
    ((here,),) = store.rows("select min(event_at) from int_events where is_timely")
    first = earliest(known, here)
    if first != known:
        store.append("kept_history", [{"first_event_at": first}])


@contextmanager
def open_dataset(settings: Settings, place: BigQuery) -> Iterator[Tables]:
    """The dataset. Raises NotBuiltError where it is not built."""
    with open_bigquery(settings, place) as store:
        require_built(store)
        yield Tables(store)


def scrub_tables(settings: Settings, place: BigQuery, ids: Sequence[str]) -> Scrubbed:
    """Delete every landed row of ours that a tombstone covers, and have the batches that lose lines read again."""
    if not ids:
        return Scrubbed()
    with open_bigquery(settings, place) as store:
        if not store.has(*NEEDED_TABLES):
            return Scrubbed()
        found = look(store, ids)
        read_again(store, ((STAGING[1], batch) for batch, _, _ in found.streamed))
        scrubbed = scrub(store, found)
        if settings.erase_from_export:
            return scrubbed + erase(store, found)
        return scrubbed + Scrubbed(outside=outside(store, found))


def rest_of_tables(settings: Settings, place: BigQuery, ids: Sequence[str]) -> tuple[list[str], tuple[Outside, ...]]:
    """The tables that still hold covered rows: streamed_events and, with ERASE_FROM_EXPORT, those of the export."""
    if not ids:
        return [], ()
    with open_bigquery(settings, place) as store:
        if not store.has(*NEEDED_TABLES):
            return [], ()
        found = look(store, ids)
        left = []
        if found.streamed:
            left.append(
                f"streamed_events still holds {len(found.streamed)} rows of theirs; run attribution_upkeep again"
            )
        if not settings.erase_from_export:
            return left, outside(store, found)
        exported = (f"{place.export}.{table} still holds {count}" for table, (_, count) in found.exported.items())
        return [*left, *(f"{held} rows of theirs. {REMEDY}" for held in exported)], ()
