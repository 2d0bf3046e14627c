{#- More devices whose events must be derived again: those that hold another copy of an event of a touched device, or
    held one; and all, where a staging table was rebuilt. -#}
{% macro event_mates() %}
    with staged as (
        select device_key, event_key from {{ ref('stg_ga_events') }}
        union all
        select device_key, event_key from {{ ref('stg_streamed_events') }}
    ),
    rebuilt as (
        select 1 as yes
        from {{ journal() }} as j
        inner join {{ pin() }} as p on p.batch_id = j.batch_id
        where j.entry = 'device_key' and j.touched_key = '*'
        limit 1
    ),
    streamed as (
        select device_key, event_key from {{ ref('stg_streamed_events') }}
        union all
        select device_key, event_key from {{ this }}
    ),
    touched as (
        select event_key from streamed where device_key in (select touched_key from {{ pin() }})
    )
    select device_key as touched_key from streamed where event_key in (select event_key from touched)
    union distinct
    select device_key from staged where exists (select 1 from rebuilt)
    union distinct
    select device_key from {{ this }} where exists (select 1 from rebuilt)
{% endmacro %}
