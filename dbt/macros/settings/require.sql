{% macro require_number(name, least, most) %}
    {%- set value = var(name) -%}
    {%- if value is not number or value is boolean or value < least or value > most -%}
        {%- do refuse(name, 'a number from ' ~ least ~ ' to ' ~ most) -%}
    {%- endif -%}
{% endmacro %}

{% macro require_numbers(name, keys) %}
    {%- for key in keys -%}
        {%- set value = var(name)[key] if var(name) is mapping -%}
        {%- if value is not number or value is boolean or value < 0 -%}
            {%- do refuse(name, 'a number from 0 on for each of ' ~ keys | join(' and ')) -%}
        {%- endif -%}
    {%- endfor -%}
{% endmacro %}

{% macro require_names(name, required) %}
    {%- set value = var(name) -%}
    {%- if value is string or value is mapping or value is not iterable or (required and not value) -%}
        {%- do refuse(name, 'a list of names' ~ (', at least one' if required else '')) -%}
    {%- endif -%}
    {%- for item in value if item is not string or "'" in item or '\\' in item -%}
        {%- do refuse(name, 'a list of names without quotes or backslashes') -%}
    {%- endfor -%}
{% endmacro %}

{#- A list of any texts. YAML reads a null or 0 without quotes as no text. -#}
{% macro require_texts(name) %}
    {%- set value = var(name) -%}
    {%- if value is string or value is mapping or value is not iterable
        or value | reject('string') | list or '' in value | map('trim') | list -%}
        {%- do refuse(name, 'a list of texts that are not empty, each in quotes (["null", "0"]); [] for none') -%}
    {%- endif -%}
{% endmacro %}

{% macro refuse(name, allowed) %}
    {%- do exceptions.raise_compiler_error(
        'Setting ' ~ name ~ ' is ' ~ (var(name) | tojson) ~ '; allowed is ' ~ allowed
        ~ '. Change it in dbt_project.yml or pass it by --vars (docs/settings.md).'
    ) -%}
{% endmacro %}
