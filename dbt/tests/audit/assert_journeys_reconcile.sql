-- A conversion, a touchpoint or a session that counts for no conversion is in no journey, or in one too many.
-- Of a person whom a batch touched, what lies from a window before it on is looked at.
{%- set window = {'before': var('lookback_days'), 'after': 36500} %}
{%- set no_text = 'cast(null as ' ~ dbt.type_string() ~ ')' %}
with conversions as (
    select * from {{ unpublished(ref('int_conversions'), 'person_id', **window) }} as c
),

touchpoints as (
    select * from {{ unpublished(ref('int_touchpoints'), 'person_id', **window) }} as t
),

journeys as (
    select *, cast(started_at as date) as started_date
    from {{ unpublished(ref('mart_journeys'), 'person_id', **window) }} as j
),

expected as (
    select c.person_id, c.conversion_id, c.revenue, c.net_revenue, count(t.session_id) as touchpoints
    from conversions as c
    left join touchpoints as t on t.conversion_id = c.conversion_id
    group by c.person_id, c.conversion_id, c.revenue, c.net_revenue
),

found as (
    select
        person_id, conversion_id,
        sum(revenue) as revenue, sum(net_revenue) as net_revenue, sum(touchpoints) as touchpoints
    from journeys
    where conversion_id is not null
    group by person_id, conversion_id
),

idle_sessions as (
    select person_id, session_id, {{ utc_timestamp('started_at') }} as started_at
    from {{ unpublished(ref('int_sessions'), 'person_id', **window) }} as s
    where {{ is_kept('started_at') }}
        and not exists (select 1 from touchpoints as t where t.session_id = s.session_id)
),

idle_journeys as (
    select *, {{ is_open('journeys', 'person_id', 'started_date', **window) }} as is_seen_whole
    from journeys
    where conversion_id is null
),

pairs as (
    select s.session_id, j.journey_id
    from idle_sessions as s
    inner join idle_journeys as j
        on j.person_id = s.person_id and j.started_at <= s.started_at and j.last_touched_at >= s.started_at
)

select
    coalesce(e.person_id, f.person_id) as person_id,
    coalesce(e.conversion_id, f.conversion_id) as conversion_id,
    {{ no_text }} as journey_id,
    {{ no_text }} as session_id,
    e.touchpoints,
    f.touchpoints as touchpoints_of_journeys
from expected as e
full outer join found as f on f.person_id = e.person_id and f.conversion_id = e.conversion_id
where f.touchpoints is distinct from e.touchpoints
    or f.revenue is distinct from e.revenue
    or f.net_revenue is distinct from e.net_revenue
union all
select
    j.person_id, {{ no_text }} as conversion_id, j.journey_id, {{ no_text }} as session_id,
    count(p.session_id) as touchpoints, j.touchpoints as touchpoints_of_journeys
from idle_journeys as j
left join pairs as p on p.journey_id = j.journey_id
where j.is_seen_whole
group by j.person_id, j.journey_id, j.touchpoints
having count(p.session_id) <> j.touchpoints
union all
select
    s.person_id, {{ no_text }} as conversion_id, {{ no_text }} as journey_id, s.session_id,
    1 as touchpoints, count(p.journey_id) as touchpoints_of_journeys
from idle_sessions as s
left join pairs as p on p.session_id = s.session_id
group by s.person_id, s.session_id
having count(p.journey_id) <> 1
