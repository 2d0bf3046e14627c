-- A session holds more or fewer events than the person has in its time, or an event lies in no session, or in several:
-- a session is stale or missing.
{%- set longest = open_batches().session_days %}
with sessions as (
    select session_id, person_id, started_at, ended_at, events
    from {{ unpublished(ref('int_sessions'), 'person_id', before=longest) }} as s
),

happened as (
    select person_id, event_key, event_at, event_date
    from {{ unpublished(ref('int_events'), 'person_id', before=longest, after=longest) }} as e
),

held as (
    select s.session_id, s.person_id, s.events, count(h.event_key) as found
    from sessions as s
    left join happened as h
        on h.person_id = s.person_id and h.event_at >= s.started_at and h.event_at <= s.ended_at
    group by s.session_id, s.person_id, s.started_at, s.events
),

placed as (
    select e.person_id, e.event_key, count(s.session_id) as sessions
    from {{ unpublished(ref('int_events'), 'person_id') }} as e
    left join sessions as s
        on s.person_id = e.person_id and s.started_at <= e.event_at and s.ended_at >= e.event_at
    group by e.person_id, e.event_key
)

select person_id, session_id, events as events_in_session, found as events_of_person from held where events <> found
union all
select person_id, null as session_id, max(sessions) as events_in_session, count(*) as events_of_person
from placed
where sessions <> 1
group by person_id
