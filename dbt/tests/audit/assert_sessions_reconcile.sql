-- A session is missing from mart_sessions, stands there without standing below, or says something else than below.
with conversions as (
    select * from {{ unpublished(ref('int_conversions'), 'person_id', after=open_batches().session_days) }} as c
),

touchpoints as (
    select * from {{ unpublished(ref('int_touchpoints'), 'person_id', after=open_batches().session_days) }} as t
),

mart as (
    select * from {{ unpublished(ref('mart_sessions'), 'person_id') }} as m
),

earned as (
    select t.session_id, count(*) as conversions, sum(c.revenue) as revenue
    from conversions as c
    inner join touchpoints as t on t.conversion_id = c.conversion_id and t.is_conversion_session
    group by t.session_id
)

select
    s.session_id, m.session_id as mart_session_id, s.events, m.events as mart_events,
    e.conversions, m.conversions as mart_conversions, e.revenue, m.revenue as mart_revenue
from (
    select * from {{ unpublished(ref('int_sessions'), 'person_id') }} as k where {{ is_kept('started_at') }}
) as s
left join earned as e on e.session_id = s.session_id
full outer join mart as m on m.session_id = s.session_id
where s.session_id is null or m.session_id is null
    {%- for column in [
        'person_id', 'events', 'source', 'medium', 'campaign', 'channel', 'channel_group', 'source_rule',
    ] %}
    or m.{{ column }} is distinct from s.{{ column }}
    {%- endfor %}
    or m.conversions <> coalesce(e.conversions, 0)
    or m.revenue <> coalesce(e.revenue, 0)
