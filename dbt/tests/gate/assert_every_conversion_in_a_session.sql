-- A conversion without its own session among its touchpoints, or with several: credit would be lost or doubled.
with own_sessions as (
    select conversion_id, count(*) as own_sessions
    from {{ unpublished(ref('int_touchpoints'), 'person_id') }} as t
    where is_conversion_session
    group by conversion_id
)

select c.conversion_id, o.conversion_id as touched_conversion, o.own_sessions
from {{ unpublished(ref('int_conversions'), 'person_id') }} as c
full outer join own_sessions as o on o.conversion_id = c.conversion_id
where o.own_sessions is distinct from 1 or c.conversion_id is null
