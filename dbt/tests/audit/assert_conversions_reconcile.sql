-- A conversion is missing from a mart, or its revenue changed on the way.
with conversions as (
    select * from {{ unpublished(ref('int_conversions'), 'person_id') }} as c
),

marts as (
    {%- for mart in ['mart_attribution_first', 'mart_attribution_last'] %}
    select '{{ mart }}' as mart, conversion_id, revenue, net_revenue
    from {{ unpublished(ref(mart), 'person_id') }} as m
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

expected as (
    select 'mart_attribution_first' as mart, conversion_id, revenue, net_revenue from conversions
    union all
    select 'mart_attribution_last' as mart, conversion_id, revenue, net_revenue from conversions
)

select
    coalesce(e.mart, m.mart) as mart, e.conversion_id, m.conversion_id as mart_conversion_id,
    e.revenue, m.revenue as mart_revenue, e.net_revenue, m.net_revenue as mart_net_revenue
from expected as e
full outer join marts as m on m.conversion_id = e.conversion_id and m.mart = e.mart
where e.conversion_id is null or m.conversion_id is null
    or e.revenue is distinct from m.revenue or e.net_revenue is distinct from m.net_revenue
