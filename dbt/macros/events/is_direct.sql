{#- Direct traffic (semantics S3). Unknown is not direct. -#}
{% macro is_direct(source, medium) -%}
    (lower({{ source }}) = '(direct)' and lower({{ medium }}) in ('(none)', '(not set)'))
{%- endmacro %}

{#- Evidence with a source and a medium (semantics S2); not true where one is null. -#}
{% macro is_complete(source, medium) -%}
    ({{ source }} <> '(not set)' and {{ medium }} <> '(not set)' and not {{ is_direct(source, medium) }})
{%- endmacro %}
