{#- A source, medium or campaign as the channel rules compare it: lower case, trimmed; nothing known is `(not set)`.
    In the short form of text_or_null: the rules ask for it dozens of times, and of few distinct rows.
    Usage: {{ channel_text('medium') }} -#}
{% macro channel_text(text) -%}
    lower(coalesce({{ default__text_or_null(text) }}, '(not set)'))
{%- endmacro %}
