-- A conversion is credited to a session that is none of its touchpoints, to the wrong one, or with an older answer.
with touchpoints as (
    select
        t.*,
        count(*) over (partition by conversion_id) as touchpoints,
        row_number() over (partition by conversion_id order by position) as from_first,
        row_number() over (partition by conversion_id order by is_direct asc, position desc) as from_last
    from {{ unpublished(ref('int_touchpoints'), 'person_id') }} as t
)
{% for mart, place in [('mart_attribution_first', 'from_first'), ('mart_attribution_last', 'from_last')] %}
select '{{ mart }}' as mart, m.conversion_id, m.session_id, t.session_id as expected_session_id, m.touchpoints
from {{ unpublished(ref(mart), 'person_id') }} as m
left join touchpoints as t on t.conversion_id = m.conversion_id and t.{{ place }} = 1
where t.session_id is null or m.session_id is distinct from t.session_id
    {%- for column in ['touchpoints', 'source', 'medium', 'campaign', 'channel', 'channel_group', 'source_rule'] %}
    or m.{{ column }} is distinct from t.{{ column }}
    {%- endfor %}
    or m.touched_at is distinct from {{ utc_timestamp('t.touched_at') }}
{%- if not loop.last %}
union all
{%- endif %}
{%- endfor %}
