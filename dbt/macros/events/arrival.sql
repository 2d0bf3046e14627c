{#- When a streamed event arrived (semantics E4): its received_at, unless that is missing or further after the landing
    than a clock is wrong. -#}
{% macro arrival(received_at, landed_at) -%}
    coalesce(
        case
            when {{ received_at }} <= {{ landed_at }} + {{ micros(minutes=var('max_future_minutes')) }}
                then {{ received_at }}
        end,
        {{ landed_at }}
    )
{%- endmacro %}
