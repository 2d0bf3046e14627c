"""Landed rows on BigQuery that are to go: in the tables of the export and in streamed_events."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from include.bigquery_landing import WILDCARDS
from include.deletion.tombstones import BIGQUERY, Tombstone, arrays
from include.ignored_ids import BIGQUERY_USER, USERS, ignored_ids
from include.landed_rows import Outside, Scrubbed
from include.settings import Settings, read_variables
from include.store_bigquery import BigQueryStore, written_out
from include.warehouse import WarehouseError

log = logging.getLogger(__name__)

REMEDY = (
    "Give the identity of google_cloud_default the right to delete rows there (roles/bigquery.dataEditor on the "
    "table), or delete them where the table comes from; then run attribution_upkeep again"
)

_USER = BIGQUERY_USER.format(id="nullif(trim(e.user_id, ' '), '')")
_DEVICE = "nullif(trim(e.user_pseudo_id, ' '), '')"

_TABLES = "select table_id from `{export}.__TABLES__` where regexp_contains(table_id, r'^{prefix}[0-9]+$')"

#: The export's rows with the columns of `covered`; a row counts as arrived at noon of the day after (E4).
_EXPORTED = f"""(
    select
        concat('{{prefix}}', e._table_suffix) as shard, {_USER} as user_id, {_DEVICE} as user_pseudo_id,
        cast(null as string) as event_id, e.event_timestamp as event_at,
        unix_micros(timestamp_add(
            timestamp(parse_date('%Y%m%d', right(concat('{{prefix}}', e._table_suffix), 8))), interval 36 hour
        )) as received_at
    from `{{export}}.{{prefix}}*` as e
    where e._table_suffix in unnest($suffixes)
)"""  # noqa: S608 - settings

_DELETE_EXPORTED = f"""
delete from `{{export}}.{{table}}` as e
where exists (
    select 1
    from {BIGQUERY.given} as t
    cross join unnest([coalesce(e.event_timestamp, $received_at)]) as happened_at
    where t.key_hash = to_hex(md5(case t.kind
            when 'user' then {_USER}
            when 'device' then {_DEVICE}
            when 'anonymous' then if({_USER} is null, {_DEVICE}, null)
        end))
        and happened_at >= t.from_at and happened_at < t.until_at
        and least(happened_at, $received_at) < t.deleted_at
)
"""  # noqa: S608 - settings

#: The streamed lines with the same columns; dbt's stg_streamed_events reads them so. `line` of what is no JSON object.
STREAMED_LINES = rf"""
lines as (
    select
        batch_id, line_number, received_at as landed_at, payload,
        safe.parse_json(ltrim(payload, '\ufeff'), wide_number_mode => 'round') as parsed
    from streamed_events where received_at >= timestamp '1970-01-01'
),
texts as (
    select
        batch_id, line_number, landed_at,
        nullif(trim(json_value(parsed, '$.event_id'), ' '), '') as event_id,
        nullif(trim(json_value(parsed, '$.user_pseudo_id'), ' '), '') as user_pseudo_id,
        {BIGQUERY_USER.format(id="nullif(trim(json_value(parsed, '$.user_id'), ' '), '')")} as user_id,
        nullif(trim(json_value(parsed, '$.event_timestamp'), ' '), '') as event_timestamp,
        nullif(trim(json_value(parsed, '$.received_at'), ' '), '') as received_at,
        if(json_type(parsed) = 'object', null, payload) as line
    from lines
),
landed as (
    select
        * except (event_timestamp, received_at, received_us),
        case when regexp_contains(event_timestamp, r'^[+-]?[0-9]+$') then safe_cast(event_timestamp as int64) end
            as event_at,
        coalesce(if(received_us <= unix_micros(landed_at) + $receipt_ahead, received_us, null), unix_micros(landed_at))
            as received_at
    from (
        select
            *,
            case when regexp_contains(received_at, r'^[+-]?[0-9]+$') then safe_cast(received_at as int64) end
                as received_us
        from texts
    )
)
"""  # noqa: S608 - constants

_STREAMED = f"""
with {STREAMED_LINES}
select batch_id, line_number, landed_at from {BIGQUERY.covered("landed")} as c
union distinct
select l.batch_id, l.line_number, l.landed_at from landed as l
inner join unnest($ids) as id on strpos(l.line, concat('"', id, '"')) > 0
"""  # noqa: S608 - constants

_DELETE_STREAMED = """
delete from streamed_events
where received_at >= $first and received_at <= $last
    and concat(batch_id, ':', cast(line_number as string)) in unnest($places)
