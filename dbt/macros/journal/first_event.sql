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
