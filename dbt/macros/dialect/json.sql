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

{#- A field that holds a list, as a list of JSON values; null where it is none. -#}
{% macro json_list(json, field) %}
    {{- return(adapter.dispatch('json_list', 'attribution')(json, field)) -}}
{% endmacro %}
{% macro duckdb__json_list(json, field) -%}
    case
        when json_type({{ json }}, '$.{{ field }}') = 'ARRAY'
            then cast(json_extract({{ json }}, '$.{{ field }}') as json[])
    end
{%- endmacro %}
{% macro bigquery__json_list(json, field) %}json_query_array({{ json }}, '$.{{ field }}'){% endmacro %}

{#- Why a field that is there is no list of objects. -#}
{% macro json_list_issue(json, field) %}
    {{- return(adapter.dispatch('json_list_issue', 'attribution')(json, field)) -}}
{% endmacro %}
{% macro duckdb__json_list_issue(json, field) -%}
    case
        when json_type({{ json }}, '$.{{ field }}') not in ('ARRAY', 'NULL') then 'not_a_list'
        when len(list_filter({{ json_list(json, field) }}, lambda i: json_type(i) <> 'OBJECT')) > 0
            then 'not_an_object'
    end
{%- endmacro %}
{% macro bigquery__json_list_issue(json, field) -%}
    case
        when json_type(json_query({{ json }}, '$.{{ field }}')) not in ('array', 'null') then 'not_a_list'
        when exists (select 1 from unnest({{ json_list(json, field) }}) as i where json_type(i) <> 'object')
            then 'not_an_object'
    end
{%- endmacro %}

{#- The columns as one JSON text, to keep a rejected row readable. -#}
{% macro row_json(columns) %}{{ return(adapter.dispatch('row_json', 'attribution')(columns)) }}{% endmacro %}
{% macro duckdb__row_json(columns) -%}
    cast(to_json({ {%- for c in columns %}'{{ c }}': {{ c }}{{ ', ' if not loop.last }}{% endfor -%} }) as varchar)
{%- endmacro %}
{% macro bigquery__row_json(columns) %}to_json_string(struct({{ columns | join(', ') }})){% endmacro %}
