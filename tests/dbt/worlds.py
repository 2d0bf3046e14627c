"""Small random worlds: what a few people did, and the order in which files about it landed.

Everything that could break an incremental load happens often here: late logins, shared devices, denied consent,
duplicates (also from another device), restated and withdrawn days, an intraday table that gives way to the daily one,
refunds before their order, events out of order, gaps of exactly the session timeout and one microsecond more.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from pathlib import Path

from tests.dbt.stories import DAY, ITEMS, MINUTE, SOURCES, Event, date_of, table_of, write


@dataclass(frozen=True)
class Arrival:
    """A file that lands, or vanishes where `rows` is None. `name` is relative to the landing folder."""

    name: str
    rows: tuple[Event, ...] | None


def random_arrivals(seed: int) -> list[list[Arrival]]:
    """Batches of arrivals; versions of one file keep their order, everything else is shuffled."""
    chance = random.Random(seed)  # noqa: S311 (no secret)
    happened = _events(chance)
    queues = [*_exports(chance, happened), *_streams(chance, happened)]
    order: list[Arrival] = []
    while queues:
        queue = chance.choice(queues)
        order.append(queue.pop(0))
        queues = [q for q in queues if q]
    batches = []
    while order:
        size = chance.choice((1, 2, 3, 5, 8))
        batches.append(order[:size])
        order = order[size:]
    return batches


def land(folder: Path, arrival: Arrival, tick: int) -> None:
    """Have it land; `tick` (ns) tells versions of a file apart."""
    path = folder / arrival.name
    path.parent.mkdir(parents=True, exist_ok=True)
    if arrival.rows is None:
        path.unlink(missing_ok=True)
    else:
        write(path, arrival.rows, tick)


def _events(chance: random.Random) -> list[Event]:
    people = [f"u{i}" for i in range(chance.randint(3, 8))]
    devices = [f"d{i}" for i in range(chance.randint(3, 9))]
    owners = {d: chance.sample(people, chance.choice((0, 1, 1, 1, 2, 3))) for d in devices}
    days = chance.choice((2, 7, 16, 22, 30))
    clock, events = 0, []
    for number in range(chance.randint(8, 60)):
        device = chance.choice([*devices, None])
        if chance.random() < 0.5:
            clock += chance.choice((0, 1, 29 * MINUTE, 30 * MINUTE, 30 * MINUTE + 1, 31 * MINUTE))
        else:
            clock = chance.randrange(days * DAY)
        clock %= days * DAY
        user = None
        if device and owners[device] and chance.random() < 0.3:
            user = chance.choice(owners[device])
        elif not device and chance.random() < 0.6:
            user = chance.choice(people)
        name = chance.choices(("page_view", "purchase", "refund", "scroll"), (6, 3, 1.5, 2))[0]
        money = name in ("purchase", "refund")
        events.append(
            Event(
                at=clock,
                name=name,
                device=device,
                user=user,
                source=chance.choice(list(SOURCES)),
                order=chance.choice((None, "", "Undefined", "t1", "7", "7.0")) if money else None,
                value=chance.choice((10.0, 3.33, 0.01, 99.99, None, -5.0)) if money else None,
                lag=0,
                number=number,
                items=list(ITEMS)[number % len(ITEMS)] if money else "nothing",
            )
        )
    return events


def _exports(chance: random.Random, happened: list[Event]) -> list[list[Arrival]]:
    exported = [e for e in happened if chance.random() < 0.7]
    queues: list[list[Arrival]] = []
    for day in sorted({date_of(e) for e in exported}):
        rows = [e for e in exported if date_of(e) == day]
        rows += chance.sample(rows, chance.choice((0, 0, 1)))  # twice in one table
        if chance.random() < 0.2:
            rows.append(chance.choice(exported))  # an event of another day
        names = [f"ga4/{table_of(rows[0], intraday=False)}"] * chance.choice((1, 1, 2, 3))
        if chance.random() < 0.4:
            names.insert(0, f"ga4/{table_of(rows[0], intraday=True)}")
        versions = [Arrival(n, tuple(chance.sample(rows, chance.randint(0, len(rows))))) for n in names[:-1]]
        versions.append(Arrival(names[-1], tuple(rows)))
        if chance.random() < 0.1:
            versions.append(Arrival(names[-1], None))
        queues.append(versions)
    return queues


def _streams(chance: random.Random, happened: list[Event]) -> list[list[Arrival]]:
    lines: list[Event] = []
    for event in (e for e in happened if chance.random() < 0.5):
        line = replace(event, lag=chance.randint(0, 3 * DAY) * (1 + (event.number or 0) % 2))
        lines.append(line)
        while chance.random() < 0.2:  # once more: as it was, changed, or from another device
            copy = line
            if chance.random() < 0.5:
                copy = replace(copy, lag=(line.lag or 0) + chance.randint(0, 5) * MINUTE)
            if chance.random() < 0.3 and copy.value is not None:
                copy = replace(copy, value=7.77, items="by price")
            if chance.random() < 0.3:
                copy = replace(copy, device=chance.choice(happened).device)
            lines.append(copy)
    chance.shuffle(lines)
    queues: list[list[Arrival]] = []
    while lines:
        size = chance.randint(1, 6)
        queues.append([Arrival(f"streamed_events/b{len(queues)}.ndjson", tuple(lines[:size]))])
        lines = lines[size:]
    return queues
