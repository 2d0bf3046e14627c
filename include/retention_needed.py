"""What readers see and what that needs (docs/semantics.md L4), in SQL that both engines take.

Tables are named in braces, because BigQuery reads none that lies in buckets without saying which.
"""

from __future__ import annotations

from include.settings import Settings
from include.variables import read_variables

#: The longest that an accepted event may be ahead of its arrival (max_future_minutes); a later one goes by its arrival.
AHEAD = 100_000 * 60_000_000
YEAR_2000 = 946_684_800_000_000

#: People of whom readers see something older than the horizon.
CROSSING = """
select person_id from {int_conversions} where converted_at < $kept_from
union distinct
select person_id from {mart_sessions} where {started_us} < $kept_from
"""

#: The start of the first session that may still earn credit: of all that ended within a look-back of the horizon.
NEEDED_FROM = """
select least($window_from, coalesce(min(started_at), $window_from)) from {int_sessions} where ended_at >= $window_from
"""

#: {order}: what tells orders apart, from `order_columns`.
#: Events before `before` that something inside the window needs: the last login on a device that is still used (I1);
#: the events of an order that still has some (C1, C3), and the logins that say whose they are.
NEEDED = """
with old as (select * from {int_events} where event_at < $before),
orders as (
    select {order} from {int_events}
    where transaction_id is not null
    group by {order} having max(event_at) >= $before
),
order_events as (select o.* from old as o inner join orders as r using ({order})),
used as (select distinct user_pseudo_id from {int_events} where event_at >= $before),
told as (select distinct user_pseudo_id from order_events where user_id is null),
logins as (
    select o.* from old as o
    where o.user_id is not null and o.user_pseudo_id in (select user_pseudo_id from told)
    union all
    select l.* from (
        select * from old where user_id is not null and user_pseudo_id in (select user_pseudo_id from used)
        -- the last in order E2
        qualify row_number() over (
            partition by user_pseudo_id
            order by
                event_at desc, batch_page_id desc nulls last, batch_ordering_id desc nulls last,
                batch_event_index desc nulls last, event_bundle_sequence_id desc nulls last, event_name desc,
                event_key desc
        ) = 1
    ) as l
)
select distinct event_key, user_pseudo_id, user_id, event_at, event_name, transaction_id
from (select * from order_events union all select * from logins) as all_needed
"""

#: Streamed events of which a copy is needed or young: all copies stay, or another would come up in its place (E1).
NEEDED_KEYS = """
select event_key from {needed}
union distinct
select event_key from {stg_streamed_events} where reject_reason is null
group by event_key having min(event_at) < $before and max(event_at) >= $before
"""

#: Whether a landed row is old, by its event's time where that is one; dbt's macro old_event_hash says the same.
IS_OLD = """
case when event_at between $least_time and received_at + $ahead then event_at else received_at end < $before
"""

#: Staged rows that are old and not needed, which staging leaves out from now on.
DROPPED = f"""
select distinct model, shard
from (
    select 'stg_ga_events' as model, shard, event_key, event_at, received_at from {{stg_ga_events}}
    union all
    select 'stg_streamed_events', shard, event_key, event_at, received_at from {{stg_streamed_events}}
) as s
where {IS_OLD} and event_key not in (select event_key from {{needed_keys}})
"""  # noqa: S608 - constants


def order_columns(settings: Settings) -> dict[str, str]:
    """What tells orders apart in NEEDED, by the setting order_scope of dbt_project.yml (C1)."""
    by_shop = read_variables(settings)["order_scope"] == "shop"
    return {"order": "transaction_id" if by_shop else "person_id, transaction_id"}
