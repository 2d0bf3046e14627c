{#- A mart of single-touch attribution: a row a conversion, with the touchpoint that comes first in `order` (T2). A
    conversion without any touchpoint would stay visible, with nulls. -#}
{% macro single_touch(order) %}
with conversions as (
    select * from {{ touched_rows(ref('int_conversions'), 'person_id', 'conversion_date') }} as c
),

credited as (
    select
        *,
        count(*) over (partition by conversion_id) as touchpoints
    from {{ touched_rows(ref('int_touchpoints'), 'person_id', 'conversion_date') }} as t
    qualify row_number() over (partition by conversion_id order by {{ order }}) = 1
)

select
    c.conversion_id,
    c.person_id,
    c.transaction_id,
    {{ utc_timestamp('c.converted_at') }} as converted_at,
    c.conversion_date,
    c.revenue,
    c.net_revenue,
    c.revenue_issue,
    t.session_id,
    {{ utc_timestamp('t.touched_at') }} as touched_at,
    t.source,
    t.medium,
    t.campaign,
    t.channel,
    t.channel_group,
    t.source_rule,
    coalesce(t.touchpoints, 0) as touchpoints,
    {{ lookback_complete('c.converted_at') }} as lookback_complete,
    t.device_category,
    c.customer_type,
    c.event_name,
    t.channel_rule,
    c.shipping,
    c.tax
from conversions as c
left join credited as t on t.conversion_id = c.conversion_id
{% endmacro %}
