"""Whom a streamed batch can continue: the visitors and orders that landed last, of any GA4 export and any batch."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.compute as pc
import pyarrow.parquet as pq

from include.landing import EXPORT_TABLE, GA4, exported_tables, shard_problem, streamed_batches
from include.settings import Settings
from include.simulator.plan import HOUR

_TABLES, _ROWS, _BATCHES = 2, 20_000, 200
_BATCH_ID = re.compile(r"batch_(\d{6,})_[0-9a-f]{8}$")  # as stream.py names them
_YEAR_2000 = 946_684_800_000_000
_COLUMNS = (
    "event_timestamp",
    "event_name",
    "user_pseudo_id",
    "user_id",
    "user_first_touch_timestamp",
    "device.category",
    "ecommerce.transaction_id",
    "ecommerce.purchase_revenue_in_usd",
)


@dataclass(frozen=True, slots=True)
class Visitor:
    """A device as it landed. user_id: the last user seen there; last_at: the person's last event, on any device.

    known: a user, or a device all of whose events were read, so that nobody else can be behind it.
    """

    device: str
    user_id: str | None
    last_at: int
    category: str | None
    known: bool

    @property
    def person(self) -> str:
        """Who the pipeline takes it for."""
        return self.user_id or self.device


@dataclass(frozen=True, slots=True)
class LandedOrder:
    """A purchase with an id and an amount, as it landed."""

    visitor: Visitor
    at: int
    transaction_id: str
    value: float
    currency: str


@dataclass(frozen=True, slots=True)
class Recent:
    """newest: the newest landed event (microseconds), None where nothing landed; batches: how many were streamed.

    visitors and orders are in an order that the landed rows alone decide; last_line is the newest accepted line.
    """

    newest: int | None
    visitors: tuple[Visitor, ...]
    orders: tuple[LandedOrder, ...]
    batches: int
    last_line: dict[str, Any] | None


class _Seen(NamedTuple):
    at: int
    device: str
    user_id: str | None
    name: str
    first_seen: int | None
    category: str | None
    transaction_id: str | None
    value: float | None
    currency: str


def read_recent(settings: Settings) -> Recent:
    """Read the newest export tables and batches; files that the pipeline sets aside are passed over."""
    shards = exported_tables(settings.ga4_export) if settings.ga4_export.is_dir() else []
    dated = sorted((match["date"], shard.path) for shard in shards if (match := EXPORT_TABLE.match(shard.name)))
    tables = [paths for _, paths in dated[-_TABLES:] if shard_problem(GA4, paths) is None]
    exported = [seen for paths in tables for path in paths for seen in _exported(Path(path))]
    batches = [one for one in streamed_batches(settings.streamed_events) if Path(one.path[0]).suffix == ".ndjson"]
    texts = [Path(batch.path[0]).read_text("utf-8", errors="replace") for batch in batches[-_BATCHES:]]
    return _recent(exported, _parsed(line for text in texts for line in text.splitlines()), len(batches))


def recent_of(streamed: Sequence[tuple[str, str]]) -> Recent:
    """The same of what BigQuery's streamed table holds: batch id and text of its newest lines, the oldest first.

    The export is not read, which would cost money; batches: the highest number that the lines' batches have.
    """
    numbers = [int(match[1]) for batch_id, _ in streamed if (match := _BATCH_ID.match(batch_id))]
    return _recent([], _parsed(text for _, text in streamed), max(numbers, default=0))


def _recent(exported: list[_Seen], lines: list[dict[str, Any]], batches: int) -> Recent:
    accepted = [(line, seen) for line in lines if (seen := _streamed(line))]
    streamed = [seen for _, seen in accepted]
    # what is older than the rows read of the export may be about people of whom more was not read
    whole_from = min((seen.at for seen in exported), default=0)
    visitors, orders = _people(
        sorted([*exported, *streamed], key=lambda seen: (seen.at, seen.device, seen.name)), whole_from
    )
    newest = max((seen.at for seen in (*exported, *streamed)), default=None)
    return Recent(newest, visitors, orders, batches, accepted[-1][0] if accepted else None)


def _exported(path: Path) -> list[_Seen]:
    table = pq.ParquetFile(path).read(columns=list(_COLUMNS))
    table = table.filter(pc.is_valid(table["event_timestamp"]))
    newest = pc.sort_indices(table, sort_keys=[("event_timestamp", "descending")])[:_ROWS]
    rows: list[dict[str, Any]] = table.take(newest).to_pylist()
    return [
        _Seen(
            at=row["event_timestamp"],
            device=row["user_pseudo_id"],
            user_id=row.get("user_id"),
            name=row["event_name"] or "",
            first_seen=row.get("user_first_touch_timestamp"),
            category=(row.get("device") or {}).get("category"),
            transaction_id=(row.get("ecommerce") or {}).get("transaction_id"),
            value=(row.get("ecommerce") or {}).get("purchase_revenue_in_usd"),
            currency="USD",
        )
        for row in rows
        if row["user_pseudo_id"]
    ]


def _parsed(texts: Iterable[str]) -> list[dict[str, Any]]:
    parsed = []
    for line in texts:
        try:
            fields = json.loads(line)
        except ValueError:
            continue
        if isinstance(fields, dict):
            parsed.append(fields)
    return parsed


def _streamed(line: dict[str, Any]) -> _Seen | None:
    """A line that can be continued: one that the pipeline accepts (E4), of a device."""
    at, received, device = line.get("event_timestamp"), line.get("received_at"), line.get("user_pseudo_id")
    name, user_id, value = line.get("event_name"), line.get("user_id"), line.get("value")
    if not (isinstance(at, int) and isinstance(device, str) and isinstance(name, str) and device and name):
        return None
    if at < _YEAR_2000 or at > (received if isinstance(received, int) else at) + HOUR:
        return None
    first_seen, category, transaction_id = (
        line.get(field) for field in ("user_first_touch_timestamp", "device_category", "transaction_id")
    )
    return _Seen(
        at=at,
        device=device,
        user_id=user_id if isinstance(user_id, str) and user_id else None,
        name=name,
        first_seen=first_seen if isinstance(first_seen, int) else None,
        category=category if isinstance(category, str) else None,
        transaction_id=transaction_id if isinstance(transaction_id, str) else None,
        value=value if isinstance(value, int | float) else None,
        currency=str(line.get("currency") or "USD"),
    )


def _people(seen: list[_Seen], whole_from: int) -> tuple[tuple[Visitor, ...], tuple[LandedOrder, ...]]:
    """Everyone in time order; a later row of a device says more than an earlier one."""
    visitors: dict[str, Visitor] = {}
    for row in seen:
        before = visitors.get(row.device)
        user_id = row.user_id or (before.user_id if before else None)
        known = bool(user_id) or (row.first_seen is not None and row.first_seen >= whole_from)
        visitors[row.device] = Visitor(row.device, user_id, row.at, row.category, known)
    last_at: dict[str, int] = {}
    for visitor in visitors.values():
        last_at[visitor.person] = max(visitor.last_at, last_at.get(visitor.person, 0))
    merged = {device: replace(visitor, last_at=last_at[visitor.person]) for device, visitor in visitors.items()}
    orders = tuple(
        LandedOrder(
            replace(merged[row.device], user_id=row.user_id), row.at, row.transaction_id, row.value, row.currency
        )
        for row in seen
        if row.name == "purchase" and row.transaction_id and row.transaction_id != "(not set)" and row.value
    )
    return tuple(merged.values()), orders
