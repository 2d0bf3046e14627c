{#- A field by its path as the type it has to have; null where the table does not have it. Of a list of records each
    has the fields named, so that no others are read. -#}
{% macro export_field(path, type, known, at=none) -%}
    {%- set place = at or path -%}
    {%- if type is mapping -%}
        struct(
        {%- for name, inner in type.items() %}
            {{ export_field(path ~ '.' ~ name, inner, known, place ~ '.' ~ name) }} as {{ name }}
            {{- ',' if not loop.last }}
        {%- endfor %}
        )
    {%- elif type is not string and path in known -%}
        {{ each_of(place, export_field(path, type[0], known, 'i')) }}
    {%- elif type is not string -%}
        array(select {{ export_field(path, type[0], []) }} from (select 1 as nothing) where false)
    {%- elif path not in known -%}
        cast(null as {{ type }})
    {%- else -%}
        {{ place if type.startswith('array') else 'cast(' ~ place ~ ' as ' ~ type ~ ')' }}
    {%- endif -%}
{%- endmacro %}

{#- The paths of all fields of a table, in lower case. -#}
{% macro add_field_paths(fields, prefix, found) %}
    {%- for field in fields -%}
        {%- do found.append(prefix ~ field.name | lower) -%}
        {%- do add_field_paths(field.fields, prefix ~ field.name | lower ~ '.', found) -%}
    {%- endfor -%}
{% endmacro %}
