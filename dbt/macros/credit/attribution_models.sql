{#- The models that touch_weight knows, and those that the setting names. -#}
{% macro known_models() %}
    {{- return(['first_click', 'last_click', 'last_touch', 'linear', 'time_decay', 'position_based']) -}}
{% endmacro %}
{% macro attribution_models() %}
    {#- while parsing, a setting may still be anything: validate_settings refuses it before the run -#}
    {{- return(var('attribution_models') if execute else known_models()) -}}
{% endmacro %}

{#- The setting's models, a row each. -#}
{% macro model_names() -%}
    {%- for name in attribution_models() %}
    select '{{ name }}' as model
    {%- if not loop.last %} union all {%- endif %}
    {%- endfor %}
{%- endmacro %}
