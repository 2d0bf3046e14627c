{#- Adds devices whose events must be derived again: those that hold another copy of an event of a touched device, or
    held one; and all, where a staging table was rebuilt. -#}
{% macro event_mates() %}{{ return(adapter.dispatch('event_mates', 'attribution')()) }}{% endmacro %}

{% macro duckdb__event_mates() %}
    insert into {{ this_run() }}
    with rebuilt as ({{ staging_rebuilt() }}),
    touched as ({{ touched_events() }}),
    -- a device that holds a copy no longer is one of those that changed
    mates as (
        {%- for holder in event_holders() %}
        {%- if holder != this %}
        select device_key from {{ holder }} where event_key in ({{ few_keys('select key from touched') }})
        union distinct
        {%- endif %}
        select device_key from {{ holder }} where exists (select 1 from rebuilt)
        {{- ' union distinct' if not loop.last }}
        {%- endfor %}
    )
    select (select max(batch_id) from {{ this_run() }}), device_key from mates
{% endmacro %}

{#- BigQuery finds them in int_lookup, and looks at all devices only where it has to. -#}
{% macro bigquery__event_mates() %}
    {%- set last = '(select max(batch_id) from ' ~ this_run() ~ ')' %}
    set touched_buckets = {{ buckets_of(this_run_keys()) }};
    set event_buckets = {{ buckets_of(touched_events()) }};
    insert into {{ this_run() }}
    select distinct {{ last }}, l.device_key
    from {{ lookup() }} as l
    where l.bucket in unnest(event_buckets) and l.kind = 'event'
        and l.key in (select t.key from ({{ touched_events() }}) as t);
    if exists ({{ staging_rebuilt() }}) then
        insert into {{ this_run() }}
        {%- for holder in event_holders() %}
        select {{ last }}, device_key from {{ holder }} where bucket >= 0
        {{- ' union distinct' if not loop.last }}
        {%- endfor %};
    end if
{% endmacro %}

{#- Where an event's copies stand, or stood until this batch. -#}
{% macro event_holders() %}{{ return([ref('stg_ga_events'), ref('stg_streamed_events'), this]) }}{% endmacro %}

{#- One row where a batch of this run is the rebuild of a staging table. -#}
{% macro staging_rebuilt() -%}
    select 1 as yes
    from {{ entries_this_run() }} as j
    where j.entry = 'rebuilt'
    limit 1
{%- endmacro %}
