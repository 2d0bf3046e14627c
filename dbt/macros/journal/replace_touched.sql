{#- replace_touched: the one incremental strategy. Rows are derived again, whole, for the keys that changed, and replace
    the old ones: nothing is patched, so a row that no longer holds disappears. Config meta of a model:
      replaces  the column whose values are replaced: shard, device_key, person_id or conversion_date
      logs      the column whose old and new values the next kind of model must look at, or a list of such (optional)
      logs_as   the kind under which they do, where the column has another name (optional)
      also      a macro that selects more keys to replace, as touched_key; it may read the pin (optional)
      then      a macro that journals what follows from the new rows, in the same transaction (optional)
    Order: pin_touched (pre-hook), then in one transaction journal the keys, delete, insert, mark done. -#}
{% macro replace_touched_body(target_relation, source, columns) %}
    {%- set meta = model.config.meta -%}
    {%- set names = get_quoted_csv(columns | map(attribute='name')) -%}
    {%- if meta.logs %}
    {{ journal_keys(target_relation, pinned_only=true) }}
    {{ journal_keys(source) }}
    {%- endif %}
    delete from {{ target_relation }} where {{ touched_only(meta.replaces) }}{{ and_pruned(target_relation) }};
    insert into {{ target_relation }} ({{ names }}) select {{ names }} from {{ source }};
    {{ add_to_lookup(source) }}
    {{ mark_done() }}
{% endmacro %}

{#- DuckDB: dbt has begun the transaction before the pre-hook and commits it after the post-hook. -#}
{% macro get_incremental_replace_touched_sql(arg_dict) %}
    {{ return(replace_touched_body(arg_dict['target_relation'], arg_dict['temp_relation'], arg_dict['dest_columns'])) }}
{% endmacro %}

{#- Post-hook: the same marks after a first build or a full refresh; an incremental run has marked already. -#}
{% macro mark_rebuilt() %}
    {%- if execute and model.config.materialized == 'incremental' and not is_incremental() -%}
        {#- devices are too many: int_events looks at all of them after the rebuild of a staging table -#}
        {%- if 'device_key' not in logged() %}{{ journal_keys(this) }}{% endif %}
        {{ rebuild_lookup() }}
        {{ mark_done() }}
        {{ journal_rules() }}
    {%- endif -%}
{% endmacro %}
