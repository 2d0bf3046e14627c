"""Questions by name, and answers as JSON, CSV and Parquet."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from fastapi.encoders import jsonable_encoder

from include.dashboard import channels, conversions, journeys
from include.dashboard.filters import Filters
from include.dashboard.marts import Marts, Row

#: What is asked of the filters alone: by the pages, and for the report.
QUESTIONS: dict[str, Callable[[Marts, Filters], dict[str, Any]]] = {
    "channels": channels.by_channel,
    "campaigns": channels.top_campaigns,
    "days": lambda marts, filters: {"rows": channels.by_day(marts, filters)},
    "paths": journeys.top_paths,
    "lengths": journeys.lengths,
}

#: What can be downloaded: its rows under the filters.
DOWNLOADS: dict[str, Callable[[Marts, Filters], list[Row]]] = {
    "channels": lambda marts, filters: channels.by_channel(marts, filters)["rows"],
    "days": channels.by_day,
    "campaigns": channels.by_campaign,
    "paths": journeys.paths,
    "conversions": conversions.all_earned,
}

#: What a spreadsheet would take for a formula at the start of a cell.
FORMULA = ("=", "+", "-", "@", "\t", "\r")

#: Values as JSON has them: a UTC time in ISO 8601, a decimal as the number that prints the same.
plain = partial(
    jsonable_encoder,
    custom_encoder={Decimal: float, datetime: lambda moment: f"{moment.replace(tzinfo=None).isoformat()}Z"},
)


def as_csv(rows: Sequence[Row]) -> bytes:
    """The rows with a heading, UTF-8. Text that a spreadsheet would run as a formula begins with an apostrophe."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if rows:
        writer.writerow(rows[0])
    writer.writerows([_cell(value) for value in row.values()] for row in rows)
    return text.getvalue().encode()


def _cell(value: object) -> object:
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return value.isoformat() if isinstance(value, date) else value


def as_parquet(rows: Sequence[Row]) -> bytes:
    """The rows as one Parquet file; money and credit stay decimals."""
    target = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([dict(row) for row in rows]), target)
    return target.getvalue()
