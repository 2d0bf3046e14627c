-- A session is missing from mart_sessions, is there without standing below, or its conversions' revenue was lost.
with sessions as (
    select s.session_id, m.session_id as mart_session_id, s.events, m.events as mart_events
    from {{ ref('int_sessions') }} as s
    full outer join {{ ref('mart_sessions') }} as m on m.session_id = s.session_id
    where s.session_id is null or m.session_id is null or s.events is distinct from m.events
),

totals as (
    select
        (select coalesce(sum(revenue), 0) from {{ ref('int_conversions') }}) as revenue,
        (select coalesce(sum(revenue), 0) from {{ ref('mart_sessions') }}) as mart_revenue,
        (select count(*) from {{ ref('int_conversions') }}) as conversions,
        (select coalesce(sum(conversions), 0) from {{ ref('mart_sessions') }}) as mart_conversions
)

select
    session_id,
    mart_session_id,
    cast(events as {{ dbt.type_numeric() }}) as expected,
    cast(mart_events as {{ dbt.type_numeric() }}) as found
from sessions
union all
select 'total revenue' as session_id, null as mart_session_id, revenue as expected, mart_revenue as found
from totals
where revenue <> mart_revenue
union all
select 'total conversions' as session_id, null as mart_session_id, conversions as expected, mart_conversions as found
from totals
where conversions <> mart_conversions
