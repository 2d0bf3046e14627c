-- One row a session of a person: consecutive events of both sources with no gap above the timeout.
{{ config(partition_by={'field': 'session_date', 'data_type': 'date'}, meta={
    'replaces': 'person_id', 'at': 'started_at', 'until': 'ended_at', 'logs': 'person_id',
    'also': 'sessions_around', 'beside': 'note_longest_session',
}) }}
-- X1: a gap of exactly the timeout does not start a session, one microsecond more does
with marked as (
    select
        *,
        row_number() over (partition by person_id order by {{ event_order() }}) as place,
        case
            when event_at - lag(event_at) over (partition by person_id order by {{ event_order() }})
                <= {{ micros(minutes=var('session_timeout_minutes')) }} then 0
            else 1
        end as is_start
    from {{ touched_rows(ref('int_events'), 'person_id', 'event_at') }} as e
),

-- what a session is made of, as small as it goes: the window sorts it
numbered as (
    select
        person_id, place, event_at, user_pseudo_id,
        case when is_start = 1 then event_key end as first_key,
        evidence = 'source' as is_source,
        evidence = 'source' and {{ is_complete('source', 'medium') }} as is_complete_source,
        case when evidence = 'self_referral' then source end as self_referral,
        ga4_source is not null or ga4_medium is not null as has_ga4,
        device_category is not null as has_device,
        sum(is_start) over (
            partition by person_id order by place rows between unbounded preceding and current row
        ) as session_number
    from marked
),

-- S5: the places of the first evidence that is neither direct nor our own page, of GA4's own answer and of the device
placed as (
    select
        person_id,
        min(event_at) as started_at,
        max(event_at) as ended_at,
        count(*) as events,
        max(first_key) as first_key,
        min(case when is_source then place end) as source_place,
        min(case when is_source then event_at end) as source_at,
        min(case when is_complete_source then place end) as complete_place,
        min(case when is_complete_source then event_at end) as complete_at,
        min(case when has_ga4 then place end) as ga4_place,
        min(case when has_device then place end) as device_place,
        min(self_referral) as self_referral,
        min(user_pseudo_id) < max(user_pseudo_id) as has_several_devices
    from numbered
    group by person_id, session_number
),

-- S5: of one microsecond, which no gap parts, the first complete evidence counts for whatever else is evidence there
sessions as (
    select *, case when complete_at = source_at then complete_place else source_place end as evidence_place
    from placed
),

sourced as (
    select
        s.*,
        coalesce(e.source, '(direct)') as source,
        coalesce(e.medium, '(none)') as medium,
        coalesce(e.campaign, '(not set)') as campaign,
        coalesce(e.source_rule, 'direct') as source_rule,
        g.ga4_source,
        g.ga4_medium,
        g.ga4_campaign,
        d.device_category
    from sessions as s
    left join marked as e on e.person_id = s.person_id and e.place = s.evidence_place
    left join marked as g on g.person_id = s.person_id and g.place = s.ga4_place
    left join marked as d on d.person_id = s.person_id and d.place = s.device_place
),

{{ channel_ctes('select source, medium, campaign from sourced') }}

select
    -- X2: the id depends on content alone
    {{ content_id(['s.person_id', 's.first_key']) }} as session_id,
    s.person_id, s.started_at, {{ utc_date('s.started_at') }} as session_date, s.ended_at, s.events,
    s.source, s.medium, s.campaign, s.source_rule, c.channel_group, c.channel, c.channel_rule,
    s.source_rule = 'direct' as is_direct,
    s.device_category, s.self_referral, coalesce(s.has_several_devices, false) as has_several_devices,
    s.ga4_source, s.ga4_medium, s.ga4_campaign
from sourced as s
inner join channels as c on c.source = s.source and c.medium = s.medium and c.campaign = s.campaign
