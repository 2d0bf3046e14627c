-- A conversion, a touchpoint or a session that counts for no conversion is in no journey, or in one too many.
with conversions as (
    select * from {{ unpublished(ref('int_conversions'), 'person_id', whole=true) }} as c
),

touchpoints as (
    select * from {{ unpublished(ref('int_touchpoints'), 'person_id', whole=true) }} as t
),

expected as (
    select c.person_id, c.conversion_id, c.revenue, c.net_revenue, count(t.session_id) as touchpoints
    from conversions as c
    left join touchpoints as t on t.conversion_id = c.conversion_id
    group by c.person_id, c.conversion_id, c.revenue, c.net_revenue
    union all
    select
        person_id, cast(null as {{ dbt.type_string() }}) as conversion_id,
        null as revenue, null as net_revenue, count(*) as touchpoints
    from {{ unpublished(ref('int_sessions'), 'person_id', whole=true) }} as s
    where {{ is_kept('started_at') }}
        and not exists (select 1 from touchpoints as t where t.session_id = s.session_id)
    group by person_id
),

found as (
    select
        person_id, conversion_id,
        sum(revenue) as revenue, sum(net_revenue) as net_revenue, sum(touchpoints) as touchpoints
    from {{ unpublished(ref('mart_journeys'), 'person_id', whole=true) }} as j
    group by person_id, conversion_id
)

select
    e.person_id, e.conversion_id, e.touchpoints, f.person_id as person_of_journeys,
    f.conversion_id as conversion_of_journeys, f.touchpoints as touchpoints_of_journeys
from expected as e
full outer join found as f
    on f.person_id = e.person_id and coalesce(f.conversion_id, '') = coalesce(e.conversion_id, '')
where f.touchpoints is distinct from e.touchpoints
    or f.revenue is distinct from e.revenue
    or f.net_revenue is distinct from e.net_revenue
