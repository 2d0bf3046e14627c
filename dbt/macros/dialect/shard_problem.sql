{#- Why a shard (an alias of changed_shards) cannot be read, or null. -#}
{% macro shard_problem(shard) %}{{ return(adapter.dispatch('shard_problem', 'attribution')(shard)) }}{% endmacro %}
{% macro duckdb__shard_problem(shard) %}shard_problem('{{ this.identifier }}', {{ shard }}.path){% endmacro %}
{% macro bigquery__shard_problem(shard) -%}
    {%- if this.identifier == 'stg_ga_events' -%}
    (select max(p.problem) from {{ export_problems() }} as p where p.shard = {{ shard }}.shard)
    {%- else -%}
    cast(null as string)
    {%- endif -%}
{%- endmacro %}
