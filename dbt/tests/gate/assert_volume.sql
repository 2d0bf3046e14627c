-- A day's events, conversions or revenue are far from the median of the days before: not all of them came, or they came
-- without amounts, or twice. A day is an export table that no published run shows yet, or the stream's last whole day.
{{ config(meta={'about_nobody': true}) }}
{%- set shards = 'select shard from ' ~ unpublished(ref('stg_ga_events'), 'shard') ~ ' as s' %}
with landed as (
    select 'GA4 export' as source, shard as period, event_name, amount
    from {{ ref('stg_ga_events') }} where reject_reason is null and shard like 'events_2%'
    union all
    select 'stream' as source, cast({{ utc_date('event_at') }} as {{ dbt.type_string() }}) as period, event_name, amount
    from {{ ref('stg_streamed_events') }} where reject_reason is null
),

days as (
    select
        source, period,
        count(*) as events,
        count(case when {{ is_conversion('event_name') }} then 1 end) as conversions,
        coalesce(sum(case when {{ is_conversion('event_name') }} then amount end), 0) as revenue,
        row_number() over (partition by source order by period) as place,
        row_number() over (partition by source order by period desc) as age
    from landed
    group by source, period
),

measured as (
    {%- for measure in ['events', 'conversions', 'revenue'] %}
    {{ 'union all' if not loop.first }}
    select source, period, place, age, events, conversions, '{{ measure }}' as measure, {{ measure }} as found from days
    {%- endfor %}
),

-- the days before each, in order of size
before as (
    select
        d.source, d.period, d.age, d.measure, d.found, b.found as usual, b.events, b.conversions,
        row_number() over (partition by d.source, d.period, d.measure order by b.found, b.period) as rank_of_day,
        count(*) over (partition by d.source, d.period, d.measure) as days_before
    from measured as d
    inner join measured as b
        on b.source = d.source and b.measure = d.measure
        and b.place between d.place - {{ var('volume_days') }} and d.place - 1
),

compared as (
    select
        source, period, age, measure, found, days_before,
        avg(case when 2 * rank_of_day between days_before and days_before + 2 then usual end) as usual,
        avg(conversions) as usual_conversions, avg(events) as usual_events
    from before
    group by source, period, age, measure, found, days_before
)

select source, period, measure, found, usual
from compared
where 2 * days_before >= {{ var('volume_days') }}
    and usual_events >= {{ var('volume_least').events }}
    and (measure = 'events' or usual_conversions >= {{ var('volume_least').conversions }})
    and (found < {{ var('volume_range').lowest }} * usual or found > {{ var('volume_range').highest }} * usual)
    and (source = 'stream' and age = 2 or source = 'GA4 export' and period in ({{ shards }}))
order by source, period, measure
