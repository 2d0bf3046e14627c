-- One row a session of which GA4 names its own source: GA4's beside ours, and why they differ (S6).
{{ config(
    meta={
        'replaces': 'person_id', 'at': 'session_date', 'before': 'longest_session', 'after': 'ga4_memory',
        'also': 'days_of_comparison',
    },
    partition_by={'field': 'session_date', 'data_type': 'date'},
) }}
with sessions as (
    select *, {{ epoch_micros('started_at') }} as began_at
    from {{ rows_of_keys(ref('mart_sessions'), 'person_id') }} as s
),

compared as (
    select
        session_id, person_id, started_at, began_at, session_date, source, medium, campaign, channel_group, channel,
        source_rule, self_referral, has_several_devices, conversions, revenue,
        coalesce(ga4_source, '(not set)') as ga4_source,
        coalesce(ga4_medium, '(not set)') as ga4_medium,
        coalesce(ga4_campaign, '(not set)') as ga4_campaign
    from sessions
    where (ga4_source is not null or ga4_medium is not null) and {{ is_touched('person_id', 'session_date') }}
),

-- S6: whether a session before, as far as GA4 may remember, has the source and medium that GA4 names
seen as (
    select
        session_id,
        max(is_ours) over (
            partition by person_id, source, medium order by began_at
            range between {{ ga4_memory() }} preceding and 1 preceding
        ) as was_seen
    from (
        select null as session_id, person_id, lower(source) as source, lower(medium) as medium, began_at, 1 as is_ours
        from sessions
        union all
        select
            session_id, person_id, lower(ga4_source) as source, lower(ga4_medium) as medium, began_at, 0 as is_ours
        from compared
    ) as both_sides
),

looked_back as (
    select c.*, coalesce(s.was_seen = 1, false) as was_seen
    from compared as c
    inner join seen as s on s.session_id = c.session_id
),

explained as (
    select *, {{ ga4_difference() }} as difference from looked_back
),

{{ channel_ctes('select ga4_source as source, ga4_medium as medium, ga4_campaign as campaign from compared') }}

select
    e.session_id, e.person_id, e.session_date, e.started_at,
    e.source, e.medium, e.campaign, e.channel_group, e.channel, e.source_rule,
    e.ga4_source, e.ga4_medium, e.ga4_campaign,
    g.channel_group as ga4_channel_group,
    g.channel as ga4_channel,
    e.difference,
    e.conversions,
    e.revenue
from explained as e
inner join channels as g on g.source = e.ga4_source and g.medium = e.ga4_medium and g.campaign = e.ga4_campaign
