{#- The models that touch_weight knows, and those that the setting names. -#}
{% macro known_models() %}
    {{- return(['first_click', 'last_click', 'last_touch', 'linear', 'time_decay', 'position_based']
        + data_driven_models()) -}}
{% endmacro %}
{% macro data_driven_models() %}{{ return(['markov', 'shapley']) }}{% endmacro %}

{% macro attribution_models() %}
    {#- while parsing, a setting may still be anything: validate_settings refuses it before the run -#}
    {{- return(var('attribution_models') if execute else known_models()) -}}
{% endmacro %}

{#- Those of mart_item_attribution, as a list of texts in SQL. -#}
{% macro item_models() %}
    {{- return("'" ~ (var('item_models') if execute else known_models()) | join("', '") ~ "'") -}}
{% endmacro %}

{#- The setting's models, a row each; of a data-driven model a row a fit, so none before its first. They weigh the
    conversions from from_date on, before until_date. -#}
{% macro models_by_date() -%}
    {%- for name in attribution_models() | reject('in', data_driven_models()) %}
    select
        '{{ name }}' as model, cast(null as {{ dbt.type_string() }}) as fit_id,
        cast('0001-01-01' as date) as from_date, cast('9999-12-31' as date) as until_date
    union all
    {%- endfor %}
    select p.model, p.fit_id, p.from_date, p.until_date
    from ({{ fit_periods() }}) as p
    where p.model in ('{{ attribution_models() | join("', '") }}')
{%- endmacro %}

{#- The same models, a row each. -#}
{% macro model_names() %}select distinct a.model from ({{ models_by_date() }}) as a{% endmacro %}
