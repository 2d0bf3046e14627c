{#- Why a shard (an alias of `changed` in changed_shards) cannot be read, or null. DuckDB asks once for all. -#}
{% macro shard_problem(shard) %}{{ return(adapter.dispatch('shard_problem', 'attribution')(shard)) }}{% endmacro %}
{% macro duckdb__shard_problem(shard) -%}
    (
        select shard_problems('{{ this.identifier }}', list({'name': shard, 'path': path, 'version': version}))
        from changed
        where version is not null
    )[{{ shard }}.shard]
{%- endmacro %}
{% macro bigquery__shard_problem(shard) -%}
    {%- if this.identifier == 'stg_ga_events' -%}
    (select max(p.problem) from {{ export_problems() }} as p where p.shard = {{ shard }}.shard)
    {%- else -%}
    cast(null as string)
    {%- endif -%}
{%- endmacro %}
