{#- The materialization of the tables, the same on both engines. The rows of the keys that changed are derived again and
    replace the old ones: nothing is patched, so a row that no longer holds disappears. A table that does not exist yet,
    or was built by other rules, is built whole. Config meta of a model:
      replaces  the column whose values are replaced: shard, device_key, person_id or conversion_date
      since     the column of the rows' times, where not all of a key is replaced but what happened from the time on
                from which the journal has it
      logs      the column whose old and new values the next kind of model must look at, or a list of such (optional)
      logs_as   the kind under which they do, where the column has another name (optional)
      logged_at the column of the time from which they do, where it is not `since` (optional)
      also      a macro of statements that add keys to this run; they may read them (optional)
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
    {%- if not rebuild -%}
        {%- call statement('this_run', fetch_result=true) -%}
            {{ create_this_run() }}
            select count(*) from {{ this_run() }}
        {%- endcall -%}
        {%- if load_result('this_run').data[0][0] == 0 -%}
            {%- do store_raw_result('main', message='nothing pending', code='OK', rows_affected='0') -%}
            {%- do adapter.commit() -%}
            {{ return('') }}
        {%- endif -%}
    {%- endif -%}
    {%- call statement('main') -%}
        {%- if rebuild %}{{ create_this_run() }}{% endif %}
        {{ read_files_this_run() }}
        create or replace {{ 'table ' ~ this if rebuild else 'temp table ' ~ new_rows() }} as (
        {{ compiled_code }}
        );
        {%- if rebuild %}
        {%- for index in config.get('indexes', []) %}{{ get_create_index_sql(this, index) }}{% endfor %}
        {{ mark_rebuilt() }}
        {%- else %}
        {{ carry_earlier_rows() }}
        {{ replace_rows('by name select *') }}
        {%- endif %}
        {{ files_read() }}
    {%- endcall -%}
    {%- do adapter.commit() -%}
{% endmacro %}

{#- DuckDB finds rows by an index where the key is the only condition. So an increment replaces all rows of its keys,
    and those of before the time from which they are taken again come along as they are. -#}
{% macro carry_earlier_rows() -%}
    {%- set meta = model.config.meta %}
    {%- if meta.since %}
    insert into {{ new_rows() }} by name
    select k.* from {{ looked_up(this, touched_only(meta.replaces)) }} as k
    where not {{ in_this_run('k', meta.replaces, meta.since) }};
    {%- endif %}
{%- endmacro %}

{#- BigQuery: one script, so one job. DDL is refused inside a transaction, so that an increment writes the new rows into
    a table before it, and a rebuild commits statement by statement. -#}
{% macro bigquery__replace_keys(rebuild) %}
    {%- set by = adapter.parse_partition_by(config.get('partition_by')) -%}
    {%- set found = load_cached_relation(this) -%}
    {%- if rebuild and not adapter.is_replaceable(found, by, config.get('cluster_by')) -%}
        {%- do adapter.drop_relation(found) -%}
    {%- endif -%}
    {%- call statement('main') -%}
        {{ declare_partitions() }}
        {{ set_sight() }}
        {{ create_this_run() }}
        {%- if rebuild %}
        {{ set_shards() }}
        {{ create_table_as(false, this, with_bucket(compiled_code)) }}
        {{ mark_rebuilt() }}
        {%- else %}
        {%- set names = get_quoted_csv(adapter.get_columns_in_relation(this) | map(attribute='name')) %}
        if exists (select 1 from {{ this_run() }}) then
            {{ set_shards() }}
            {{ create_table_as(true, new_rows(), with_bucket(compiled_code)) }}
            begin transaction;
            {{ replace_rows('(' ~ names ~ ') select ' ~ names) }}
            commit transaction;
            drop table if exists {{ new_rows() }};
        end if;
        {%- endif %}
        drop table if exists {{ this_run() }}
    {%- endcall -%}
{% endmacro %}

{#- Journal writes are inserts only, so that models that run side by side on BigQuery do not abort one another. -#}
{% macro replace_rows(columns) %}
    {%- set meta = model.config.meta %}
    {%- if meta.logs %}{{ journal_keys(changed_rows()) }}{% endif %}
    delete from {{ this }} as d where {{ touched_only(meta.replaces) }}{{ and_since('d') }};
    insert into {{ this }} {{ columns }} from {{ new_rows() }};
    {{ add_to_lookup(new_rows()) }}
    {{ mark_done() }}
{% endmacro %}
