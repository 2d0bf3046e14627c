{#- Direct traffic (semantics S3). Unknown is not direct. -#}
{% macro is_direct(source, medium) -%}
    (lower({{ source }}) = '(direct)' and lower({{ medium }}) in ('(none)', '(not set)'))
{%- endmacro %}
