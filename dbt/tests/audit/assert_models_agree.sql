-- First or last click says something else in mart_attribution than in its own mart.
with marts as (
    {%- for name, mart in [('first_click', 'mart_attribution_first'), ('last_click', 'mart_attribution_last')]
        if name in attribution_models() %}
    select '{{ name }}' as model, * from {{ unpublished(ref(mart), 'person_id') }} as {{ name }}
    union all
    {%- endfor %}
    select 'no model' as model, * from {{ unpublished(ref('mart_attribution_first'), 'person_id') }} as n where false
),

credited as (
    select * from {{ unpublished(ref('mart_attribution'), 'person_id') }} as a
    where model in ('first_click', 'last_click') and credit > 0
)

select
    o.model, o.conversion_id, o.session_id, c.model as mart_model, c.conversion_id as mart_conversion_id,
    c.session_id as mart_session_id, c.credit
from marts as o
full outer join credited as c on c.conversion_id = o.conversion_id and c.model = o.model
where c.credit is distinct from 1
    {%- for column in [
        'person_id', 'conversion_date', 'converted_at', 'session_id', 'touched_at', 'source', 'medium', 'campaign',
        'channel', 'channel_group', 'touchpoints', 'revenue', 'net_revenue',
    ] %}
    or c.{{ column }} is distinct from o.{{ column }}
    {%- endfor %}
