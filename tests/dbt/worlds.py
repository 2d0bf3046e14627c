"""Small random worlds: what a few people did, and the order in which files about it landed.

Everything that could break an incremental load happens often here: late logins, shared devices, denied consent,
duplicates (also from another device), restated and withdrawn days, an intraday table that gives way to the daily one,
refunds before their order, events out of order, gaps of exactly the session timeout and one microsecond more.
"""

from __future__ import annotations

import json
import os
import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from include.ga4_schema import SCHEMA_2026

MINUTE, DAY = 60_000_000, 86_400_000_000
FIRST_DAY = date(2026, 1, 5)
START = int(datetime(2026, 1, 5, tzinfo=UTC).timestamp()) * 1_000_000
SOURCES = (None, None, ("google", "cpc"), ("bing", "organic"), ("news", "email"), ("(direct)", "(none)"), ("x", None))

Row = dict[str, Any]
ITEMS: tuple[list[Row] | None, ...] = (
    None,
    [{"item_id": "mug", "item_name": "Mug", "quantity": 2, "item_revenue": 6.66}],
    [{"item_id": "mug", "price": 1.665, "quantity": 2}, {"item_name": "Pen", "item_revenue": 0.01}],
)


@dataclass(frozen=True)
class Arrival:
    """A file that lands, or vanishes where `rows` is None. `name` is relative to the landing folder."""

    name: str
    rows: tuple[Row, ...] | None


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
    """Write the file as a producer would: under a hidden name, then renamed; `tick` tells its versions apart."""
    path = folder / arrival.name
    path.parent.mkdir(parents=True, exist_ok=True)
    if arrival.rows is None:
        path.unlink(missing_ok=True)
        return
    hidden = path.with_name(f".{path.name}")
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist([_exported(r) for r in arrival.rows], schema=SCHEMA_2026), hidden)
    else:
        hidden.write_text("".join(json.dumps(row) + "\n" for row in arrival.rows))
    os.utime(hidden, ns=(tick, tick))
    hidden.replace(path)


def _events(chance: random.Random) -> list[Row]:
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
            {
                "number": number,
                "event_timestamp": START + clock,
                "event_name": name,
                "user_pseudo_id": device,
                "user_id": user,
                "origin": chance.choice(SOURCES),
                "transaction_id": chance.choice((None, "", "Undefined", "t1", "7", "7.0")) if money else None,
                "value": chance.choice((10.0, 3.33, 0.01, 99.99, None, -5.0)) if money else None,
                "items": ITEMS[number % len(ITEMS)] if money else None,
            }
        )
    return events


def _exports(chance: random.Random, happened: list[Row]) -> list[list[Arrival]]:
    exported = [e for e in happened if chance.random() < 0.7]
    queues: list[list[Arrival]] = []
    for number in sorted({(e["event_timestamp"] - START) // DAY for e in exported}):
        day = f"{FIRST_DAY + timedelta(days=number):%Y%m%d}"
        rows = [e for e in exported if (e["event_timestamp"] - START) // DAY == number]
        rows += chance.sample(rows, chance.choice((0, 0, 1)))  # twice in one table
        if chance.random() < 0.2:
            rows.append(chance.choice(exported))  # an event of another day
        names = [f"ga4/events_{day}.parquet"] * chance.choice((1, 1, 2, 3))
        if chance.random() < 0.4:
            names.insert(0, f"ga4/events_intraday_{day}.parquet")
        versions = [Arrival(n, tuple(chance.sample(rows, chance.randint(0, len(rows))))) for n in names[:-1]]
        versions.append(Arrival(names[-1], tuple(rows)))
        if chance.random() < 0.1:
            versions.append(Arrival(names[-1], None))
        queues.append(versions)
    return queues


def _streams(chance: random.Random, happened: list[Row]) -> list[list[Arrival]]:
    lines: list[Row] = []
    for event in (e for e in happened if chance.random() < 0.5):
        source, medium = event["origin"] or (None, None)
        line = {k: v for k, v in event.items() if k not in ("number", "origin") and v is not None}
        line |= {
            "event_id": f"s{event['number']}",
            "received_at": event["event_timestamp"] + chance.randint(0, 3 * DAY) * (1 + event["number"] % 2),
        }
        line |= {k: v for k, v in (("source", source), ("medium", medium)) if v}
        lines.append(line)
        while chance.random() < 0.2:  # once more: as it was, changed, or from another device
            copy = dict(line)
            if chance.random() < 0.5:
                copy["received_at"] += chance.randint(0, 5) * MINUTE
            if chance.random() < 0.3 and "value" in copy:
                copy |= {"value": 7.77, "items": ITEMS[-1]}
            if chance.random() < 0.3:
                copy["user_pseudo_id"] = chance.choice(happened)["user_pseudo_id"]
            lines.append(copy)
    chance.shuffle(lines)
    queues: list[list[Arrival]] = []
    while lines:
        size = chance.randint(1, 6)
        queues.append([Arrival(f"streamed_events/b{len(queues)}.ndjson", tuple(lines[:size]))])
        lines = lines[size:]
    return queues


def _exported(event: Row) -> Row:
    source, medium = event["origin"] or (None, None)
    texts = (("source", source), ("medium", medium), ("page_location", "https://www.example-shop.com/"))
    params = [{"key": k, "value": {"string_value": v}} for k, v in texts if v]
    money = {"purchase": "purchase_revenue_in_usd", "refund": "refund_value_in_usd"}.get(event["event_name"])
    return {
        "items": event["items"] or [],
        "event_timestamp": event["event_timestamp"],
        "event_name": event["event_name"],
        "event_bundle_sequence_id": event["number"],
        "user_pseudo_id": event["user_pseudo_id"],
        "user_id": event["user_id"],
        "event_params": params,
        "ecommerce": {"transaction_id": event["transaction_id"], money: event["value"]} if money else None,
    }