"""


@dataclass(frozen=True)
class Found:
    """Landed rows that are to go.

    exported: table -> the tombstones that cover rows of it, and how many rows at most (one may be covered twice).
    streamed: (batch_id, line_number, when it was sent to BigQuery, UTC) of each line.
    """

    exported: dict[str, tuple[list[Tombstone], int]]
    streamed: Sequence[tuple[str, int, datetime]]


def look(store: BigQueryStore, ids: Sequence[str]) -> Found:
    """Every landed row that a tombstone covers; with `ids` each streamed line that is no JSON and holds one in quotes.

    Reads the columns of the ids and times in every table of the export, and all of streamed_events.
    """
    exported: dict[str, tuple[list[Tombstone], int]] = {}
    ignored = ignored_ids(store.settings, USERS)
    for prefix in WILDCARDS:
        names = {"export": store.place.export, "prefix": prefix}
        suffixes = [table.removeprefix(prefix) for (table,) in store.rows(_TABLES.format(**names))]
        rows = BIGQUERY.covered(_EXPORTED.format(**names))
        query = (
            f"select shard, kind, key_hash, from_at, until_at, deleted_at, count(*) from {rows} as c"  # noqa: S608
            " group by shard, kind, key_hash, from_at, until_at, deleted_at"
        )
        for shard, *fields, count in store.rows(query, suffixes=suffixes, **ignored) if suffixes else ():
            known, before = exported.get(shard, ([], 0))
            exported[shard] = ([*known, Tombstone(*fields)], before + count)
    streamed: list[Any] = store.rows(_STREAMED, ids=list(ids), **of_lines(store.settings))
    return Found(exported, streamed)


def of_lines(settings: Settings) -> dict[str, Any]:
    """The values that STREAMED_LINES names: the user ids of nobody (I1), how far a receipt may lie ahead (E4)."""
    minutes = int(read_variables(settings)["max_future_minutes"])
    return {**ignored_ids(settings, USERS), "receipt_ahead": minutes * 60_000_000}


def scrub(store: BigQueryStore, found: Found) -> Scrubbed:
    """Delete the streamed lines; what BigQuery does not let go of is a problem, and the rest goes on."""
    if not found.streamed:
        return Scrubbed()
    times = [landed_at.replace(tzinfo=UTC) for _, _, landed_at in found.streamed]
    places = [f"{batch}:{line}" for batch, line, _ in found.streamed]
    values = {"first": min(times), "last": max(times), "places": places}
    return _delete(store, "streamed_events", len(places), _DELETE_STREAMED, values)


def erase(store: BigQueryStore, found: Found) -> Scrubbed:
    """Delete the rows of the export, as ERASE_FROM_EXPORT says."""
    total = Scrubbed()
    for table, count, statement, values in _deletes(store, found):
        total += _delete(store, table, count, statement, values)
    return total


def outside(store: BigQueryStore, found: Found) -> tuple[Outside, ...]:
    """The rows of the export, with the statement that deletes them: by the hashes of their ids, as tombstones are."""
    return tuple(
        Outside(table, count, written_out(statement, values))
        for table, count, statement, values in _deletes(store, found)
    )


def _deletes(store: BigQueryStore, found: Found) -> Iterator[tuple[str, int, str, dict[str, Any]]]:
    ignored = ignored_ids(store.settings, USERS)
    for table, (tombstones, count) in found.exported.items():
        statement = _DELETE_EXPORTED.format(export=store.place.export, table=table)
        values = {"received_at": arrival(table), **ignored, **arrays(tombstones)}
        yield f"{store.place.export}.{table}", count, statement, values


def arrival(table: str) -> int:
    """When the rows of an export table count as arrived (E4), in microseconds since 1970 UTC."""
    day = datetime.strptime(table[-8:], "%Y%m%d").replace(tzinfo=UTC)
    return int((day + timedelta(hours=36)).timestamp()) * 1_000_000


def _delete(store: BigQueryStore, table: str, count: int, statement: str, values: dict[str, Any]) -> Scrubbed:
    try:
        gone = store.delete(statement, **values)
    except WarehouseError as error:
        return Scrubbed(
            problems=(f"{table} holds {count} rows that must go and cannot be deleted ({error}). {REMEDY}",)
        )
    log.info("took %d rows out of %s", gone, table)
    return Scrubbed(gone, 1)
