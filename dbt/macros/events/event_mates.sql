{#- Adds devices whose events must be derived again: those that hold another copy of an event of a touched device, or
    held one, from that copy on; and all, where a staging table was rebuilt. -#}
{% macro event_mates() %}
    insert into {{ this_run() }} (batch_id, touched_key, from_at)
    with touched as ({{ touched_events() }}),
    -- a device that holds a copy no longer is one of those that changed
    mates as (
        {%- for holder in [ref('stg_ga_events'), ref('stg_streamed_events')] %}
        select device_key, event_at
        from {{ looked_up(holder, 'event_key in (' ~ few_keys('select t.key from touched as t') ~ ')') }} as h
        {{- ' union all' if not loop.last }}
        {%- endfor %}
    )
    select (select max(batch_id) from {{ this_run() }}), device_key, min(event_at) from mates group by device_key;
    {{ add_all_devices() }};
    {{ first_logins() }};
    {{ set_partitions() }}
{% endmacro %}

{#- Where a staging table was rebuilt. BigQuery reads all devices only where it has to. -#}
{% macro add_all_devices() %}{{ return(adapter.dispatch('add_all_devices', 'attribution')()) }}{% endmacro %}
{% macro duckdb__add_all_devices() %}
    {{- insert_all_devices('exists (' ~ few_keys(staging_rebuilt()) ~ ')') }}
{% endmacro %}
{% macro bigquery__add_all_devices() %}
    if exists ({{ staging_rebuilt() }}) then
        {{ insert_all_devices('bucket >= 0') }};
    end if
{% endmacro %}
{% macro insert_all_devices(condition) -%}
    insert into {{ this_run() }} (batch_id, touched_key)
    {%- for holder in event_holders() %}
    select (select max(batch_id) from {{ this_run() }}), device_key from {{ holder }} where {{ condition }}
    {{- ' union distinct' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{#- Where an event's copies stand, or stood until this batch. -#}
{% macro event_holders() %}{{ return([ref('stg_ga_events'), ref('stg_streamed_events'), this]) }}{% endmacro %}

{#- One row where a batch of this run is the rebuild of a staging table. -#}
{% macro staging_rebuilt() -%}
    select 1 as key
    from {{ entries_this_run() }} as j
    where j.entry = 'rebuilt'
    limit 1
{%- endmacro %}

{#- Takes all of a device again where its first login is among the events of this run: what happened before a first
    login is its user's (I1), what happened after an earlier one follows from that. -#}
{% macro first_logins() -%}
    insert into {{ this_run() }} (batch_id, touched_key)
    with logins as (
        select device_key, event_at, true as is_kept
        from {{ looked_up(this, touched_only('device_key')) }} as e
        where user_id is not null and user_pseudo_id is not null
        union all
        select device_key, event_at, false
        from {{ accepted_copies(touched_only('device_key')) }} as c
        where user_id is not null and user_pseudo_id is not null
    ),
    begun as (
        select r.touched_key, min({{ begins_at('r') }}) as from_at from {{ this_run() }} as r group by r.touched_key
    )
    select (select max(batch_id) from {{ this_run() }}), b.touched_key
    from begun as b
    inner join logins as l on l.device_key = b.touched_key
    group by b.touched_key, b.from_at
    having count(case when l.event_at >= b.from_at then 1 end) > 0
        and count(case when l.is_kept and l.event_at < b.from_at then 1 end) = 0
{%- endmacro %}
