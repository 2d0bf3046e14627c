-- One row a conversion, touchpoint and model: what part of the conversion, and of its money, the touchpoint earns.
{{ config(
    meta={
        'replaces': 'person_id', 'at': 'conversion_date', 'logs': ['conversion_date', 'person_id'],
        'starts_if': 'fits_moved', 'also': 'stale_fits', 'then': 'remember_fits',
    },
    partition_by={'field': 'conversion_date', 'data_type': 'date'},
) }}
with conversions as (
    select * from {{ touched_rows(ref('int_conversions'), 'person_id', 'conversion_date') }} as c
),

touchpoints as (
    select
        *,
        count(*) over (partition by conversion_id) as touchpoints,
        count(*) over (partition by conversion_id, channel) as channel_touches,
        max(touched_at) over (partition by conversion_id) as last_touched_at,
        -- T2: the latest that is not direct, the latest of all when every one is
        coalesce(
            max(case when not is_direct then position end) over (partition by conversion_id),
            count(*) over (partition by conversion_id)
        ) as last_click_position
    from {{ touched_rows(ref('int_touchpoints'), 'person_id', 'conversion_date') }} as t
),

models as ({{ models_by_date() }}),

journeys as (
    select
        c.conversion_id, c.person_id, c.conversion_date, c.converted_at, c.revenue, c.net_revenue, c.customer_type,
        c.event_name, c.transaction_id, m.model, m.fit_id,
        t.session_id, t.position, t.touched_at, t.source, t.medium, t.campaign, t.channel, t.channel_group,
        t.device_category, t.channel_rule, t.touchpoints, t.last_touched_at, t.last_click_position, t.channel_touches,
        f.weight as channel_weight
    from conversions as c
    inner join models as m on m.from_date <= c.conversion_date and m.until_date > c.conversion_date
    left join touchpoints as t on t.conversion_id = c.conversion_id
    left join {{ fits() }} as f on f.fit_id = m.fit_id and f.model = m.model and f.channel = t.channel
),

weighted as (
    select *, {{ touch_weight() }} as weight from journeys
),

totalled as (
    select *, sum(weight) over (partition by conversion_id, model) as total_weight from weighted
),

shared as (
    select
        *,
        {{ whole_share(wide(1000000000), 'credit') }},
        {{ whole_share(cents('revenue'), 'revenue') }},
        {{ whole_share(cents('net_revenue'), 'net_revenue') }}
    from totalled
),

earned as (
    select
        *,
        {{ apportioned(wide(1000000000), 'credit') }} as credit_units,
        {{ apportioned(cents('revenue'), 'revenue') }} as revenue_cents,
        {{ apportioned(cents('net_revenue'), 'net_revenue') }} as net_revenue_cents
    from shared
)

select
    conversion_id, person_id, conversion_date, {{ utc_timestamp('converted_at') }} as converted_at,
    model,
    fit_id,
    session_id,
    position,
    coalesce(touchpoints, 0) as touchpoints,
    {{ utc_timestamp('touched_at') }} as touched_at,
    source, medium, campaign, channel, channel_group,
    {{ decimals('credit_units', 9) }} as credit,
    {{ decimals('revenue_cents', 2) }} as revenue,
    {{ decimals('net_revenue_cents', 2) }} as net_revenue,
    device_category,
    customer_type,
    event_name,
    transaction_id,
    channel_rule
from earned
