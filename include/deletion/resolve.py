"""From ids to tombstones: which landed rows are a person's or a device's, as the warehouse knows them now (L3, I1)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import duckdb

from include.deletion.requests import Request
from include.deletion.tombstones import EVER, NEVER, Tombstone, cover, key_hash, put_tombstones

#: Every landed row that staging holds, in the words of COVERED.
STAGED_ROWS = """(
    select 'stg_ga_events' as model, shard, user_id, user_pseudo_id, null as event_id, event_at, received_at
    from stg_ga_events
    union all
    select 'stg_streamed_events', shard, user_id, user_pseudo_id, event_key, event_at, received_at
    from stg_streamed_events
)"""

#: The times in which each device's rows without user are a given user's (I1): each login up to the next user's; before
#: any login those up to the first user's.
_INTERVALS = """
with logins as (
    -- order E2, as macro event_order() has it
    select
        *,
        row_number() over (
            partition by user_pseudo_id
            order by
                event_at, batch_page_id nulls first, batch_ordering_id nulls first, batch_event_index nulls first,
                event_bundle_sequence_id nulls first, event_name, event_key
        ) as place
    from int_events
    where user_id is not null and user_pseudo_id in (
        select e.user_pseudo_id from int_events as e
        inner join requested as r on r.kind = 'person' and r.id = e.user_id
    )
),
-- of several logins in one microsecond the last counts
users as (
    select user_pseudo_id, user_id, event_at as from_at from logins
    qualify row_number() over (partition by user_pseudo_id, event_at order by place desc) = 1
    union all
    select user_pseudo_id, user_id, $ever from logins where place = 1
),
changes as (
    select * from users
    qualify user_id is distinct from lag(user_id) over (partition by user_pseudo_id order by from_at)
),
intervals as (
    select *, coalesce(lead(from_at) over (partition by user_pseudo_id order by from_at), $never) as until_at
    from changes
)
select i.user_id, i.user_pseudo_id, i.from_at, i.until_at
from intervals as i
inner join requested as r on r.kind = 'person' and r.id = i.user_id
"""

#: Persons that are devices, or may be one day: a device seen with a user is no person.
_DEVICES_AS_PERSONS = """
select id from requested where kind = 'person' and id not in (
    select user_pseudo_id from int_events where user_pseudo_id is not null and user_id is not null
)
"""

#: Events of theirs of which another copy names somebody else: that copy would come up in their place (E1).
_COPIES = """
with theirs as (
    select r.place, e.event_key
    from int_events as e inner join requested as r on r.kind = 'person' and r.id = e.person_id
    union
    select r.place, e.event_key
    from int_events as e inner join requested as r on r.kind = 'device' and r.id = e.user_pseudo_id
)
select t.place, s.event_key
from theirs as t
inner join stg_streamed_events as s on s.event_key = t.event_key and s.reject_reason is null
group by t.place, s.event_key
having count(distinct {'device': s.user_pseudo_id, 'user': s.user_id}) > 1
"""


_LAST_ROWS = """
select
    kind, key_hash, from_at, until_at, deleted_at,
    count(*), max(least(coalesce(event_at, received_at), received_at))
from covered group by all
"""


@dataclass(frozen=True)
class Resolved:
    """What one request means. rows: the staged rows that its tombstones cover."""

    request: Request
    tombstones: tuple[Tombstone, ...]
    rows: int


@dataclass(frozen=True)
class Known:
    """What the warehouse knows of those asked for.

    intervals: (user, device, from_at, until_at); devices_as_persons: ids of requested persons that are devices;
    copies: (place of the request, event_key) of events of theirs that may come up again (E1).
    """

    intervals: Sequence[tuple[str, str, int, int]]
    devices_as_persons: Sequence[str]
    copies: Sequence[tuple[int, str]]


def tombstones_of(requests: Sequence[Request], known: Known) -> list[list[Tombstone]]:
    """The tombstones of each request, in order, as of never. Pure."""
    found = [[Tombstone("user" if one.kind == "person" else "device", key_hash(one.id))] for one in requests]
    places: dict[str, list[int]] = {}
    for place, one in enumerate(requests):
        if one.kind == "person":
            places.setdefault(one.id, []).append(place)
    for user, device, from_at, until_at in known.intervals:
        for place in places[user]:
            found[place].append(Tombstone("anonymous", key_hash(device), from_at, until_at))
    for device in known.devices_as_persons:
        for place in places[device]:
            found[place].append(Tombstone("anonymous", key_hash(device)))
    for place, event_key in known.copies:
        found[place].append(Tombstone("event", key_hash(event_key)))
    return found


def dated(
    requests: Sequence[Request], found: Sequence[list[Tombstone]], covered: Sequence[Sequence[Any]], now: int
) -> list[Resolved]:
    """The same with the time up to which each reaches: `now`, or just past the last row of theirs that is here. Pure.

    covered: the fields of each tombstone that covers staged rows, how many rows, the time of the last.
    """
    last_at = {Tombstone(*row[:5]): row[6] for row in covered}
    rows = Counter({Tombstone(*row[:5]): int(row[5]) for row in covered})
    return [
        Resolved(
            request,
            tuple(replace(one, deleted_at=max(now, last_at.get(one, now - 1) + 1)) for one in theirs),
            sum(rows[one] for one in theirs),
        )
        for request, theirs in zip(requests, found, strict=True)
    ]


def resolve(warehouse: duckdb.DuckDBPyConnection, requests: Sequence[Request], now: int) -> list[Resolved]:
    """The tombstones of each request, in order. `now`, microseconds, is when it is handled: later events are new data.

    Where a row of theirs that is here already is stamped later than `now`, the tombstone reaches up to that row.
    """
    warehouse.execute("create or replace temp table requested (place integer, kind varchar, id varchar)")
    columns = [list(range(len(requests))), [one.kind for one in requests], [one.id for one in requests]]
    warehouse.execute("insert into requested select unnest(?), unnest(?), unnest(?)", columns)
    known = Known(
        intervals=warehouse.execute(_INTERVALS, {"ever": EVER, "never": NEVER}).fetchall(),
        devices_as_persons=[device for (device,) in warehouse.execute(_DEVICES_AS_PERSONS).fetchall()],
        copies=warehouse.execute(_COPIES).fetchall(),
    )
    found = tombstones_of(requests, known)
    put_tombstones(warehouse, sorted({one for theirs in found for one in theirs}))
    cover(warehouse, STAGED_ROWS)
    return dated(requests, found, warehouse.execute(_LAST_ROWS).fetchall(), now)
