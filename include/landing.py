"""What has landed on this machine, by shards with a version that changes with them.

A shard is a GA4 export table, a streamed batch or a file of ad spend.
dbt (through include/duckdb_plugin.py) and the sensor read the landing zone by these functions alone, so they cannot
disagree about what is new.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from include.ad_spend import spend_problem
from include.ga4_schema import SCHEMA_2026
from include.settings import Settings

EXPORT_TABLE = re.compile(r"^events_(?P<intraday>intraday_)?(?P<date>\d{8})$")

#: The columns of an export table that staging reads, and the subfields it reads of the nested ones.
READ_COLUMNS: dict[str, tuple[str, ...]] = {
    "event_timestamp": (),
    "event_name": (),
    "event_params": ("key", "value"),
    "event_value_in_usd": (),
    "event_bundle_sequence_id": (),
    "user_id": (),
    "user_pseudo_id": (),
    "device": ("category",),
    "ecommerce": (
        "purchase_revenue_in_usd",
        "purchase_revenue",
        "refund_value_in_usd",
        "refund_value",
        "shipping_value_in_usd",
        "shipping_value",
        "tax_value_in_usd",
        "tax_value",
        "transaction_id",
    ),
    "items": (
        "item_id",
        "item_name",
        "item_brand",
        "item_variant",
        "item_category",
        "quantity",
        "item_revenue_in_usd",
        "item_revenue",
        "price_in_usd",
        "price",
    ),
    "collected_traffic_source": ("manual_source", "manual_medium", "manual_campaign_name", "gclid", "dclid", "srsltid"),
    "session_traffic_source_last_click": ("manual_campaign", "google_ads_campaign", "cross_channel_campaign"),
    "batch_event_index": (),
    "batch_page_id": (),
    "batch_ordering_id": (),
}
REQUIRED = ("event_timestamp", "event_name", "event_params", "user_pseudo_id")


@dataclass(frozen=True)
class Shard:
    """One file of the landing zone.

    name: the table's name or the batch's id (the file's stem), the same on BigQuery.
    version: changes whenever the file's content may have.
    """

    name: str
    path: str
    version: str


def file_version(path: Path) -> str:
    """Nanoseconds of the last change and the size in bytes: DuckDB's own stamp has whole seconds only."""
    stat = path.stat()
    return f"{stat.st_mtime_ns}-{stat.st_size}"


def _shards(folder: Path, suffix: str) -> Iterator[Shard]:
    for path in sorted(folder.glob(f"*{suffix}")):
        if not path.name.startswith("."):  # a writer's temporary name
            yield Shard(path.stem, str(path), file_version(path))


def exported_tables(folder: Path, start: date | None = None, end: date | None = None) -> list[Shard]:
    """The GA4 export tables to read: a daily table hides its date's intraday table (E3).

    Files whose name is no export table's stay in the list, for their quarantine; dates outside [start, end] do not.

    Raises FileNotFoundError where there is no such folder: an unmounted disk must not look like withdrawn tables.
    """
    if not folder.is_dir():
        raise FileNotFoundError(
            f"the GA4 export folder {folder} does not exist;"
            " set GA4_EXPORT to the folder of events_YYYYMMDD.parquet files"
        )
    shards = list(_shards(folder, ".parquet"))
    names = {shard.name for shard in shards}
    kept = []
    for shard in shards:
        table = EXPORT_TABLE.match(shard.name)
        if table:
            day = table["date"]
            daily = folder / f"events_{day}.parquet"
            if table["intraday"] and daily.stem in names and shard_problem(daily) is None:
                continue  # a daily file that cannot be read replaces nothing
            if (start and day < f"{start:%Y%m%d}") or (end and day > f"{end:%Y%m%d}"):
                continue
        kept.append(shard)
    return kept


def streamed_batches(folder: Path) -> list[Shard]:
    """The batches of streamed events, one NDJSON file each."""
    return list(_shards(folder, ".ndjson"))


def spend_files(folder: Path) -> list[Shard]:
    """The files of ad spend."""
    return list(_shards(folder, ".csv"))


def landed(settings: Settings, start: date | None = None, end: date | None = None) -> dict[str, list[Shard]]:
    """What has landed, by the staging model that reads it."""
    return {
        "stg_ga_events": exported_tables(settings.ga4_export, start, end),
        "stg_streamed_events": streamed_batches(settings.streamed_events),
        "stg_ad_spend": spend_files(settings.ad_spend),
    }


def shard_path(settings: Settings, model: str, shard: str) -> Path:
    """Where this shard of a staging model lies, or would."""
    if model == "stg_ga_events":
        return settings.ga4_export / f"{shard}.parquet"
    if model == "stg_ad_spend":
        return settings.ad_spend / f"{shard}.csv"
    return settings.streamed_events / f"{shard}.ndjson"


def shard_problem(path: Path) -> str | None:
    """Why this file cannot be read, as `reason: what and what to do`, or None if it can (docs/semantics.md, E4)."""
    problems = {".ndjson": _batch_problem, ".csv": spend_problem}
    return problems.get(path.suffix, _export_problem)(path)


def _batch_problem(path: Path) -> str | None:
    try:
        path.read_bytes().decode("utf-8")
    except OSError as error:
        return f"unreadable: {error.strerror}; check the rights of the file"
    except UnicodeDecodeError as error:
        return f"unreadable: not UTF-8 at byte {error.start}; write the batch again as UTF-8"
    return None


def _export_problem(path: Path) -> str | None:
    if table_date(path.stem) is None:
        return "unknown_name: expected events_YYYYMMDD.parquet or events_intraday_YYYYMMDD.parquet; rename the file"
    try:
        schema = pq.read_schema(path)
    except OSError as error:
        return f"unreadable: {error.strerror or error}; check the rights of the file"
    except pa.ArrowException as error:
        return f"unreadable: not a whole Parquet file ({str(error).splitlines()[0]}); export the table again"
    return schema_problem(schema)


def schema_problem(schema: pa.Schema) -> str | None:
    """Why a table of these columns cannot be read, or None (docs/semantics.md, E4)."""
    for column, fields in READ_COLUMNS.items():
        if column not in schema.names:
            if column in REQUIRED:
                return f"wrong_type: column {column} is missing; export the table again with GA4's own schema"
            continue
        problem = _type_problem(column, schema.field(column).type, SCHEMA_2026.field(column).type, fields)
        if problem:
            return f"wrong_type: {problem}; export the table again with GA4's own schema"
    return None


def table_date(name: str) -> date | None:
    """The date of an export table, by its name; None where the name is no export table's."""
    table = EXPORT_TABLE.match(name)
    if table is None:
        return None
    digits = table["date"]
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None


def _type_problem(name: str, found: pa.DataType, expected: pa.DataType, fields: tuple[str, ...] = ()) -> str | None:
    """The first place where `found` cannot hold what `expected` says; numbers of any width pass, missing fields too."""
    if pa.types.is_null(found):
        return None
    if pa.types.is_list(expected) and pa.types.is_list(found):
        return _type_problem(f"{name}[]", found.value_type, expected.value_type, fields)
    if pa.types.is_struct(expected) and pa.types.is_struct(found):
        names = {found.field(i).name for i in range(found.num_fields)}
        inner = fields or tuple(expected.field(i).name for i in range(expected.num_fields))
        for field in (f for f in inner if f in names):
            problem = _type_problem(f"{name}.{field}", found.field(field).type, expected.field(field).type)
            if problem:
                return problem
        return None
    kinds = (_kind(found), _kind(expected))
    # a double column without a fraction is exported as whole numbers, and a column of nulls as any simple type
    return None if kinds[0] == kinds[1] or kinds == ("integer", "number") else f"{name} is {found}, not {expected}"


def _kind(data_type: pa.DataType) -> str:
    if pa.types.is_integer(data_type):
        return "integer"
    if pa.types.is_floating(data_type) or pa.types.is_decimal(data_type):
        return "number"
    if pa.types.is_string(data_type) or pa.types.is_large_string(data_type):
        return "text"
    return str(data_type)
