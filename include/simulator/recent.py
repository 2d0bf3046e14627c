"""Whom a streamed batch can continue: the visitors and orders that landed last, of the simulator's own files alone.

Of a GA4 export that the simulator did not write, only the clock is read: when its newest event happened.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from include.landing import GA4, shard_problem, table_date, table_of
from include.settings import Settings
from include.simulator.own_files import BATCH_ID, others_tables, own_batches, own_tables

_TABLES, _BATCHES = 2, 200

SEEN = """
create table seen (
    event_at bigint, device text, user_id text, name text, category text, first_seen bigint,
    transaction_id text, value double, currency text, line text
)
"""
EXPORTED = """
insert into seen
select
    event_timestamp, user_pseudo_id, user_id, event_name, device.category, user_first_touch_timestamp,
    ecommerce.transaction_id, ecommerce.purchase_revenue_in_usd, 'USD', null
from read_parquet($files, union_by_name = true)
where event_timestamp is not null and user_pseudo_id is not null
"""
#: Lines that the pipeline accepts (E4), of a device.
STREAMED = """
insert into seen
select
    event_at, line ->> 'user_pseudo_id', line ->> 'user_id', line ->> 'event_name', line ->> 'device_category',
    try_cast(line ->> 'user_first_touch_timestamp' as bigint), line ->> 'transaction_id',
    try_cast(line ->> 'value' as double), coalesce(line ->> 'currency', 'USD'), line
from (
    select line, try_cast(line ->> 'event_timestamp' as bigint) as event_at
    from (select try_cast(unnest($lines::text[]) as json) as line)
)
where
    event_at > 946_684_800_000_000
    and event_at <= coalesce(try_cast(line ->> 'received_at' as bigint), event_at) + 3_600_000_000
    and line ->> 'user_pseudo_id' <> '' and line ->> 'event_name' <> ''
"""
#: Devices that have a user, or all of whose events were read, so that nobody else can be behind them.
VISITORS = """
create view visitors as
select device, user_id, max(last_at) over (partition by coalesce(user_id, device)) as last_at, category, place
from (
    select
        device, arg_max(user_id, place) as user_id, max(event_at) as last_at,
        arg_max_null(category, place) as category, arg_max_null(first_seen, place) as first_seen, min(place) as place
    from (select *, row_number() over (order by event_at, device, name, rowid) as place from seen)
    group by device
)
where user_id is not null or first_seen >= coalesce((select min(event_at) from seen where line is null), 0)
"""
ORDERS = """
select device, o.user_id, last_at, v.category, event_at, transaction_id, value, currency
from seen as o join visitors as v using (device)
where name = 'purchase' and transaction_id <> '(not set)' and value > 0
order by event_at, device, o.rowid
"""
LAST_LINE = "select line from seen where line is not null order by rowid desc limit 1"
#: A date is the property's, which may lie west of UTC.
CLOCK = """
select max(event_timestamp) from read_parquet($file)
where event_timestamp < epoch_us($day::date) + 2 * 86_400_000_000
"""


class Visitor(NamedTuple):
    """A device as it landed. user_id: the last user seen there; last_at: the person's last event, on any device."""

    device: str
    user_id: str | None
    last_at: int
    category: str | None

    @property
    def person(self) -> str:
        """Who the pipeline takes it for."""
        return self.user_id or self.device


class LandedOrder(NamedTuple):
    """A purchase with an id and an amount, as it landed."""

    by: Visitor
    at: int
    transaction_id: str
    value: float
    currency: str


class Recent(NamedTuple):
    """newest: the newest landed event (microseconds), None where nothing landed; batches: the last batch's number.

    visitors and orders are in an order that the landed rows alone decide; last_line is the newest accepted line.
    """

    newest: int | None
    visitors: list[Visitor]
    orders: list[LandedOrder]
    batches: int
    last_line: dict[str, Any] | None


def read_recent(settings: Settings) -> Recent:
    """Read the simulator's newest export tables and batches; files that the pipeline sets aside are passed over."""
    tables = [path for path in own_tables(settings)[-_TABLES:] if shard_problem(GA4, [path]) is None]
    batches = own_batches(settings)
    lines = [line for path in batches[-_BATCHES:] for line in path.read_text("utf-8", errors="replace").splitlines()]
    recent = _recent(tables, lines, [path.stem for path in batches])
    newest = [at for at in (recent.newest, _clock(settings)) if at is not None]
    return recent._replace(newest=max(newest, default=None))


def recent_of(streamed: Sequence[tuple[str, str]]) -> Recent:
    """The same of what BigQuery's streamed table holds: batch id and text of its newest lines.

    Lines of batches that are not named as the simulator's are passed over. The export is not read, which would cost
    money.
    """
    own = [(batch_id, text) for batch_id, text in streamed if BATCH_ID.match(batch_id)]
    return _recent([], [text for _, text in own], [batch_id for batch_id, _ in own])


def _recent(tables: Sequence[Path], lines: Sequence[str], batch_ids: Iterable[str]) -> Recent:
    with duckdb.connect() as connection:
        connection.execute(SEEN)
        if tables:
            connection.execute(EXPORTED, {"files": [str(path) for path in tables]})
        connection.execute(STREAMED, {"lines": lines})
        connection.execute(VISITORS)
        found = connection.execute("select device, user_id, last_at, category from visitors order by place").fetchall()
        visitors = [Visitor(*row) for row in found]
        orders = [LandedOrder(Visitor(*row[:4]), *row[4:]) for row in connection.execute(ORDERS).fetchall()]
        last = connection.execute(LAST_LINE).fetchone()
        ((newest,),) = connection.execute("select max(event_at) from seen").fetchall()
    numbers = [int(match[1]) for batch_id in batch_ids if (match := BATCH_ID.match(batch_id))]
    return Recent(newest, visitors, orders, max(numbers, default=0), json.loads(last[0]) if last else None)


def _clock(settings: Settings) -> int | None:
    """The newest event of the export tables that the simulator did not write, no later than their date allows."""
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    dated = [
        (day, path) for path in others_tables(settings) if (day := table_date(table_of(path) or "")) and day <= tomorrow
    ]
    if not dated or shard_problem(GA4, [max(dated)[1]]) is not None:
        return None
    day, path = max(dated)
    ((newest,),) = duckdb.execute(CLOCK, {"file": str(path), "day": str(day)}).fetchall()
    return newest if newest is None else int(newest)
