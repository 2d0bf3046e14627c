{#- The settings of the attribution models. -#}
{% macro validate_models() %}
    {%- do require_names('attribution_models', required=true) -%}
    {%- set known = known_models() -%}
    {%- set named = var('attribution_models') -%}
    {%- if named | unique | list | length < named | length or named | reject('in', known) | list -%}
        {%- do refuse('attribution_models', 'a list of ' ~ known | join(', ') ~ ', each at most once') -%}
    {%- endif -%}
    {%- do require_names('item_models', required=false) -%}
    {%- set of_items = var('item_models') -%}
    {%- if of_items | unique | list | length < of_items | length or of_items | reject('in', named) | list -%}
        {%- do refuse('item_models', 'a list of those in attribution_models (' ~ named | join(', ')
            ~ '), each at most once; [] for none') -%}
    {%- endif -%}
    {%- do require_number('half_life_days', 0.01, 3650) -%}
    {%- do require_position_weights() -%}
    {%- for name, least, most in [
        ('fit_days', 1, 3650), ('fit_window_days', 1, 3650), ('fit_least_conversions', 1, 1000000000),
        ('markov_order', 1, 5), ('shapley_exact_channels', 1, 16), ('shapley_samples', 100, 1000000),
        ('fit_seed', 0, 1000000000),
    ] -%}
        {%- do require_number(name, least, most) -%}
        {%- if var(name) | int != var(name) -%}{%- do refuse(name, 'a whole number') -%}{%- endif -%}
    {%- endfor -%}
{% endmacro %}

{#- Shares to six decimals that sum to 1; without first and last a journey of two would earn nobody anything. -#}
{% macro require_position_weights() %}
    {%- set weights = var('position_weights') -%}
    {%- set allowed = 'first, middle and last, each from 0 to 1 with at most six decimals, that sum to 1, '
        ~ 'first and last not both 0' -%}
    {%- if weights is not mapping or weights.keys() | sort != ['first', 'last', 'middle'] -%}
        {%- do refuse('position_weights', allowed) -%}
    {%- endif -%}
    {%- for weight in weights.values()
        if weight is not number or weight is boolean or weight < 0 or weight > 1 or weight | round(6) != weight -%}
        {%- do refuse('position_weights', allowed) -%}
    {%- endfor -%}
    {%- set millionths = [position_weight('first'), position_weight('middle'), position_weight('last')] -%}
    {%- if millionths | sum != 1000000 or millionths[0] + millionths[2] == 0 -%}
        {%- do refuse('position_weights', allowed) -%}
    {%- endif -%}
{% endmacro %}
