{#- A source, medium or campaign as the channel rules compare it: lower case, trimmed; nothing known is `(not set)`.
    Usage: {{ channel_text('medium') }} -#}
{% macro channel_text(text) -%}
    lower(coalesce({{ text_or_null(text) }}, '(not set)'))
{%- endmacro %}
