-- C6. What a touchpoint earned of a conversion's items, and of what is not itemised, is not what it earned of the
-- conversion: money was lost or made up, or the row follows from an older answer.
with credits as (
    select * from {{ unpublished(ref('mart_attribution'), 'person_id') }} as a
    where model in ({{ item_models() }}) and revenue > 0
),

items as (
    select conversion_id, model, session_id, sum(item_revenue) as revenue
    from {{ unpublished(ref('mart_item_attribution'), 'person_id') }} as i
    group by conversion_id, model, session_id
)

select
    c.conversion_id, c.model, c.session_id, c.revenue,
    i.conversion_id as item_conversion_id, i.model as item_model, i.session_id as item_session_id,
    i.revenue as item_revenue
from credits as c
full outer join items as i
    on i.conversion_id = c.conversion_id and i.model = c.model and i.session_id = c.session_id
where coalesce(i.revenue, 0) <> coalesce(c.revenue, 0)
