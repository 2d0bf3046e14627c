{#- Whole numbers that are too large for 64 bits, as shares of money are (T3). -#}

{#- BigQuery has no wider integer, but NUMERIC holds 29 whole digits. -#}
{% macro wide(number) %}{{ return(adapter.dispatch('wide', 'attribution')(number)) }}{% endmacro %}
{% macro duckdb__wide(number) %}cast({{ number }} as hugeint){% endmacro %}
{% macro bigquery__wide(number) %}cast({{ number }} as numeric){% endmacro %}

{#- Money in cents. DuckDB's product of an amount and 100 would overflow decimal(18, 2). -#}
{% macro cents(amount) %}{{ return(adapter.dispatch('cents', 'attribution')(amount)) }}{% endmacro %}
{% macro duckdb__cents(amount) %}cast(cast({{ amount }} as decimal(20, 2)) * 100 as hugeint){% endmacro %}
{% macro bigquery__cents(amount) %}({{ amount }} * 100){% endmacro %}

{#- A part of conversions in billionths. DuckDB's product with a credit would overflow decimal(18, 9). -#}
{% macro billionths(number) %}{{ return(adapter.dispatch('billionths', 'attribution')(number)) }}{% endmacro %}
{% macro duckdb__billionths(number) %}cast(cast({{ number }} as decimal(38, 9)) * 1000000000 as hugeint){% endmacro %}
{% macro bigquery__billionths(number) %}({{ number }} * 1000000000){% endmacro %}

{#- A quotient without its fraction; `/` would give a floating number in DuckDB. -#}
{% macro whole_quotient(number, by) %}
    {{- return(adapter.dispatch('whole_quotient', 'attribution')(number, by)) -}}
{% endmacro %}
{% macro duckdb__whole_quotient(number, by) %}({{ number }}) // {{ by }}{% endmacro %}
{% macro bigquery__whole_quotient(number, by) %}div({{ number }}, {{ by }}){% endmacro %}

{#- A whole number of units as a decimal: cents as dollars (places 2), billionths as a part of one (places 9). DuckDB's
    `/` would give a floating number. -#}
{% macro decimals(number, places) %}
    {{- return(adapter.dispatch('decimals', 'attribution')(number, places)) -}}
{% endmacro %}
{% macro duckdb__decimals(number, places) -%}
    cast(cast({{ number }} as decimal(18, 0)) * {{ '0.' ~ '0' * (places - 1) ~ '1' }} as decimal(18, {{ places }}))
{%- endmacro %}
{% macro bigquery__decimals(number, places) %}cast({{ number }} as numeric) / {{ 10 ** places }}{% endmacro %}
