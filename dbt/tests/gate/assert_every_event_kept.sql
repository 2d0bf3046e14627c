-- An accepted event is missing from int_events, or one stands there that no landed row brought. A copy may be kept with
-- another device than the one that is looked at, so the other side is always whole.
with staged as (
    {%- for staged in ['stg_ga_events', 'stg_streamed_events'] %}
    select event_key, device_key from {{ ref(staged) }} where reject_reason is null
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
)

select s.event_key, 'staged, not kept' as defect
from staged as s
where
    {{ of_unpublished('s.device_key') }}
    and not exists (select 1 from {{ ref('int_events') }} as e where e.event_key = s.event_key)
union all
select e.event_key, 'kept, not staged' as defect
from {{ ref('int_events') }} as e
where
    {{ of_unpublished('e.device_key') }}
    and not exists (select 1 from staged as s where s.event_key = e.event_key)
