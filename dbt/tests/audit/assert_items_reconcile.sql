-- C6. What a touchpoint earned of a conversion's items and of the rest is not what it earned of the conversion, or an
-- item's revenue or quantity was lost, made up or shared with the wrong sum.
with conversions as (
    select conversion_id, items from {{ unpublished(ref('int_conversions'), 'person_id') }} as c
),

listed as (
    {{ parts_of('conversions', 'items', line_sign()) }}
),

mart as (
    select * from {{ unpublished(ref('mart_item_attribution'), 'person_id') }} as i
),

credits as (
    select * from {{ unpublished(ref('mart_attribution'), 'person_id') }} as a
    where model in ({{ item_models() }})
),

expected as (
    select conversion_id, model, session_id, cast(null as {{ dbt.type_bigint() }}) as item_line, revenue,
        null as quantity
    from credits
    union all
    select c.conversion_id, c.model, null as session_id, l.place as item_line,
        {{ decimals("coalesce(" ~ part_at('l.part', field_sign(), item_columns().index('revenue_cents') + 1) ~ ", '0')", 2) }}
            as revenue,
        cast({{ part_at('l.part', field_sign(), item_columns().index('quantity') + 1) }} as {{ dbt.type_numeric() }})
            as quantity
    from (select distinct conversion_id, model from credits) as c
    inner join listed as l on l.conversion_id = c.conversion_id
),

found as (
    select conversion_id, model, session_id, cast(null as {{ dbt.type_bigint() }}) as item_line,
        sum(item_revenue) as revenue, null as quantity
    from mart
    group by conversion_id, model, session_id
    union all
    select conversion_id, model, null as session_id, item_line, sum(item_revenue) as revenue, sum(quantity) as quantity
    from mart
    where item_line > 0
    group by conversion_id, model, item_line
)

select
    e.conversion_id, e.model, e.session_id, e.item_line, e.revenue, e.quantity,
    f.conversion_id as mart_conversion_id, f.model as mart_model, f.session_id as mart_session_id,
    f.item_line as mart_item_line, f.revenue as mart_revenue, f.quantity as mart_quantity
from expected as e
full outer join found as f
    on f.conversion_id = e.conversion_id and f.model = e.model
    and coalesce(f.session_id, '') = coalesce(e.session_id, '') and coalesce(f.item_line, 0) = coalesce(e.item_line, 0)
where coalesce(f.revenue, 0) <> coalesce(e.revenue, 0)
    or f.quantity is distinct from e.quantity
    or (f.item_line > 0 and e.item_line is null)
    or (e.item_line > 0 and f.item_line is null)
