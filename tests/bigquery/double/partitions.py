"""Which partition a row lies in, by the cell of the partition column."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from tests.bigquery.double.cells import EPOCH
from tests.bigquery.double.json_values import micros
from tests.bigquery.double.protos import Json, Proto


def partition_id(cell: Proto, granularity: str) -> str:
    """The partition of a DATE or TIMESTAMP, as in `table$20260131`."""
    which = cell.WhichOneof("value")
    if which is None:
        return "__NULL__"
    if which == "date_value":
        at = dt.datetime.combine(EPOCH.date() + dt.timedelta(days=cell.date_value), dt.time())
    else:
        at = EPOCH + dt.timedelta(microseconds=micros(cell))
    return at.strftime({"HOUR": "%Y%m%d%H", "DAY": "%Y%m%d", "MONTH": "%Y%m", "YEAR": "%Y"}[granularity])


def by_time(given: Json) -> Callable[[Proto], str]:
    """The partitions of a column of time (REST: timePartitioning)."""
    return lambda cell: partition_id(cell, given.get("type", "DAY"))


def by_range(given: Json) -> Callable[[Proto], str]:
    """The partitions of a column of integers (REST: rangePartitioning), named by their first value."""
    start, end, interval = (int(given["range"][name]) for name in ("start", "end", "interval"))

    def partition(cell: Proto) -> str:
        if cell.WhichOneof("value") is None:
            return "__NULL__"
        value = cell.int64_value
        return str(value - (value - start) % interval) if start <= value < end else "__UNPARTITIONED__"

    return partition
