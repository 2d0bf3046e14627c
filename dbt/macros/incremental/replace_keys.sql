{#- The materialization of the tables, the same on both engines. The rows of the keys that changed are derived again and
    replace the old ones: nothing is patched, so a row that no longer holds disappears. A table that does not exist yet,
    or was built by other rules, is built whole. Config meta of a model:
      replaces  the column whose values are replaced: shard, device_key, person_id or conversion_date
      at        the column of the rows' times, where not all of a key is replaced but what lies in the spans that the
                journal has of it (optional); until, where a row is of a stretch of time, the column of its end
      before, after  macros of the microseconds by which such a span is widened (optional)
      logs      the column whose old and new values the next kind of model must look at, or a list of such (optional)
      logs_as   the kind under which they do, where the column has another name (optional)
      logged_at, logged_until  the columns of their times, where these are not `at` and `until` (optional)
      starts_if a macro of a query that has a row where the model begins a batch of its own (optional)
      also      a macro of statements that add keys to this run and set its days; they may read it (optional)
      begins    a macro of statements that come before a rebuild (optional)
      beside    a macro of statements that keep what is held beside the table in step with rows that were written
                (optional)
      then      a macro that journals what follows from the new rows, in the same transaction (optional) -#}
{% materialization replace_keys, default %}
    {%- set found = load_cached_relation(this) -%}
    {%- if found is not none and not found.is_table -%}{%- do adapter.drop_relation(found) -%}{%- endif -%}
    {%- do adapter.dispatch('replace_keys', 'attribution')(rebuild=not is_incremental()) -%}
    {%- set table = this.incorporate(type='table') -%}
    {%- do apply_grants(table, config.get('grants'), should_revoke=should_revoke(found, full_refresh_mode=false)) -%}
    {%- do persist_docs(table, model) -%}
    {{ return({'relations': [table]}) }}
{% endmaterialization %}

{#- DuckDB: one transaction. An increment asks once whether anything is pending and ends there if not. -#}
{% macro duckdb__replace_keys(rebuild) %}
    {%- call statement('batches', fetch_result=true) -%}
        {{ find_batches() }}
        select count(*) from {{ batches() }}
    {%- endcall -%}
    {%- if not rebuild and load_result('batches').data[0][0] == 0 -%}
        {%- do store_raw_result('main', message='nothing pending', code='OK', rows_affected='0') -%}
        {%- do adapter.commit() -%}
        {{ return('') }}
    {%- endif -%}
    {%- call statement('main') -%}
        {{ take_keys() }}
        {%- if rebuild %}{{ begin_rebuild() }}{% endif %}
        {{ read_files_this_run() }}
        {%- if rebuild %}
        create or replace table {{ this }} as (
        select * from (
        {{ compiled_code }}
        ) as derived
        {#- so that blocks of rows hold few days each; staging is read file by file -#}
        {%- if config.get('partition_by') and model.config.meta.replaces != 'shard' %}
        order by {{ config.get('partition_by').field }}
        {%- endif %}
        );
        {%- else %}
        {{ create_beside(new_rows()) }} (
        {{ compiled_code }}
        );
        {%- endif %}
        {%- if rebuild %}
        {{ mark_rebuilt() }}
        {%- else %}
        {{ replace_rows() }}
        {%- endif %}
        {{ files_read() }}
    {%- endcall -%}
    {%- do adapter.commit() -%}
{% endmacro %}

{#- BigQuery: one script, so one job. DDL is refused inside a transaction, so that a rebuild commits statement by
    statement. -#}
{% macro bigquery__replace_keys(rebuild) %}
    {%- set by = adapter.parse_partition_by(config.get('partition_by')) -%}
    {%- set found = load_cached_relation(this) -%}
    {%- if rebuild and not adapter.is_replaceable(found, by, config.get('cluster_by')) -%}
        {%- do adapter.drop_relation(found) -%}
    {%- endif -%}
    {%- call statement('main') -%}
        declare batches array<string>;
        declare days array<date>;
        {{ declare_landed() }}
        {{ find_batches() }}
        {%- if rebuild %}
        {{ take_keys() }}
        {{ set_landed() }}
        {{ begin_rebuild() }}
        {{ create_table_as(false, this, compiled_code) }}
        {{ mark_rebuilt() }}
        {%- else %}
        if batches is not null then
            {{ take_keys() }}
            {{ set_landed() }}
            {{ create_beside(new_rows()) }} (
            {{ compiled_code }}
            );
            begin transaction;
            {{ replace_rows() }}
            commit transaction;
        end if
        {%- endif %}
    {%- endcall -%}
{% endmacro %}

{#- Journal writes are inserts only, so that models that run side by side on BigQuery do not abort one another. -#}
{% macro replace_rows() %}
    {%- set meta = model.config.meta %}
    {%- set names = get_quoted_csv(adapter.get_columns_in_relation(this) | map(attribute='name')) %}
    {%- if meta.logs %}{{ journal_keys(changed_rows()) }}{% endif %}
    delete from {{ this }} where {{ is_replaced() }};
    insert into {{ this }} ({{ names }}) select {{ names }} from {{ new_rows() }};
    {{ keep_beside(new_rows()) }}
    {{ mark_done() }}
{% endmacro %}

{% macro begin_rebuild() %}
    {%- if model.config.meta.begins %}{{ context[model.config.meta.begins]() }}{% endif %}
{% endmacro %}

{% macro keep_beside(rows) %}
    {%- if model.config.meta.beside %}{{ context[model.config.meta.beside](rows) }}{% endif %}
{% endmacro %}
