-- C6. An item of a conversion is missing under a model of the setting, or there without having been sold, or its
-- revenue or its pieces do not sum to what was sold.
with conversions as (
    select conversion_id, items from {{ unpublished(ref('int_conversions'), 'person_id') }} as c
),

lines as (
    {{ item_lines('conversions') }}
),

models as (
    select distinct conversion_id, model from {{ unpublished(ref('mart_attribution'), 'person_id') }} as a
    where model in ({{ item_models() }})
),

sold as (
    select
        m.model, l.conversion_id, l.item_line, l.item_id, l.item_name,
        {{ decimals("coalesce(l.revenue_cents, '0')", 2) }} as revenue,
        cast(l.quantity as {{ dbt.type_bigint() }}) as quantity
    from lines as l
    inner join models as m on m.conversion_id = l.conversion_id
),

shared as (
    select
        conversion_id, model, item_line, item_id, item_name,
        sum(item_revenue) as revenue, sum(quantity) as quantity
    from {{ unpublished(ref('mart_item_attribution'), 'person_id') }} as i
    where item_line > 0
    group by conversion_id, model, item_line, item_id, item_name
)

select
    s.conversion_id, s.model, s.item_line, s.revenue, s.quantity,
    h.conversion_id as mart_conversion_id, h.model as mart_model, h.item_line as mart_item_line,
    h.revenue as mart_revenue, h.quantity as mart_quantity
from sold as s
full outer join shared as h
    on h.conversion_id = s.conversion_id and h.model = s.model and h.item_line = s.item_line
where h.revenue is distinct from s.revenue
    or h.quantity is distinct from s.quantity
    or h.item_id is distinct from s.item_id
    or h.item_name is distinct from s.item_name
