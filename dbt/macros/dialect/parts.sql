{#- Texts whose parts a character parts, as the items of a conversion are (semantics C6). -#}

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
{% macro duckdb__part_at(text, sign, number) -%}
    nullif(split_part({{ text }}, {{ sign }}, {{ number }}), '')
{%- endmacro %}
{% macro bigquery__part_at(text, sign, number) -%}
    nullif(split({{ text }}, {{ sign }})[safe_offset({{ number - 1 }})], '')
{%- endmacro %}
