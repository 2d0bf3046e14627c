{#- Lists of records, as the items of an order are. -#}

{#- The list with an expression of each element, called i, in its order. BigQuery has no functions on lists but a
    subquery, DuckDB no fast subquery on a list. -#}
{% macro each_of(list, expression) %}
    {{- return(adapter.dispatch('each_of', 'attribution')(list, expression)) -}}
{% endmacro %}
{% macro duckdb__each_of(list, expression) -%}
    list_transform({{ list }}, lambda i: {{ expression }})
{%- endmacro %}
{% macro bigquery__each_of(list, expression) -%}
    array(select {{ expression }} from unnest({{ list }}) as i with offset as place order by place)
{%- endmacro %}

{#- A record of these fields, name to expression. -#}
{% macro record(fields) %}{{ return(adapter.dispatch('record', 'attribution')(fields)) }}{% endmacro %}
{% macro duckdb__record(fields) -%}
    struct_pack(
        {%- for name, value in fields.items() %}{{ name }} := {{ value }}{{ ', ' if not loop.last }}{% endfor -%}
    )
{%- endmacro %}
{% macro bigquery__record(fields) -%}
    struct(
        {%- for name, value in fields.items() %}{{ value }} as {{ name }}{{ ', ' if not loop.last }}{% endfor -%}
    )
{%- endmacro %}

{#- The texts of a list joined by a character; null where there is none. Both leave nulls out. -#}
{% macro joined(list, sign) %}nullif(array_to_string({{ list }}, {{ sign }}), ''){% endmacro %}
