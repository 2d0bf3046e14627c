{#- Whether a text contains a match of a regular expression (RE2 on both engines; anchor it to match the whole text).

    DuckDB calls this regexp_matches, BigQuery regexp_contains, and only BigQuery reads a backslash in an ordinary
    literal as an escape: there the pattern is a raw literal. It must hold no single quote.
    Usage: {{ matches('medium', '^(ppc|paid.*)$') }} -#}
{% macro matches(text, pattern) -%}
    {{ return(adapter.dispatch('matches', 'attribution')(text, pattern)) }}
{%- endmacro %}

{% macro duckdb__matches(text, pattern) -%}
    regexp_matches({{ text }}, '{{ pattern }}')
{%- endmacro %}

{% macro bigquery__matches(text, pattern) -%}
    regexp_contains({{ text }}, r'{{ pattern }}')
{%- endmacro %}
