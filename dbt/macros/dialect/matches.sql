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

{#- The same for a pattern that a user wrote, with whatever it holds.
    Usage: {{ matches_text('medium', rule.medium) }} -#}
{% macro matches_text(text, pattern) -%}
    {{ return(adapter.dispatch('matches_text', 'attribution')(text, pattern)) }}
{%- endmacro %}
{% macro duckdb__matches_text(text, pattern) -%}
    regexp_matches({{ text }}, {{ text_literal(pattern) }})
{%- endmacro %}
{% macro bigquery__matches_text(text, pattern) -%}
    regexp_contains({{ text }}, {{ text_literal(pattern) }})
{%- endmacro %}

{#- The text without all that matches the pattern. DuckDB takes only the first match away unless told. -#}
{% macro without(text, pattern) %}{{ return(adapter.dispatch('without', 'attribution')(text, pattern)) }}{% endmacro %}
{% macro duckdb__without(text, pattern) %}regexp_replace({{ text }}, '{{ pattern }}', '', 'g'){% endmacro %}
{% macro bigquery__without(text, pattern) %}regexp_replace({{ text }}, r'{{ pattern }}', ''){% endmacro %}

{#- A text as a literal; BigQuery reads backslashes in one as escapes. -#}
{% macro text_literal(text) %}{{ return(adapter.dispatch('text_literal', 'attribution')(text)) }}{% endmacro %}
{% macro duckdb__text_literal(text) %}'{{ text | replace("'", "''") }}'{% endmacro %}
{% macro bigquery__text_literal(text) -%}
    '{{ text | replace('\\', '\\\\') | replace("'", "\\'") }}'
{%- endmacro %}
