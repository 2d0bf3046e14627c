"""Whom a streamed batch can continue: the visitors and orders that landed last, of the simulator's own files alone.

Of a GA4 export that the simulator did not write, only the clock is read: when its newest event happened.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from include.landing import GA4, shard_problem, table_date, table_of
from include.settings import Settings
from include.simulator.own_files import BATCH_ID, others_tables, own_batches, own_tables
from include.simulator.plan import DAY, HOUR

_TABLES, _ROWS, _BATCHES = 2, 20_000, 200
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
    """newest: the newest landed event (microseconds), None where nothing landed; batches: the last batch's number.

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
    """Read the simulator's newest export tables and batches; files that the pipeline sets aside are passed over."""
    tables = [path for path in own_tables(settings)[-_TABLES:] if shard_problem(GA4, [path]) is None]
    exported = [seen for table in tables for seen in _exported(table)]
    batches = own_batches(settings)
    texts = [path.read_text("utf-8", errors="replace") for path in batches[-_BATCHES:]]
    lines = _parsed(line for text in texts for line in text.splitlines())
    return _recent(exported, lines, _last_number(path.stem for path in batches), clock=_clock(settings))


def recent_of(streamed: Sequence[tuple[str, str]]) -> Recent:
    """The same of what BigQuery's streamed table holds: batch id and text of its newest lines, the oldest first.

    Lines of batches that are not named as the simulator's are passed over. The export is not read, which would cost
    money.
    """
    own = [(batch_id, text) for batch_id, text in streamed if BATCH_ID.match(batch_id)]
    return _recent([], _parsed(text for _, text in own), _last_number(batch_id for batch_id, _ in own))


def _last_number(batch_ids: Iterable[str]) -> int:
    return max((int(match[1]) for batch_id in batch_ids if (match := BATCH_ID.match(batch_id))), default=0)


def _clock(settings: Settings) -> int | None:
    """The newest event of the export tables that the simulator did not write, no later than their date allows."""
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    dated = [
        (day, path) for path in others_tables(settings) if (day := table_date(table_of(path) or "")) and day <= tomorrow
    ]
    day, path = max(dated, default=(None, None))
    if day is None or path is None or shard_problem(GA4, [path]) is not None:
        return None
    end = (day - date(1970, 1, 1)).days * DAY + 2 * DAY  # a date is the property's, which may lie west of UTC
    at = pq.ParquetFile(path).read(columns=["event_timestamp"])["event_timestamp"]
    newest: int | None = pc.max(at.filter(pc.less(at, pa.scalar(end)))).as_py()
    return newest


def _recent(exported: list[_Seen], lines: list[dict[str, Any]], batches: int, *, clock: int | None = None) -> Recent:
    accepted = [(line, seen) for line in lines if (seen := _streamed(line))]
    streamed = [seen for _, seen in accepted]
    # what is older than the rows read of the export may be about people of whom more was not read
    whole_from = min((seen.at for seen in exported), default=0)
    visitors, orders = _people(
        sorted([*exported, *streamed], key=lambda seen: (seen.at, seen.device, seen.name)), whole_from
    )
    newest = max((at for at in (*(seen.at for seen in (*exported, *streamed)), clock) if at is not None), default=None)
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
        except (ValueError, RecursionError):
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
