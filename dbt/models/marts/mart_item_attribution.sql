-- One row a conversion, line of its items, touchpoint and model: what the touchpoint earns of the line (C6).
{{ config(
    meta={'replaces': 'person_id', 'at': 'conversion_date'},
    partition_by={'field': 'conversion_date', 'data_type': 'date'},
) }}
with credits as (
    select
        conversion_id, person_id, conversion_date, transaction_id, customer_type, model, fit_id, session_id, position,
        source, medium, campaign, channel, channel_group, credit, revenue,
        {{ billionths('credit') }} as weight,
        {{ wide(1000000000) }} as total_weight
    from {{ touched_rows(ref('mart_attribution'), 'person_id', 'conversion_date') }} as a
    where model in ({{ item_models() }}) and (credit > 0 or revenue > 0)
),

conversions as (
    select conversion_id, items, items_issue
    from {{ touched_rows(ref('int_conversions'), 'person_id', 'conversion_date') }} as c
),

lines as (
    {{ item_lines('conversions') }}
),

shared as (
    select
        c.*,
        l.item_line, l.item_id, l.item_name, l.item_brand, l.item_variant, l.item_category, l.item_issue,
        cast(l.quantity as {{ dbt.type_bigint() }}) as quantity,
        {{ wide("coalesce(l.revenue_cents, '0')") }} as line_cents,
        {{ whole_share(wide("coalesce(l.revenue_cents, '0')"), 'line') }}
    from credits as c
    inner join lines as l on l.conversion_id = c.conversion_id
),

earned as (
    select
        *,
        {{ decimals(apportioned('line_cents', 'line', 'conversion_id, model, item_line'), 2) }} as item_revenue
    from shared
),

sold as (
    select conversion_id, model, session_id, sum(item_revenue) as item_revenue
    from earned
    group by conversion_id, model, session_id
),

-- what of the touchpoint's revenue no line accounts for, and that of orders without items
others as (
    select c.*, n.items_issue, c.revenue - coalesce(s.item_revenue, 0) as item_revenue
    from credits as c
    inner join conversions as n on n.conversion_id = c.conversion_id
    left join sold as s on s.conversion_id = c.conversion_id and s.model = c.model and s.session_id = c.session_id
)

{% set of_credit = 'conversion_id, person_id, conversion_date, transaction_id, customer_type, model, fit_id, session_id,
    position, source, medium, campaign, channel, channel_group, credit' -%}
select
    {{ of_credit }},
    item_line, item_id, item_name, item_brand, item_variant, item_category,
    {{ decimals(wide('quantity') ~ ' * weight', 9) }} as quantity,
    item_revenue,
    item_issue
from earned
union all
select
    {{ of_credit }},
    0 as item_line,
    {%- for name in item_names() %}
    {{ "'(not itemised)'" if name == 'item_name' else 'cast(null as ' ~ dbt.type_string() ~ ')' }} as {{ name }},
    {%- endfor %}
    null as quantity,
    {{ money('item_revenue') }} as item_revenue,
    items_issue as item_issue
from others
where item_revenue <> 0
