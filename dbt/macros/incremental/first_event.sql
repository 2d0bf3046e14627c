{#- The first event in the warehouse as a model journaled it last (T4): int_events what it holds, a model below what it
    was built by. In the journal, because min() would read all of int_events in every batch. -#}
{% macro known_first_event(model_name) -%}
    select f.touched_key, f.version, coalesce(f.detail, '') as detail, f.seq
    from {{ journal() }} as f
    where f.entry = 'first_event' and f.model = '{{ model_name }}' order by f.seq desc limit 1
{%- endmacro %}

{#- The same as one text, to see whether it changed. -#}
{% macro first_event(model_name) -%}
    (select concat(k.version, k.detail) from ({{ known_first_event(model_name) }}) as k)
{%- endmacro %}

{#- When the history begins (T4), microseconds: with the first timely event that is here or was, else the first. -#}
{% macro history_start() -%}
    (
        select case
            when k.detail = 'late' or h.first_event_at < cast(k.version as {{ dbt.type_bigint() }})
                then coalesce(h.first_event_at, cast(k.version as {{ dbt.type_bigint() }}))
            else cast(k.version as {{ dbt.type_bigint() }})
        end
        from ({{ known_first_event('int_events') }}) as k
        cross join {{ kept_history() }} as h
    )
{%- endmacro %}
