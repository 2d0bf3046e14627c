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
        when len(list_filter({{ json_list(json, field) }}, lambda i: coalesce(json_type(i), '') <> 'OBJECT')) > 0
            then 'not_an_object'
    end
{%- endmacro %}
{% macro bigquery__json_list_issue(json, field) -%}
    case
        when json_type(json_query({{ json }}, '$.{{ field }}')) not in ('array', 'null') then 'not_a_list'
        when exists (
            select 1 from unnest({{ json_list(json, field) }}) as i where coalesce(json_type(i), '') <> 'object'
        )
            then 'not_an_object'
    end
{%- endmacro %}
