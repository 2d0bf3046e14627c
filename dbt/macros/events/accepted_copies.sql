{#- Every accepted copy of an event, of both sources, on this run's days, for which the condition holds, as a subquery.
    Not a CTE: DuckDB would write out a CTE that is read twice, the whole history of it, in every batch. -#}
{% macro accepted_copies(condition) -%}
    (
        {%- for staged in ['stg_ga_events', 'stg_streamed_events'] %}
        select shard, {{ event_columns() | join(', ') }}
        from {{ ref(staged) }}
        where reject_reason is null and {{ pruned(ref(staged)) }} and {{ condition }}
        {%- if not loop.last %}
        union all
        {%- endif %}
        {%- endfor %}
    )
{%- endmacro %}
