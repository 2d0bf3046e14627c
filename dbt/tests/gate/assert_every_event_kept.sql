-- An accepted event is missing from int_events, or one stands there that no landed row brought. A copy under an id that
-- its sender gave may be kept with another device or day than the one that is looked at.
{%- set staged = ['stg_ga_events', 'stg_streamed_events'] %}
with staged as (
    {%- for model in staged %}
    select event_key from {{ unpublished(ref(model), 'device_key') }} as s where reject_reason is null
    {{- ' union all' if not loop.last }}
    {%- endfor %}
),

kept as (
    select event_key from {{ unpublished(ref('int_events'), 'device_key') }} as e
),

not_kept as (select event_key from staged {{ dbt.except() }} select event_key from kept),

not_staged as (select event_key from kept {{ dbt.except() }} select event_key from staged)

select event_key, 'staged, not kept' as defect
from not_kept as n
where not exists (select 1 from {{ kept_copies() }} as e where e.event_key = n.event_key)
union all
select event_key, 'kept, not staged' as defect from not_staged
