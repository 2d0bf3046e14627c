{#- A strategy that dbt-bigquery does not know, as the project's replace_touched: its two macros are overridden. -#}
{% macro dbt_bigquery_validate_get_incremental_strategy(config) %}
    {%- do return(config.get('incremental_strategy') or 'merge') -%}
{% endmacro %}

{% macro bq_generate_incremental_build_sql(
    strategy, tmp_relation, target_relation, sql, unique_key, partition_by, partitions, dest_columns,
    tmp_relation_exists, copy_partitions, incremental_predicates
) %}
    {%- if strategy != 'replace_people' -%}
        {{ return(dbt.bq_generate_incremental_build_sql(
            strategy, tmp_relation, target_relation, sql, unique_key, partition_by, partitions, dest_columns,
            tmp_relation_exists, copy_partitions, incremental_predicates
        )) }}
    {%- endif -%}
    {%- set names = get_quoted_csv(dest_columns | map(attribute='name')) %}
    {% if not tmp_relation_exists %}{{ bq_create_table_as(partition_by, True, tmp_relation, sql, 'sql') }}{% endif %}
    begin transaction;
    delete from {{ target_relation }} as t
    where exists (select 1 from {{ tmp_relation }} as s where s.user_id = t.user_id);
    insert into {{ target_relation }} ({{ names }}) select {{ names }} from {{ tmp_relation }};
    commit transaction;
    drop table if exists {{ tmp_relation }}
{% endmacro %}
