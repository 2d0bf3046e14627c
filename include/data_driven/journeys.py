"""What a fit sees: how many journeys took each path, and how many of them converted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from include.store import Store

#: When a journey ended: at its conversion, else with its last touch.
NEWEST = "select max(coalesce(converted_at, last_touched_at)) from mart_journeys where touchpoints > 0"

#: A conversion without any touchpoint says nothing about channels.
PATHS = """
select path, count(conversion_id), count(*) - count(conversion_id) from mart_journeys
where touchpoints > 0 and coalesce(converted_at, last_touched_at) >= $since
group by path order by path
"""


class JourneyError(ValueError):
    """The journeys cannot be fitted; the message says what is wrong with them."""


@dataclass(frozen=True)
class Path:
    """The journeys that went through these channels in this order: `converted` and `lost`, how many of each."""

    channels: tuple[str, ...]
    converted: int
    lost: int


@dataclass(frozen=True)
class Journeys:
    """The journeys that ended on the `days` up to `newest`, the last UTC date on which one did."""

    paths: tuple[Path, ...]
    newest: date

    @property
    def converted(self) -> int:
        """How many ended in a conversion."""
        return sum(path.converted for path in self.paths)

    @property
    def total(self) -> int:
        """How many there are."""
        return self.converted + sum(path.lost for path in self.paths)


def split(path: str) -> tuple[str, ...]:
    """The channels of a path as mart_journeys writes it: joined by ` > `, the sign doubled inside a name."""
    return tuple(name.replace(">>", ">") for name in path.split(" > "))


def require_conversions(paths: Sequence[Path]) -> None:
    """Raises JourneyError where no journey converted: no channel can be told from another then."""
    if not paths:
        raise JourneyError("there is no journey to fit")
    if not any(path.converted for path in paths):
        raise JourneyError("no journey ended in a conversion")


def newest_journey(store: Store) -> date | None:
    """The last UTC date on which a journey ended; None where there is none."""
    ((newest,),) = store.rows(NEWEST)
    return None if newest is None else newest.date()


def read_journeys(store: Store, newest: date, days: int) -> Journeys:
    """The journeys of the `days` up to and with `newest`, added up by the warehouse."""
    since = datetime.combine(newest - timedelta(days=days - 1), datetime.min.time())
    rows = store.rows(PATHS, since=since)
    return Journeys(tuple(Path(split(path), int(converted), int(lost)) for path, converted, lost in rows), newest)
