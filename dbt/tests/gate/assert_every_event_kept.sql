-- An accepted event is missing from int_events, or one stands there that no landed row brought. A copy may be kept with
-- another device than the one that is looked at, so the other side is looked up by all devices that hold a copy.
with staged as (
    {%- for staged in ['stg_ga_events', 'stg_streamed_events'] %}
    select event_key from {{ unpublished(ref(staged), 'device_key') }} as s where reject_reason is null
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

kept as (
    select event_key from {{ unpublished(ref('int_events'), 'device_key') }} as e
),

kept_of_staged as (
    {%- set copies = accepted_copies(among('event_key', 'select event_key as key from staged')) %}
    {%- set these = among('device_key', 'select c.device_key as key from ' ~ copies ~ ' as c') %}
    select event_key from {{ looked_up(ref('int_events'), these) }} as e
),

staged_of_kept as (
    {%- set these = among('event_key', 'select event_key as key from kept') %}
    select event_key from {{ accepted_copies(these) }} as s
)

select event_key, 'staged, not kept' as defect
from (select event_key from staged {{ dbt.except() }} select event_key from kept_of_staged) as s
union all
select event_key, 'kept, not staged' as defect
from (select event_key from kept {{ dbt.except() }} select event_key from staged_of_kept) as k
