-- One row a conversion and a session that may earn credit for it.
{{ config(
    meta={
        'replaces': 'person_id', 'at': 'conversion_date', 'after': 'lookback', 'logs': 'person_id',
        'also': 'days_of_touchpoints',
    },
    partition_by={'field': 'conversion_date', 'data_type': 'date'},
) }}
-- a session is a touchpoint of the conversions up to a window later
with conversions as (
    select * from {{ touched_rows(ref('int_conversions'), 'person_id', 'conversion_date', after=margin('after')) }} as c
),

sessions as (
    select * from {{ rows_of_keys(ref('int_sessions'), 'person_id') }} as s
)

select
    c.conversion_id,
    c.person_id,
    s.session_id,
    row_number() over (partition by c.conversion_id order by s.started_at, s.session_id) as position,
    s.started_at as touched_at,
    s.ended_at >= c.converted_at as is_conversion_session,
    s.source, s.medium, s.campaign, s.source_rule, s.channel_group, s.channel, s.is_direct, s.device_category,
    s.channel_rule,
    c.conversion_date
from conversions as c
-- T1: started within the window, both ends inclusive; the conversion's own session always counts
inner join sessions as s
    on s.person_id = c.person_id
    and s.started_at <= c.converted_at
    and (
        s.started_at >= c.converted_at - {{ micros(days=var('lookback_days')) }}
        or s.ended_at >= c.converted_at
    )
