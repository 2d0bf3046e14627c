-- One row a journey: the touchpoints of a conversion, or sessions of a person that count for none (T6).
{{ config(
    meta={
        'replaces': 'person_id', 'at': epoch_micros('coalesce(converted_at, started_at)'), 'also': 'journeys_around',
    },
    partition_by={'field': 'journey_date', 'data_type': 'date'},
) }}
with conversions as (
    select * from {{ touched_rows(ref('int_conversions'), 'person_id', 'converted_at') }} as c
),

touchpoints as (
    select * from {{ rows_of_keys(ref('int_touchpoints'), 'person_id') }} as t
),

sessions as (
    select * from {{ touched_rows(ref('int_sessions'), 'person_id', 'started_at') }} as s
    where {{ is_kept('started_at') }}
),

-- T6: a gap of exactly the window does not start a journey, one microsecond more does
idle as (
    select
        *,
        case
            when started_at - lag(started_at) over (partition by person_id order by started_at, session_id)
                <= {{ micros(days=var('lookback_days')) }} then 0
            else 1
        end as is_start
    from sessions as s
    where not exists (select 1 from touchpoints as t where t.session_id = s.session_id)
),

numbered as (
    select
        *,
        sum(is_start) over (
            partition by person_id order by started_at, session_id rows between unbounded preceding and current row
        ) as journey_number
    from idle
),

steps as (
    select t.conversion_id as journey_id, t.conversion_id, t.person_id, t.session_id, t.touched_at, t.channel
    from touchpoints as t
    inner join conversions as c on c.conversion_id = t.conversion_id
    union all
    select
        first_value(session_id) over (
            partition by person_id, journey_number order by started_at, session_id
            rows between unbounded preceding and unbounded following
        ) as journey_id,
        cast(null as {{ dbt.type_string() }}) as conversion_id,
        person_id, session_id, started_at as touched_at, channel
    from numbered
),

journeys as (
    select
        journey_id, conversion_id, person_id,
        min(touched_at) as started_at,
        max(touched_at) as last_touched_at,
        count(*) as touchpoints,
        string_agg({{ path_name('channel', '>') }}, ' > ' order by touched_at, session_id) as path,
        string_agg(distinct {{ path_name('channel', '+') }}, ' + ' order by {{ path_name('channel', '+') }}) as channels
    from steps
    group by journey_id, conversion_id, person_id
)

select
    coalesce(j.journey_id, c.conversion_id) as journey_id,
    c.conversion_id,
    coalesce(j.person_id, c.person_id) as person_id,
    coalesce(j.path, '(no touchpoint)') as path,
    coalesce(j.channels, '(no touchpoint)') as channels,
    coalesce(j.touchpoints, 0) as touchpoints,
    {{ utc_timestamp('j.started_at') }} as started_at,
    {{ utc_timestamp('j.last_touched_at') }} as last_touched_at,
    {{ utc_timestamp('c.converted_at') }} as converted_at,
    {{ whole_quotient('c.converted_at - j.started_at', '1000000') }} as seconds_to_convert,
    c.revenue,
    c.net_revenue,
    {{ utc_date('coalesce(c.converted_at, j.last_touched_at)') }} as journey_date
from journeys as j
full outer join conversions as c on c.conversion_id = j.conversion_id
