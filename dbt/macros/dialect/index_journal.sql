{#- A batch finds its own entries in the journal by index on DuckDB; BigQuery has none. -#}
{% macro index_journal() %}{{ return(adapter.dispatch('index_journal', 'attribution')()) }}{% endmacro %}
{% macro duckdb__index_journal() -%}
    create index if not exists int_journal_batch_id on {{ journal() }} (batch_id);
    create index if not exists int_journal_entry on {{ journal() }} (entry);
{%- endmacro %}
{% macro bigquery__index_journal() %}{% endmacro %}

{#- The journal's columns, asked for without a transaction: this runs in a hook, which commits none. -#}
{% macro journal_columns() %}{{ return(adapter.dispatch('journal_columns', 'attribution')()) }}{% endmacro %}
{% macro duckdb__journal_columns() %}
    {{- return(adapter.execute('describe ' ~ journal(), auto_begin=false, fetch=true)[1].columns[0].values()) -}}
{% endmacro %}
{% macro bigquery__journal_columns() %}
    {{- return(adapter.get_columns_in_relation(journal()) | map(attribute='name') | list) -}}
{% endmacro %}

{#- A journal that was made before 0.2 lacks the column; DuckDB alters no table that has indexes. -#}
{% macro add_from_at() %}{{ return(adapter.dispatch('add_from_at', 'attribution')()) }}{% endmacro %}
{% macro duckdb__add_from_at() -%}
    drop index int_journal_batch_id;
    drop index int_journal_entry;
    {{ bigquery__add_from_at() }};
    {{ index_journal() }}
{%- endmacro %}
{% macro bigquery__add_from_at() %}alter table {{ journal() }} add column from_at {{ dbt.type_bigint() }}{% endmacro %}
