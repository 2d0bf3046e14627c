{#- Numbers that the two engines cast differently. -#}

{#- A decimal numeral, NaN or Infinity as a floating number; null for any other text. Each engine alone would take more:
    DuckDB 1_000 and blanks, BigQuery hexadecimal digits. -#}
{% macro try_float(text) -%}
    {%- set numeral = '([0-9]+[.]?[0-9]*|[.][0-9]+)(e[+-]?[0-9]+)?' -%}
    case when {{ matches(text, '(?i)^[+-]?(' ~ numeral ~ '|nan|inf|infinity)$') }} then {{ cast_float(text) }} end
{%- endmacro %}
{% macro cast_float(text) %}{{ return(adapter.dispatch('cast_float', 'attribution')(text)) }}{% endmacro %}
{% macro duckdb__cast_float(text) %}try_cast({{ text }} as double){% endmacro %}
{% macro bigquery__cast_float(text) %}safe_cast({{ text }} as float64){% endmacro %}

{#- Text as a whole number, null where it is none. DuckDB alone would round '1.5'. -#}
{% macro try_whole(text) %}{{ return(adapter.dispatch('try_whole', 'attribution')(text)) }}{% endmacro %}
{% macro duckdb__try_whole(text) -%}
    case when regexp_full_match({{ text }}, '[+-]?[0-9]+') then try_cast({{ text }} as bigint) end
{%- endmacro %}
{% macro bigquery__try_whole(text) -%}
    case when regexp_contains({{ text }}, r'^[+-]?[0-9]+$') then safe_cast({{ text }} as int64) end
{%- endmacro %}

{% macro is_nan(number) %}{{ return(adapter.dispatch('is_nan', 'attribution')(number)) }}{% endmacro %}
{% macro duckdb__is_nan(number) %}isnan({{ number }}){% endmacro %}
{% macro bigquery__is_nan(number) %}is_nan({{ number }}){% endmacro %}

{% macro is_infinite(number) %}{{ return(adapter.dispatch('is_infinite', 'attribution')(number)) }}{% endmacro %}
{% macro duckdb__is_infinite(number) %}isinf({{ number }}){% endmacro %}
{% macro bigquery__is_infinite(number) %}is_inf({{ number }}){% endmacro %}

{#- Money: NUMERIC(18, 2). BigQuery's parameterized types are refused in a cast of a query; plain NUMERIC holds it. -#}
{% macro money(number) %}{{ return(adapter.dispatch('money', 'attribution')(number)) }}{% endmacro %}
{% macro duckdb__money(number) %}cast({{ number }} as decimal(18, 2)){% endmacro %}
{% macro bigquery__money(number) %}cast({{ number }} as numeric){% endmacro %}

{#- A floating number to exactly nine decimals, as BigQuery's NUMERIC has them. DuckDB's own cast multiplies as double
    and is cents off from 10^13 on, so it goes through the number's text. -#}
{% macro nine_decimals(number) %}{{ return(adapter.dispatch('nine_decimals', 'attribution')(number)) }}{% endmacro %}
{% macro duckdb__nine_decimals(number) %}cast(cast({{ number }} as varchar) as decimal(24, 9)){% endmacro %}
{% macro bigquery__nine_decimals(number) %}cast({{ number }} as numeric){% endmacro %}

{#- The rate beside it: decimal(24, 9) by decimal(14, 9) stays within DuckDB's 38 digits. -#}
{% macro exchange_rate(number) %}{{ return(adapter.dispatch('exchange_rate', 'attribution')(number)) }}{% endmacro %}
{% macro duckdb__exchange_rate(number) %}cast({{ number }} as decimal(14, 9)){% endmacro %}
{% macro bigquery__exchange_rate(number) %}cast({{ number }} as numeric){% endmacro %}

{#- The type of a floating number; dbt's own `float` has 32 bits on DuckDB. -#}
{% macro type_double() %}{{ return(adapter.dispatch('type_double', 'attribution')()) }}{% endmacro %}
{% macro duckdb__type_double() %}double{% endmacro %}
{% macro bigquery__type_double() %}float64{% endmacro %}
