{#- The journal's columns, asked for without a transaction: this runs in a hook, which commits none. -#}
{% macro journal_columns() %}{{ return(adapter.dispatch('journal_columns', 'attribution')()) }}{% endmacro %}
{% macro duckdb__journal_columns() %}
    {{- return(adapter.execute('describe ' ~ journal(), auto_begin=false, fetch=true)[1].columns[0].values()) -}}
{% endmacro %}
{% macro bigquery__journal_columns() %}
    {{- return(adapter.get_columns_in_relation(journal()) | map(attribute='name') | list) -}}
{% endmacro %}

{#- A journal that was made before 0.2 lacks them; DuckDB alters no table that has indexes. -#}
{% macro add_times() %}{{ return(adapter.dispatch('add_times', 'attribution')()) }}{% endmacro %}
{% macro duckdb__add_times() -%}
    drop index if exists int_journal_batch_id;
    drop index if exists int_journal_entry;
    {{ bigquery__add_times() }}
{%- endmacro %}
{% macro bigquery__add_times() %}
    {%- for column in ['from_at', 'until_at'] %}
    alter table {{ journal() }} add column if not exists {{ column }} {{ dbt.type_bigint() }};
    {%- endfor %}
{% endmacro %}
