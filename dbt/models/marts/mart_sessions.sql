-- One row a session, with the conversions that happened in it.
{{ config(
    meta={
        'replaces': 'person_id', 'at': 'session_date', 'until': 'cast(ended_at as date)', 'also': 'days_of_sessions',
    },
    partition_by={'field': 'session_date', 'data_type': 'date'},
) }}
with sessions as (
    select *
    from {{ touched_rows(ref('int_sessions'), 'person_id', 'session_date', until=utc_date('ended_at')) }} as s
    where {{ is_kept('started_at') }}
),

conversions as (
    select * from {{ rows_of_keys(ref('int_conversions'), 'person_id') }} as c
),

touchpoints as (
    select * from {{ rows_of_keys(ref('int_touchpoints'), 'person_id') }} as t
),

earned as (
    select t.session_id, count(*) as conversions, sum(c.revenue) as revenue
    from touchpoints as t
    inner join conversions as c on c.conversion_id = t.conversion_id
    where t.is_conversion_session
    group by t.session_id
)

select
    s.session_id,
    s.person_id,
    {{ utc_timestamp('s.started_at') }} as started_at,
    s.session_date,
    {{ utc_timestamp('s.ended_at') }} as ended_at,
    s.events,
    s.source,
    s.medium,
    s.campaign,
    s.channel,
    s.channel_group,
    s.source_rule,
    coalesce(e.conversions, 0) as conversions,
    {{ money('coalesce(e.revenue, 0)') }} as revenue,
    s.device_category,
    s.ga4_source,
    s.ga4_medium,
    s.ga4_campaign,
    s.channel_rule,
    s.self_referral,
    s.has_several_devices
from sessions as s
left join earned as e on e.session_id = s.session_id
