-- The newest event of a source is older than max_age_hours: its export or producer has stopped, or sends old events.
-- A source that never sent anything is not missed.
{{ config(meta={'about_nobody': true}) }}
with newest as (
    select 'GA4 export' as source, max(event_at) as event_at
    from {{ ref('stg_ga_events') }}
    where reject_reason is null
    union all
    select 'stream' as source, max(event_at) as event_at
    from {{ ref('stg_streamed_events') }}
    where reject_reason is null
)

select source, {{ utc_timestamp('event_at') }} as newest_event
from newest
where event_at < {{ run_started() }} - {{ micros(minutes=var('max_age_hours') * 60) }}
