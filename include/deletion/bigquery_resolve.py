"""From ids to tombstones on BigQuery; include/deletion/resolve.py says what each of the statements is for."""

from __future__ import annotations

from collections.abc import Sequence

from include.deletion.bigquery_tombstones import GIVEN, STAGED_ROWS, arrays, covered
from include.deletion.requests import Request
from include.deletion.resolve import Known, Resolved, dated, tombstones_of
from include.deletion.tombstones import EVER, NEVER
from include.store_bigquery import BigQueryStore

_INTERVALS = """
with logins as (
    -- order E2, as macro event_order() has it; BigQuery puts nulls first by itself
    select
        user_pseudo_id, user_id, event_at,
        row_number() over (
            partition by user_pseudo_id
            order by
                event_at, batch_page_id, batch_ordering_id, batch_event_index, event_bundle_sequence_id, event_name,
                event_key
        ) as place
    from int_events
    where bucket >= 0 and user_id is not null and user_pseudo_id in (
        select e.user_pseudo_id from int_events as e where e.bucket >= 0 and e.user_id in unnest($people)
    )
),
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
select user_id, user_pseudo_id, from_at, until_at from intervals where user_id in unnest($people)
"""

_DEVICES_AS_PERSONS = """
select distinct id from unnest($people) as id where id not in (
    select user_pseudo_id from int_events
    where bucket >= 0 and user_pseudo_id is not null and user_id is not null
)
"""

_COPIES = """
with requested as (
    select place, kind, $ids[offset(place)] as id from unnest($asked) as kind with offset as place
),
theirs as (
    select r.place, e.event_key
    from int_events as e inner join requested as r on r.kind = 'person' and r.id = e.person_id
    where e.bucket >= 0
    union distinct
    select r.place, e.event_key
    from int_events as e inner join requested as r on r.kind = 'device' and r.id = e.user_pseudo_id
    where e.bucket >= 0
)
select t.place, s.event_key
from theirs as t
inner join stg_streamed_events as s on s.event_key = t.event_key
where s.bucket >= 0 and s.reject_reason is null
group by t.place, s.event_key
having count(distinct to_json_string(struct(s.user_pseudo_id, s.user_id))) > 1
"""

_LAST_ROWS = f"""
select
    kind, key_hash, from_at, until_at, deleted_at,
    count(*), max(least(coalesce(event_at, received_at), received_at))
from {covered(STAGED_ROWS, GIVEN)} as c
group by kind, key_hash, from_at, until_at, deleted_at
"""  # noqa: S608 - constants


def resolve(store: BigQueryStore, requests: Sequence[Request], now: int) -> list[Resolved]:
    """As include.deletion.resolve.resolve."""
    people = [one.id for one in requests if one.kind == "person"]
    asked, ids = [one.kind for one in requests], [one.id for one in requests]
    known = Known(
        intervals=[
            (user, device, from_at, until_at)
            for user, device, from_at, until_at in store.rows(_INTERVALS, people=people, ever=EVER, never=NEVER)
        ],
        devices_as_persons=[device for (device,) in store.rows(_DEVICES_AS_PERSONS, people=people)],
        copies=[(place, key) for place, key in store.rows(_COPIES, asked=asked, ids=ids)],
    )
    found = tombstones_of(requests, known)
    given = arrays(sorted({one for theirs in found for one in theirs}))
    return dated(requests, found, store.rows(_LAST_ROWS, **given), now)
