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

{#- A row a part of a text, which a character parts: the relation's columns, `part` and `place`, 1 for the first. -#}
{% macro parts_of(relation, text, sign) %}
    {{- return(adapter.dispatch('parts_of', 'attribution')(relation, text, sign)) -}}
{% endmacro %}
{% macro duckdb__parts_of(relation, text, sign) -%}
    select
        r.*,
        unnest(string_split(r.{{ text }}, {{ sign }})) as part,
        generate_subscripts(string_split(r.{{ text }}, {{ sign }}), 1) as place
    from {{ relation }} as r
{%- endmacro %}
{% macro bigquery__parts_of(relation, text, sign) -%}
    select r.*, part, place + 1 as place
    from {{ relation }} as r
    cross join unnest(split(r.{{ text }}, {{ sign }})) as part with offset as place
{%- endmacro %}

{#- One part by its number, from 1 on; empty is absent. -#}
{% macro part_at(text, sign, number) %}
    {{- return(adapter.dispatch('part_at', 'attribution')(text, sign, number)) -}}
{% endmacro %}
{% macro duckdb__part_at(text, sign, number) %}nullif(split_part({{ text }}, {{ sign }}, {{ number }}), ''){% endmacro %}
{% macro bigquery__part_at(text, sign, number) -%}
    nullif(split({{ text }}, {{ sign }})[safe_offset({{ number - 1 }})], '')
{%- endmacro %}
