"""Answers as JSON, CSV and Parquet."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from include.dashboard.marts import Row

#: What a spreadsheet would take for a formula at the start of a cell.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def plain(value: Any) -> Any:  # noqa: ANN401 - whatever a column holds
    """A value as JSON has it: a time in ISO 8601, a decimal as the number that prints the same."""
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime):
        return f"{value.isoformat()}Z"
    return value.isoformat() if isinstance(value, date) else value


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
