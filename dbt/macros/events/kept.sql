{#- L4: readers see what happened since the first day that retention keeps. -#}
{% macro is_kept(at) -%}
    {{ at }} >= coalesce((select h.kept_from from {{ kept_history() }} as h), {{ before_any_event() }})
{%- endmacro %}

{#- L4: of a landed row that is too old to be taken in the hash that a kept event would have, null for any other row. A
    time that cannot be the event's does not count, whatever max_future_minutes says; include/retention.py has
    the same. -#}
{% macro old_event_hash(event_at, received_at, event_key) -%}
    case
        when
            case
                when {{ event_at }} between 946684800000000
                    and least({{ received_at }}, {{ after_any_event() }}) + {{ micros(minutes=100000) }}
                    then {{ event_at }}
                else {{ received_at }}
            end < coalesce((select max(k.rows_from) from {{ kept_events() }} as k), {{ before_any_event() }})
            then {{ md5_hex(event_key) }}
    end
{%- endmacro %}

{#- A time before and one after every event's. -#}
{% macro before_any_event() %}-4611686018427387904{% endmacro %}
{% macro after_any_event() %}4611686018427387904{% endmacro %}
