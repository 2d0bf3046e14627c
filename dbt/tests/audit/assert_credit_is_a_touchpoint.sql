-- A conversion is credited to a session that is none of its touchpoints, or to none at all.
{%- for mart in ['mart_attribution_first', 'mart_attribution_last'] %}
select '{{ mart }}' as mart, m.conversion_id, m.session_id, m.touchpoints
from {{ ref(mart) }} as m
left join {{ ref('int_touchpoints') }} as t on t.conversion_id = m.conversion_id and t.session_id = m.session_id
where t.session_id is null or m.source is distinct from t.source or m.channel is distinct from t.channel
{%- if not loop.last %}
union all
{%- endif %}
{%- endfor %}
