"""GA4 export history: one daily table a day and today's intraday table, written day by day.

As in a real export, rows come in no order, some twice (in one table or in the next day's too), and what an offline
phone sends late stands in the next day's table.
"""

from __future__ import annotations

import sys
from array import array
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
from rich.console import Console
from rich.progress import track

from include.simulator.chance import chance, seeded
from include.simulator.files import whole_file
from include.simulator.ga4_rows import SchemaName, schema_of, table
from include.simulator.journey import Event, journey
from include.simulator.own_files import SIGNATURE
from include.simulator.plan import DAY, Span, household

ROW_GROUP = 50_000  # what is turned into columns at once
_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class HistorySummary:
    """What was written: rows and files."""

    events: int
    files: tuple[Path, ...]


def micros(moment: datetime) -> int:
    """Microseconds since 1970. Raises ValueError for a time without a zone."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone; pass one in UTC, such as datetime(2026, 1, 31, tzinfo=UTC)")
    return (moment - _EPOCH) // _MICROSECOND


def day_name(day: int) -> str:
    """A day since 1970 as the tables name it: YYYYMMDD."""
    return f"{_EPOCH + timedelta(days=day):%Y%m%d}"


def write_history(  # noqa: PLR0913 -- the options of one command
    folder: Path,
    *,
    seed: int,
    end: datetime,
    days: int = 30,
    people: int = 3000,
    schema: SchemaName = "2026",
) -> HistorySummary:
    """Write the tables of the `days` days up to `end` (UTC), the last one intraday and cut off at `end`.

    The same arguments write the same bytes. `people` is how many households ever visit, one or two people each. Raises
    FileExistsError where `folder` has export tables already (generated rows must not mix with anyone's own), ValueError
    for arguments that make no history.
    """
    if days < 1 or people < 1:
        raise ValueError(f"days is {days} and people is {people}; both must be at least 1")
    if any(folder.glob("events_*.parquet")):
        raise FileExistsError(
            f"{folder} has GA4 export tables already; move them away, or name another folder with GA4_EXPORT"
        )
    until = micros(end)
    last = (until - 1) // DAY
    span = Span((last - days + 1) * DAY, until)
    coming: defaultdict[int, array[int]] = defaultdict(lambda: array("q"))
    for number in range(people):
        for day in dict.fromkeys(visit.start // DAY for visit in household(seed, number, span)):
            coming[day].append(number)
    writer = _Writer(folder, seed, span, schema)
    each_day = range(span.start // DAY, last + 1)
    console = Console(stderr=True)
    for day in track(each_day, "Writing GA4 history", console=console, disable=not sys.stderr.isatty()):
        writer.write(day, coming.pop(day, array("q")))
    return HistorySummary(writer.rows, tuple(writer.files))


class _Writer:
    """What carries over from one day's table to the next, and what was written."""

    def __init__(self, folder: Path, seed: int, span: Span, schema: SchemaName) -> None:
        self.folder, self.seed, self.span, self.schema = folder, seed, span, schema
        self.last = (span.end - 1) // DAY
        self.held: list[Event] = []
        self.rows = 0
        self.files: list[Path] = []

    def write(self, day: int, households: array[int]) -> None:
        """Write the table of `day` with what was held over."""
        rng = seeded(self.seed, "export", day)
        rows, self.held = self.held, []
        for number in households:
            for visit in household(self.seed, number, self.span):
                if visit.start // DAY != day:
                    continue
                events = [event for event in journey(self.seed, visit) if event.at < self.span.end]
                late = chance(rng, 0.004)
                for event in events:
                    following = event.at // DAY > day or (late and event is events[-1] and day < self.last)
                    (self.held if following else rows).append(event)
                    if chance(rng, 0.003):
                        (self.held if day < self.last and chance(rng, 0.2) else rows).append(event)
        intraday = day == self.last
        path = self.folder / f"events_{'intraday_' if intraday else ''}{day_name(day)}.parquet"
        rng.shuffle(rows)
        schema = schema_of(self.schema, intraday=intraday).with_metadata(SIGNATURE)
        with whole_file(path) as part, pq.ParquetWriter(part, schema, compression="zstd") as writer:
            for first in range(0, len(rows), ROW_GROUP):
                group = rows[first : first + ROW_GROUP]
                writer.write_table(table(group, day_name(day), self.schema, intraday=intraday))
        self.files.append(path)
        self.rows += len(rows)
