{#- The events of the devices of this run, all their copies, as a query of one column, key. -#}
{% macro touched_events() %}{{ return(adapter.dispatch('touched_events', 'attribution')()) }}{% endmacro %}
{% macro duckdb__touched_events() -%}
    {%- for holder in event_holders() %}
    select event_key as key from {{ touched_rows(holder, 'device_key', 'event_at') }} as h
    {{- ' union all' if not loop.last }}
    {%- endfor %}
{%- endmacro %}
{% macro bigquery__touched_events() -%}
    {%- for holder in event_holders() %}
    select event_key as key from {{ holder }} as h
    where bucket in unnest(touched_buckets) and {{ in_this_run('h', 'device_key', 'event_at') }}
    {{- ' union all' if not loop.last }}
    {%- endfor %}
{%- endmacro %}
