"""GA4 export history: one daily table a day and today's intraday table.

As in a real export, rows come in no order, some twice (in one table or in the next day's too), and what an offline
phone sends late stands in the next day's table.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq

from include.simulator.chance import chance, seeded
from include.simulator.ga4_rows import SchemaName, table
from include.simulator.households import DAY, Household, Visit
from include.simulator.journey import Event, journey
from include.simulator.own_files import SIGNATURE, whole_file

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class HistorySummary(NamedTuple):
    """What was written: rows and files."""

    events: int
    files: tuple[Path, ...]


def micros(moment: datetime) -> int:
    """Microseconds since 1970."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def write_history(  # noqa: PLR0913 -- the options of one command
    folder: Path,
    *,
    seed: int,
    end: datetime,
    days: int = 30,
    people: int = 3000,
    schema: SchemaName = "2026",
) -> HistorySummary:
    """Write the tables of the `days` days up to `end` (with time zone), the last one intraday and cut off at `end`.

    The same arguments write the same bytes. `people` is how many households ever visit, one or two people each. Raises
    FileExistsError where `folder` has export tables already: generated rows must not mix with anyone's own.
    """
    if any(folder.glob("events_*.parquet")):
        raise FileExistsError(
            f"{folder} has GA4 export tables already; move them away, or name another folder with GA4_EXPORT"
        )
    until = micros(end)
    last = (until - 1) // DAY
    visits: defaultdict[int, list[Visit]] = defaultdict(list)
    for number in range(people):
        for visit in Household(seed, number, (last - days + 1) * DAY, until).visits():
            visits[visit.start // DAY].append(visit)
    rows, files = 0, []
    held: list[Event] = []
    for day in range(last - days + 1, last + 1):
        rng = seeded(seed, "export", day)
        events, held = held, []
        for visit in visits.pop(day, []):
            sent = [event for event in journey(seed, visit) if event.at < until]
            late = chance(rng, 0.004)
            for event in sent:
                follows = event.at // DAY > day or (late and event is sent[-1] and day < last)
                (held if follows else events).append(event)
                if chance(rng, 0.003):
                    (held if day < last and chance(rng, 0.2) else events).append(event)
        rng.shuffle(events)
        date, intraday = f"{_EPOCH + timedelta(days=day):%Y%m%d}", day == last
        path = folder / f"events_{'intraday_' if intraday else ''}{date}.parquet"
        written = table(events, date, schema, intraday=intraday).replace_schema_metadata(SIGNATURE)
        with whole_file(path) as part:
            pq.write_table(written, part, compression="zstd")
        files.append(path)
        rows += len(events)
    return HistorySummary(rows, tuple(files))
