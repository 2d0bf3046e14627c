{#- Adds the devices and days whose events must be derived again beside those that changed: those that hold another copy
    of one of their events (E1), or held one; those on which a login moves events to somebody else (I1); and all, where
    a staging table was rebuilt. -#}
{% macro event_mates() %}
    {{ add_all_devices() }}
    {{ find_copies() }}
    {#- a device that holds a copy no longer is one of those that changed -#}
    insert into {{ this_run() }} (touched_key, from_at, until_at)
    select distinct c.device_key, {{ start_of_day('c.event_date') }}, {{ end_of_day('c.event_date') }}
    from {{ beside('__copies') }} as c
    where not {{ in_this_run('c.device_key', 'c.event_date') }};
    {{ moved_days() }}
    {{ if_added(find_copies()) }}
{% endmacro %}

{#- What a staging table that was rebuilt holds, and what int_events held of it: all. -#}
{% macro add_all_devices() %}
    {%- call on_all_days_if('select 1 from ' ~ entries_this_run() ~ " as j where j.entry = 'rebuilt'") %}
    insert into {{ this_run() }} (touched_key)
    {%- for holder in [ref('stg_ga_events'), ref('stg_streamed_events'), this] %}
    select h.device_key from {{ holder }} as h where {{ pruned(holder) }}
    {{- ' union distinct' if not loop.last }}
    {%- endfor %};
    {%- endcall %}
{% endmacro %}

{#- The copies of this run's events wherever they lie, as a table, and their days beside those of this run. What has no
    id of its own has its device and its time in its key (E1), so that copies of it lie on one day of one device; an id
    that a sender gave may come again at any time and place. -#}
{% macro find_copies() %}
    {{ set_days() }}
    {{ create_beside(beside('__copies')) }} (
    select s.event_key, s.device_key, s.event_date
    from {{ ref('stg_streamed_events') }} as s
    where s.reject_reason is null and s.event_key in (
        {%- for holder in [ref('stg_ga_events'), ref('stg_streamed_events'), this] %}
        select h.event_key from {{ touched_rows(holder, 'device_key', 'event_date') }} as h
        {{- ' union all' if not loop.last }}
        {%- endfor %}
    )
    );
    {{ find_exported_copies() }}
    {%- set spans %}
        select {{ utc_date(begins_at('r')) }} as first_date, {{ utc_date(ends_at('r')) }} as last_date
        from {{ this_run() }} as r
        where r.touched_key is not null
        union distinct
        select c.event_date, c.event_date from {{ beside('__copies') }} as c
    {%- endset %}
    {{ set_days_of(spans) }}
{% endmacro %}

{#- Exported events under an id that a sender gave: one that looks like their keys. Where there is none, nothing is
    read. -#}
{% macro find_exported_copies() %}
    {%- call on_all_days_if(ids_like_keys()) %}
    insert into {{ beside('__copies') }} (event_key, device_key, event_date)
    select s.event_key, s.device_key, s.event_date
    from {{ ref('stg_ga_events') }} as s
    where s.reject_reason is null and {{ pruned(ref('stg_ga_events')) }} and s.event_key in ({{ ids_like_keys() }});
    {%- endcall %}
{% endmacro %}
{% macro ids_like_keys() -%}
    select c.event_key from {{ beside('__copies') }} as c where {{ matches('c.event_key', '^[0-9a-f]{32}$') }}
{%- endmacro %}
