{#- A share of position_based in millionths. -#}
{% macro position_weight(place) %}
    {{- return((var('position_weights')[place] * 1000000) | round | int if execute else 1) -}}
{% endmacro %}

{#- What a touchpoint weighs under `model`, a whole number: its credit is its part of the conversion's total (T2, T5).
    Reads position, touchpoints (their number), last_click_position, touched_at and last_touched_at, and what
    fitted_weight reads. -#}
{% macro touch_weight() -%}
    case
        -- a conversion that lost its touchpoints would stay visible
        when position is null then 1
        when model = 'first_click' then case when position = 1 then 1 else 0 end
        when model = 'last_click' then case when position = last_click_position then 1 else 0 end
        when model = 'last_touch' then case when position = touchpoints then 1 else 0 end
        -- by age against the latest touch, which changes no share and never vanishes; to nine decimals, so that no
        -- engine's power function decides
        when model = 'time_decay' then cast(floor(
            pow(2, (touched_at - last_touched_at) / {{ micros(days=var('half_life_days')) }}) * 1000000000 + 0.5
        ) as {{ dbt.type_bigint() }})
        -- first and last share alone where nothing is between them
        when model = 'position_based' and touchpoints > 1 then
            case
                when position = 1 then {{ position_weight('first') }} * greatest(touchpoints - 2, 1)
                when position = touchpoints then {{ position_weight('last') }} * greatest(touchpoints - 2, 1)
                else {{ position_weight('middle') }}
            end
        when model in ('{{ data_driven_models() | join("', '") }}') then {{ fitted_weight() }}
        else 1
    end
{%- endmacro %}
