"""Tombstones on BigQuery: a table beside the models, and the statements that say which rows they cover."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from include.deletion.tombstones import COLUMNS, NEVER, Tombstone, merged
from include.store_bigquery import BigQueryStore

TABLE = "deletion_tombstones"

#: Every landed row that staging holds, in the words of COVERED. A deletion has to look at every bucket: also at copies
#: that lost (E1), which no lookup knows by their person. It reads these columns alone.
STAGED_ROWS = """(
    select 'stg_ga_events' as model, shard, user_id, user_pseudo_id, cast(null as string) as event_id, event_at,
        received_at
    from stg_ga_events where bucket >= 0
    union all
    select 'stg_streamed_events', shard, user_id, user_pseudo_id, event_key, event_at, received_at
    from stg_streamed_events where bucket >= 0
)"""

#: Each of `rows` with each tombstone that covers it; dbt/macros/events/without_deleted.sql says the same for staging.
COVERED = """
select k.* except (kind, key), t.*
from (
    select r.*, keyed.kind, keyed.key
    from {rows} as r
    cross join unnest([
        struct('user' as kind, r.user_id as key),
        struct('device' as kind, r.user_pseudo_id as key),
        struct('anonymous' as kind, if(r.user_id is null, r.user_pseudo_id, null) as key),
        struct('event' as kind, r.event_id as key)
    ]) as keyed
) as k
inner join {tombstones} as t
    on t.kind = k.kind and t.key_hash = to_hex(md5(k.key))
    and coalesce(k.event_at, k.received_at) >= t.from_at
    and coalesce(k.event_at, k.received_at) < t.until_at
    and least(coalesce(k.event_at, k.received_at), k.received_at) < t.deleted_at
"""

#: Tombstones that are in no table, of the values of `arrays`.
GIVEN = """(
    select
        kind, $all_key_hash[offset(place)] as key_hash, $all_from_at[offset(place)] as from_at,
        $all_until_at[offset(place)] as until_at, $all_deleted_at[offset(place)] as deleted_at
    from unnest($all_kind) as kind with offset as place
)"""

_SAME = "concat(kind, ':', key_hash, ':', cast(from_at as string), ':', cast(until_at as string))"
_FORGET = f"delete from {TABLE} where {_SAME} in unnest($same)"  # noqa: S608 - constants
_WRITE = f"insert into {TABLE} ({', '.join(COLUMNS)}) select {', '.join(COLUMNS)} from {GIVEN} as given"  # noqa: S608


def arrays(tombstones: Sequence[Tombstone]) -> dict[str, list[str] | list[int]]:
    """The values that GIVEN names."""
    return {f"all_{column}": [getattr(one, column) for one in tombstones] for column in COLUMNS}


def covered(rows: str, tombstones: str = TABLE) -> str:
    """COVERED as a FROM item. rows: a table or subquery with user_id, user_pseudo_id, event_id and the two times."""
    return f"({COVERED.format(rows=rows, tombstones=tombstones)})"


def read_tombstones(store: BigQueryStore) -> list[Tombstone]:
    """Every tombstone of the table."""
    return [Tombstone(*row) for row in store.rows(f"select {', '.join(COLUMNS)} from {TABLE}")]  # noqa: S608


def add_tombstones(store: BigQueryStore, added: Collection[Tombstone]) -> None:
    """Put them beside those that are there; one that is there for the same rows moves on to the later `deleted_at`."""
    wanted = {replace(one, deleted_at=NEVER) for one in added}
    known = [one for one in read_tombstones(store) if replace(one, deleted_at=NEVER) in wanted]
    written = merged((*known, *added))
    same = [f"{one.kind}:{one.key_hash}:{one.from_at}:{one.until_at}" for one in written]
    store.run(_FORGET, _WRITE, same=same, **arrays(written))
