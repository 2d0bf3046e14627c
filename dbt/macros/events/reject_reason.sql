{#- Why a row is set aside (semantics E4), the first reason that holds. -#}
{% macro reject_reason(event_at, event_name, received_at) -%}
    case
        when {{ event_name }} is null then 'no_event_name'
        when {{ event_at }} is null then 'no_event_timestamp'
        when {{ event_at }} < 946684800000000 then 'event_timestamp_before_2000'
        when {{ event_at }} > {{ received_at }} + {{ micros(minutes=var('max_future_minutes')) }} then 'event_in_future'
    end
{%- endmacro %}
