{#- The fields of the export that staging reads, those that hold others first: path, wanted (how the type begins) and
    required. BigQuery reads event_params as they are, so that all of their parts have to be there. -#}
{% macro export_paths() %}
    {%- set required, found = ['event_timestamp', 'event_name', 'event_params', 'user_pseudo_id'], [] -%}
    {%- set number = 'float64' -%}
    {%- set values = {'string_value': 'string', 'int_value': 'int64', 'float_value': number, 'double_value': number} -%}
    {%- do add_export_paths(export_fields(), '', required, found) -%}
    {%- do add_export_paths({'key': 'string', 'value': values}, 'event_params.', none, found) -%}
    {{ return(found) }}
{% endmacro %}

{#- required: the names that have to be there; none: all of them. -#}
{% macro add_export_paths(fields, above, required, found) %}
    {%- for name, type in fields.items() -%}
        {%- set records = type is not mapping and type is not string -%}
        {%- set list = records or (type is string and type.startswith('array')) -%}
        {%- set kind = 'STRUCT<' if type is mapping else 'ARRAY<STRUCT<' if list else type | upper -%}
        {%- set must = required is none or name in required -%}
        {%- do found.append({'path': above ~ name, 'wanted': kind, 'required': must}) -%}
        {%- if type is mapping or records -%}
            {%- set below, still = type[0] if records else type, none if required is none else [] -%}
            {%- do add_export_paths(below, above ~ name ~ '.', still, found) -%}
        {%- endif -%}
    {%- endfor -%}
{% endmacro %}
