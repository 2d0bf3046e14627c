-- A person's sessions hold more or fewer events than the person has: a session is stale or missing.
with happened as (
    select person_id, count(*) as events
    from {{ unpublished(ref('int_events'), 'person_id') }} as e
    group by person_id
),

grouped as (
    select person_id, sum(events) as events
    from {{ unpublished(ref('int_sessions'), 'person_id') }} as s
    group by person_id
)

select h.person_id, h.events as events_of_person, g.person_id as person_of_sessions, g.events as events_in_sessions
from happened as h
full outer join grouped as g on g.person_id = h.person_id
where h.events is distinct from g.events
