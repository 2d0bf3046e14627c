"""What has landed in BigQuery, as dbt's macro landed_shards lists it, so that both agree about what is new."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
from google.cloud.bigquery import Client, SchemaField

from include.export_reader import READ_COLUMNS, REQUIRED
from include.ga4_schema import SCHEMA_2026
from include.journal import STAGING
from include.landing import hidden_by
from include.settings import Settings, read_variables
from include.store import Store, Versions

if TYPE_CHECKING:
    from include.store_bigquery import BigQueryStore

GA4, STREAMED = STAGING

#: The wildcards of the export, as dbt's macro export_wildcards has them.
WILDCARDS = ("events_2", "events_fresh_", "events_intraday_")

#: BigQuery's names in a table's schema.
_ARROW_TYPES: dict[str, pa.DataType] = {
    "STRING": pa.string(),
    "INTEGER": pa.int64(),
    "FLOAT": pa.float64(),
    "NUMERIC": pa.decimal128(38, 9),
    "BIGNUMERIC": pa.decimal256(76, 38),
}

#: The time of its last change is a table's version. Metadata: nothing of the export is read.
EXPORTED = """
select table_id, cast(last_modified_time as string) from `{export}.__TABLES__`
where regexp_contains(table_id, r'^events_(fresh_|intraday_)?[0-9]{{8}}$')
    and right(table_id, 8) between $first and $last
"""

#: The first day that is looked at, as dbt's macro declare_sight has it: $days before the last one that is known, and
#: back to the batches that are to be read again.
SIGHT = """
select least(
    date_sub(max(k.day), interval $days day),
    coalesce(min(case when k.last_version = 'again' then k.day end), date '9999-12-31')
)
from (
    select
        cast(detail as date) as day,
        first_value(version) over (partition by touched_key order by seq desc) as last_version
    from int_journal
    where entry = 'shard' and model = 'stg_streamed_events'
) as k
"""

#: The batches from that day on, each with the number of its rows. One that began before it is passed over, or the
#: days would cut rows off it as they move on.
BATCHES = """
select batch_id, cast(count(*) as string) from streamed_events
where received_at >= $edge
group by batch_id having min(received_at) >= $since
"""


#: When a line of these batches was last sent.
SENT = """
select batch_id, max(received_at) from streamed_events
where received_at >= $since and batch_id in (select * from unnest($batches)) group by batch_id
"""

#: The table of ad spend, where it has rows.
SPEND = """
select table_id, cast(last_modified_time as string) from `{dataset}.__TABLES__`
where table_id = 'ad_spend' and row_count > 0
"""


def streamed_since(store: Store, settings: Settings) -> datetime:
    """The start of the first day (UTC) whose batches are looked at; of all days where no batch was ever taken in."""
    days = int(read_variables(settings)["streamed_days"])
    known = store.rows(SIGHT, days=days) if store.has("int_journal") else []
    first = known[0][0] if known and known[0][0] else date(1970, 1, 1)
    return datetime(first.year, first.month, first.day, tzinfo=UTC)


def arrow_type(field: SchemaField) -> pa.DataType:
    """A field's type as Parquet files have it."""
    kind: pa.DataType = _ARROW_TYPES.get(field.field_type, pa.binary())  # staging reads none of the other types
    if field.fields:
        kind = pa.struct([(one.name, arrow_type(one)) for one in field.fields])
    return pa.list_(kind) if field.mode == "REPEATED" else kind


def readable(client: Client, table: str) -> bool:
    """Whether staging can read the table, by its columns: metadata, which is free."""
    columns = {field.name.lower(): arrow_type(field) for field in client.get_table(table).schema}
    return all(
        _holds(columns[name], SCHEMA_2026.field(name).type, fields) if name in columns else name not in REQUIRED
        for name, fields in READ_COLUMNS.items()
    )


def _holds(found: pa.DataType, wanted: pa.DataType, fields: tuple[str, ...] = ()) -> bool:
    """Whether `found` can hold what `wanted` says; a field may be missing, and a number may be of any kind."""
    if pa.types.is_list(wanted) and pa.types.is_list(found):
        return _holds(found.value_type, wanted.value_type, fields)
    if pa.types.is_struct(wanted) and pa.types.is_struct(found):
        there = {field.name for field in found}
        return all(
            _holds(found.field(one.name).type, one.type)
            for one in wanted
            if one.name in there and (not fields or one.name in fields)
        )
    if pa.types.is_floating(wanted):
        return pa.types.is_integer(found) or pa.types.is_floating(found) or pa.types.is_decimal(found)
    return found.equals(wanted)


def exported(store: BigQueryStore, start: date | None, end: date | None) -> dict[str, str]:
    """Table -> version of the export's tables dated from start to end.

    E3: a table hides those of its date that come after it; one that cannot be read hides nothing.
    """
    export = store.place.export
    first, last = (f"{day:%Y%m%d}" if day else default for day, default in ((start, "0" * 8), (end, "9" * 8)))
    tables = dict(store.rows(EXPORTED.format(export=export), first=first, last=last))
    for table in list(tables):
        hidden = [name for name in hidden_by(table) if name in tables]
        if hidden and readable(store.client, f"{export}.{table}"):
            for name in hidden:
                del tables[name]
    return tables


def landed(store: BigQueryStore, start: date | None, end: date | None) -> Versions:
    """Shard -> version of the export's tables dated from start to end, the batches streamed lately, and ad spend."""
    since = streamed_since(store, store.settings)
    batches = store.rows(BATCHES, edge=since - timedelta(days=1), since=since)
    spend = store.rows(SPEND.format(dataset=f"{store.place.project}.{store.place.dataset}"))
    return {GA4: exported(store, start, end), STREAMED: dict(batches), "stg_ad_spend": dict(spend)}
