-- An accepted event is missing from int_events, or one stands there that no landed row brought.
with staged as (
    select distinct event_key
    from (
        select event_key from {{ ref('stg_ga_events') }} where reject_reason is null
        union all
        select event_key from {{ ref('stg_streamed_events') }} where reject_reason is null
    ) as s
)

select s.event_key as staged_event, e.event_key as kept_event
from staged as s
full outer join {{ ref('int_events') }} as e on e.event_key = s.event_key
where s.event_key is null or e.event_key is null
