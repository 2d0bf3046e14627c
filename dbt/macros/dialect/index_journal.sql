{#- A batch finds its own entries in the journal by index on DuckDB; BigQuery has none. -#}
{% macro index_journal() %}{{ return(adapter.dispatch('index_journal', 'attribution')()) }}{% endmacro %}
{% macro duckdb__index_journal() -%}
    create index if not exists int_journal_batch_id on {{ journal() }} (batch_id);
    create index if not exists int_journal_entry on {{ journal() }} (entry);
{%- endmacro %}
{% macro bigquery__index_journal() %}{% endmacro %}
