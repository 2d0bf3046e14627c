{#- A field of a JSON object as text; null where absent, null, an object or an array. -#}
{% macro json_field(json, field) %}
    {{- return(adapter.dispatch('json_field', 'attribution')(json, field)) -}}
{% endmacro %}
{% macro duckdb__json_field(json, field) %}json_value({{ json }}, '$.{{ field }}') ->> '$'{% endmacro %}
{% macro bigquery__json_field(json, field) %}json_value({{ json }}, '$.{{ field }}'){% endmacro %}

{#- The text as a JSON object, null where it is none. -#}
{% macro json_object_or_null(text) %}
    {{- return(adapter.dispatch('json_object_or_null', 'attribution')(text)) -}}
{% endmacro %}
{% macro duckdb__json_object_or_null(text) -%}
    case when json_valid({{ text }}) and json_type({{ text }}) = 'OBJECT' then cast({{ text }} as json) end
{%- endmacro %}
{% macro bigquery__json_object_or_null(text) -%}
    {%- set parsed = "safe.parse_json(" ~ text ~ ", wide_number_mode => 'round')" -%}
    if(json_type({{ parsed }}) = 'object', {{ parsed }}, null)
{%- endmacro %}

{#- The columns as one JSON text, to keep a rejected row readable. -#}
{% macro row_json(columns) %}{{ return(adapter.dispatch('row_json', 'attribution')(columns)) }}{% endmacro %}
{% macro duckdb__row_json(columns) -%}
    cast(to_json({ {%- for c in columns %}'{{ c }}': {{ c }}{{ ', ' if not loop.last }}{% endfor -%} }) as varchar)
{%- endmacro %}
{% macro bigquery__row_json(columns) %}to_json_string(struct({{ columns | join(', ') }})){% endmacro %}
