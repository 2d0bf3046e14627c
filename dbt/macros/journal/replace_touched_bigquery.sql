{#- dbt-bigquery keeps no registry of strategies: these two macros of its own are overridden for replace_touched and
    hand everything else back. -#}
{% macro dbt_bigquery_validate_get_incremental_strategy(config) %}
    {%- if config.get('incremental_strategy') == 'replace_touched' -%}{{ return('replace_touched') }}{%- endif -%}
    {{ return(dbt.dbt_bigquery_validate_get_incremental_strategy(config)) }}
{% endmacro %}

{% macro bq_generate_incremental_build_sql(
    strategy, tmp_relation, target_relation, sql, unique_key, partition_by, partitions, dest_columns,
    tmp_relation_exists, copy_partitions, incremental_predicates
) %}
    {%- if strategy != 'replace_touched' -%}
        {{ return(dbt.bq_generate_incremental_build_sql(
            strategy, tmp_relation, target_relation, sql, unique_key, partition_by, partitions, dest_columns,
            tmp_relation_exists, copy_partitions, incremental_predicates
        )) }}
    {%- endif -%}
    {#- DDL is refused inside a BigQuery transaction, so the temporary table comes first. Journal writes are inserts
        only, so that models that run side by side do not abort one another. #}
    {{ declare_keys() }}
    begin transaction;
    {{ replace_touched_body(target_relation, tmp_relation, dest_columns) }}
    commit transaction;
    drop table if exists {{ tmp_relation }};
    drop table if exists {{ pin() }}
{% endmacro %}
