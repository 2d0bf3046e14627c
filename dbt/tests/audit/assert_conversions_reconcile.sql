-- A conversion is missing from a mart, or its revenue changed on the way.
{%- for mart in ['mart_attribution_first', 'mart_attribution_last'] %}
select
    '{{ mart }}' as mart, c.conversion_id, m.conversion_id as mart_conversion_id,
    c.revenue, m.revenue as mart_revenue, c.net_revenue, m.net_revenue as mart_net_revenue
from {{ unpublished(ref('int_conversions'), 'person_id') }} as c
full outer join {{ unpublished(ref(mart), 'person_id') }} as m on m.conversion_id = c.conversion_id
where c.conversion_id is null or m.conversion_id is null
    or c.revenue is distinct from m.revenue or c.net_revenue is distinct from m.net_revenue
{%- if not loop.last %}
union all
{%- endif %}
{%- endfor %}
