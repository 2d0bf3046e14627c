"""What GA4 does to tables that it has already exported: it restates a day, and replaces intraday tables by daily ones.

Both work on any export folder, generated or real, of either schema.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyarrow as pa
import pyarrow.parquet as pq

from include.ga4_schema import SCHEMA_2021, SCHEMA_2026
from include.simulator.chance import seeded
from include.simulator.files import whole_file
from include.simulator.ga4_rows import google_ads_campaign
from include.simulator.plan import SECOND
from include.simulator.world import ADS_CAMPAIGNS

_SHARE = 100  # one row in so many
_Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Restatement:
    """Rows that a restated day gained, that changed in it, and that it lost."""

    added: int
    changed: int
    removed: int


def restate_day(folder: Path, day: date, *, seed: int) -> Restatement:
    """Rewrite the daily table of `day`: late page views added, amounts of purchases corrected, spam removed.

    A hundredth of the day's events of each kind, at least one where there is any. Raises FileNotFoundError where the
    table is not there.
    """
    path = folder / f"events_{day:%Y%m%d}.parquet"
    table = pq.read_table(path)
    rng = seeded(seed, "restate", path.name)
    names: list[Any] = table.column("event_name").to_pylist()
    removed = _draw(rng, names, ("scroll", "user_engagement"))
    corrected = _draw(rng, names, ("purchase",))
    late = _draw(rng, names, ("page_view",))
    gone = dict.fromkeys([*removed, *corrected])
    kept = table.take([index for index in range(len(names)) if index not in gone])
    changed = _rows(table, corrected, _correct)
    added = _rows(table, late, lambda row: row | {"event_timestamp": row["event_timestamp"] + SECOND})
    with whole_file(path) as part:
        pq.write_table(pa.concat_tables([kept, changed, added]), part, compression="zstd")
    return Restatement(len(late), len(corrected), len(removed))


def _draw(rng: Random, names: list[str], wanted: tuple[str, ...]) -> list[int]:
    found = [index for index, name in enumerate(names) if name in wanted]
    return sorted(rng.sample(found, -(-len(found) // _SHARE)))


def _rows(table: pa.Table, indices: list[int], change: Callable[[_Row], _Row]) -> pa.Table:
    return pa.Table.from_pylist([change(row) for row in table.take(indices).to_pylist()], schema=table.schema)


def _correct(row: _Row) -> _Row:
    """Add a dollar and a half: postage that was forgotten."""
    paid = dict(row["ecommerce"] or {})
    for field in ("purchase_revenue_in_usd", "purchase_revenue"):
        paid[field] = round((paid.get(field) or 0.0) + 1.5, 2)
    return row | {"ecommerce": paid}


def supersede_intraday(folder: Path, day: date) -> Path:
    """Write the daily table of `day` from its intraday table, with the columns only a daily one has, and remove that.

    Generated Google Ads visits get the campaign that their landing page's gad_campaignid names. Raises
    FileNotFoundError where the intraday table is not there.
    """
    intraday = folder / f"events_intraday_{day:%Y%m%d}.parquet"
    table = pq.read_table(intraday)
    schema = SCHEMA_2026 if "batch_page_id" in table.column_names else SCHEMA_2021
    columns = [
        table.column(field.name) if field.name in table.column_names else _late_column(table, field) for field in schema
    ]
    path = folder / f"events_{day:%Y%m%d}.parquet"
    daily = pa.Table.from_arrays(columns, schema=schema.with_metadata(table.schema.metadata))
    with whole_file(path) as part:
        pq.write_table(daily, part, compression="zstd")
    intraday.unlink()
    return path


def _late_column(table: pa.Table, field: pa.Field[Any]) -> pa.Array[Any]:
    rows: list[_Row | None] = [None] * len(table)
    if field.name == "session_traffic_source_last_click":
        params: list[Any] = table.column("event_params").to_pylist()
        rows = [
            {"google_ads_campaign": google_ads_campaign(campaign)} if campaign in ADS_CAMPAIGNS else None
            for campaign in map(_ads_campaign, params)
        ]
    column: pa.Array[Any] = pa.array(rows, field.type)
    return column


def _ads_campaign(params: list[_Row]) -> str:
    page = next((param["value"]["string_value"] for param in params if param["key"] == "page_location"), None)
    return parse_qs(urlsplit(page or "").query).get("gad_campaignid", [""])[0]
