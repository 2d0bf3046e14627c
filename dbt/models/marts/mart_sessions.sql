-- One row a session, with the conversions that happened in it.
with sessions as (
    select * from {{ ref('int_sessions') }} where {{ touched_only('person_id') }} and {{ is_kept('started_at') }}
),

earned as (
    select t.session_id, count(*) as conversions, sum(c.revenue) as revenue
    from {{ ref('int_touchpoints') }} as t
    inner join {{ ref('int_conversions') }} as c on c.conversion_id = t.conversion_id
    where t.is_conversion_session and {{ touched_only('t.person_id') }}
    group by t.session_id
)

select
    s.session_id,
    s.person_id,
    {{ utc_timestamp('s.started_at') }} as started_at,
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
    s.ga4_campaign
from sessions as s
left join earned as e on e.session_id = s.session_id
