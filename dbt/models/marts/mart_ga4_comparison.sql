-- One row a session of which GA4 names its own source: GA4's beside ours, and why they differ (S6).
-- BigQuery's script asks it for the days that a batch touches (declarations.sql): depends_on {{ ref('int_sessions') }}
{{ config(
    meta={'replaces': 'person_id', 'since': 'session_date', 'also': 'sessions_around'},
    partition_by=by_day('session_date'),
) }}
with sessions as (
    select * from {{ looked_up(ref('mart_sessions'), touched_only('person_id')) }} as s
),

first_seen as (
    select person_id, lower(source) as source, lower(medium) as medium, min(started_at) as first_at
    from sessions
    group by person_id, lower(source), lower(medium)
),

compared as (
    select
        session_id, person_id, started_at, session_date, source, medium, campaign, channel_group, channel, source_rule,
        self_referral, has_several_devices, conversions, revenue,
        coalesce(ga4_source, '(not set)') as ga4_source,
        coalesce(ga4_medium, '(not set)') as ga4_medium,
        coalesce(ga4_campaign, '(not set)') as ga4_campaign
    from sessions
    where (ga4_source is not null or ga4_medium is not null)
        and {{ in_this_run('sessions', 'person_id', 'session_date') }}
),

looked_back as (
    select c.*, coalesce(f.first_at < c.started_at, false) as was_seen
    from compared as c
    left join first_seen as f
        on f.person_id = c.person_id and f.source = lower(c.ga4_source) and f.medium = lower(c.ga4_medium)
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
