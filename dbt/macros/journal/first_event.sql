{#- The time of the first event in the warehouse, microseconds, as a model journaled it last: int_events what it holds,
    a model below what it was built by. In the journal, because min() would read all of int_events in every batch. -#}
{% macro first_event(model_name) -%}
    (
        select cast(f.version as {{ dbt.type_bigint() }})
        from {{ looked_up(journal(), "entry = 'first_event'") }} as f
        where f.model = '{{ model_name }}'
        order by f.seq desc
        limit 1
    )
{%- endmacro %}

{#- Post-hook of a model that shows what follows from the first event. -#}
{% macro remember_first_event() %}
    insert into {{ journal() }} (entry, model, version, seq)
    select 'first_event', '{{ this.identifier }}', f.version, f.seq
    from {{ looked_up(journal(), "entry = 'first_event'") }} as f
    where f.model = 'int_events' and {{ first_event('int_events') }} is distinct from {{ first_event(this.identifier) }}
    order by f.seq desc
    limit 1
{% endmacro %}
