"""From ids to tombstones: which landed rows are a person's or a device's, as the warehouse knows them now (L3, I1)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from include.deletion.requests import Request
from include.deletion.tombstones import EVER, NEVER, STAGED_ROWS, Dialect, Tombstone, arrays, key_hash
from include.store import Store

#: The times in which each device's rows without user are a given user's (I1): each login up to the next user's; before
#: any login those up to the first user's.
_INTERVALS = """
with logins as (
    -- order E2, as macro event_order() has it
    select
        user_pseudo_id, user_id, event_at,
        row_number() over (
            partition by user_pseudo_id
            order by
                event_at, batch_page_id nulls first, batch_ordering_id nulls first, batch_event_index nulls first,
                event_bundle_sequence_id nulls first, event_name, event_key
        ) as place
    from {int_events} as e
    where user_id is not null and user_pseudo_id in (
        select o.user_pseudo_id from {int_events} as o where o.user_id in (select * from unnest($people))
    )
),
-- of several logins in one microsecond the last counts
last_of_moment as (
    select user_pseudo_id, user_id, event_at as from_at from logins
    where true
    qualify row_number() over (partition by user_pseudo_id, event_at order by place desc) = 1
),
users as (
    select user_pseudo_id, user_id, from_at from last_of_moment
    union all
    select user_pseudo_id, user_id, $ever from logins where place = 1
),
changes as (
    select * from users
    where true
    qualify user_id is distinct from lag(user_id) over (partition by user_pseudo_id order by from_at)
),
intervals as (
    select *, coalesce(lead(from_at) over (partition by user_pseudo_id order by from_at), $never) as until_at
    from changes
)
select user_id, user_pseudo_id, from_at, until_at from intervals where user_id in (select * from unnest($people))
"""

#: Persons that are devices, or may be one day: a device seen with a user is no person.
_DEVICES_AS_PERSONS = """
select distinct id from unnest($people) as id where id not in (
    select user_pseudo_id from {int_events} as e where user_pseudo_id is not null and user_id is not null
)
"""

#: Events of theirs of which another copy names somebody else: that copy would come up in their place (E1).
_COPIES = """
with theirs as (
    select 'person' as kind, person_id as id, event_key
    from {int_events} as e where person_id in (select * from unnest($people))
    union distinct
    select 'device', user_pseudo_id, event_key
    from {int_events} as e where user_pseudo_id in (select * from unnest($devices))
)
select t.kind, t.id, s.event_key
from theirs as t
inner join {stg_streamed_events} as s on s.event_key = t.event_key
where s.reject_reason is null
group by t.kind, t.id, s.event_key
having min(coalesce(s.user_pseudo_id, '')) <> max(coalesce(s.user_pseudo_id, ''))
    or min(coalesce(s.user_id, '')) <> max(coalesce(s.user_id, ''))
"""

_LAST_ROWS = """
select
    kind, key_hash, from_at, until_at, deleted_at,
    count(*), max(least(coalesce(event_at, received_at), received_at))
from {covered} as c
group by kind, key_hash, from_at, until_at, deleted_at
"""


@dataclass(frozen=True)
class Resolved:
    """What one request means. rows: the staged rows that its tombstones cover."""

    request: Request
    tombstones: tuple[Tombstone, ...]
    rows: int


def tombstones_of(store: Store, requests: Sequence[Request], tables: Mapping[str, str]) -> list[list[Tombstone]]:
    """The tombstones of each request, in order, as of never."""
    people, devices = ([one.id for one in requests if one.kind == kind] for kind in ("person", "device"))
    found: dict[tuple[str, str], list[Tombstone]] = {
        (one.kind, one.id): [Tombstone("user" if one.kind == "person" else "device", key_hash(one.id))]
        for one in requests
    }
    intervals = store.rows(_INTERVALS.format(**tables), people=people, ever=EVER, never=NEVER)
    for user, device, from_at, until_at in intervals:
        found["person", user].append(Tombstone("anonymous", key_hash(device), from_at, until_at))
    for (device,) in store.rows(_DEVICES_AS_PERSONS.format(**tables), people=people):
        found["person", device].append(Tombstone("anonymous", key_hash(device)))
    for kind, key, event_key in store.rows(_COPIES.format(**tables), people=people, devices=devices):
        found[kind, key].append(Tombstone("event", key_hash(event_key)))
    return [found[one.kind, one.id] for one in requests]


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


def resolve(store: Store, dialect: Dialect, requests: Sequence[Request], now: int) -> list[Resolved]:
    """The tombstones of each request, in order. `now`, microseconds, is when it is handled: later events are new data.

    Where a row of theirs that is here already is stamped later than `now`, the tombstone reaches up to that row.
    """
    tables = store.parts_of("every", [], "int_events", "stg_ga_events", "stg_streamed_events")
    found = tombstones_of(store, requests, tables)
    given = arrays(sorted({one for theirs in found for one in theirs}))
    covered = dialect.covered(STAGED_ROWS.format(**tables), dialect.given)
    return dated(requests, found, store.rows(_LAST_ROWS.format(covered=covered), **given), now)
